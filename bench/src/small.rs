//! Pictures so small that a process of their own is the dearest part of them: CPU of one, and how many a second.
//!
//! Each of them is another original, so each has its own worker from start to end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use cuttle_e2e::{Server, place};

use crate::clock::milliseconds;
use crate::photos::median;

/// Medians of the rounds.
pub(crate) struct Small {
    /// Milliseconds of CPU a picture, all processes, those that ended included.
    pub(crate) cpu: f64,
    /// Pictures a second, with two clients.
    pub(crate) rate: f64,
}

pub(crate) const PICTURES: u32 = 1000;
const CLIENTS: usize = 2;
const ROUNDS: usize = 3;

pub(crate) fn measure() -> Small {
    eprintln!("small pictures …");
    let (mut cpu, mut rate) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let picture = cuttle_e2e::photo(64, 48, 1);
        for n in 0..PICTURES {
            // What follows the end of a JPEG changes its digest and nothing else.
            let bytes = [&picture[..], &n.to_be_bytes()].concat();
            place(folder.path(), &format!("{n}.jpg"), &bytes);
        }
        let server = Server::start(folder.path());
        let (before, began, next) = (server.cpu(), Instant::now(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while let Some(n) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < PICTURES)
                    {
                        let answer =
                            server.client.get(&format!("/_cuttle/image?src=/{n}.jpg&w=32&f=webp"));
                        assert_eq!(answer.header("cache-status"), "cuttle; fwd=miss");
                        assert_eq!(answer.header("content-type"), "image/webp");
                    }
                });
            }
        });
        let wall = began.elapsed();
        let spent = server.settled_cpu() - before;
        cpu.push(milliseconds(spent) / f64::from(PICTURES));
        rate.push(f64::from(PICTURES) / wall.as_secs_f64());
        eprintln!(
            "  {:.2} ms of CPU, {:.0}/s",
            cpu.last().unwrap_or(&0.0),
            rate.last().unwrap_or(&0.0)
        );
    }
    Small { cpu: median(cpu), rate: median(rate) }
}
