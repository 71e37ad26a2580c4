//! Proportional set size of all processes: idle, under eight cold requests at once, and idle again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cuttle_e2e::{Server, place};

use crate::photos::{Photo, median};

/// MiB.
pub(crate) struct Memory {
    pub(crate) idle: f64,
    /// Highest sample of each round; a round is eight of the photos, in order of their names.
    pub(crate) peaks: Vec<f64>,
    pub(crate) idle_again: f64,
}

const SAMPLE_EVERY: Duration = Duration::from_millis(20);
/// Idle workers that grew are replaced after a few seconds.
const CALM_SAMPLES: u32 = 1000;

pub(crate) fn measure(photos: &[Photo]) -> Memory {
    eprintln!("memory under eight cold requests at once …");
    let mut idle = Vec::new();
    let mut idle_again = Vec::new();
    let mut peaks = Vec::new();
    for start in 0..photos.len() {
        let eight: Vec<&Photo> = photos.iter().cycle().skip(start).take(8).collect();
        let folder = tempfile::tempdir().expect("a folder");
        for (n, photo) in eight.iter().enumerate() {
            place(folder.path(), &format!("{n}.jpg"), &photo.bytes);
        }
        let server = Server::start(folder.path());
        idle.push(mib(server.memory()));
        let done = AtomicBool::new(false);
        let peak = thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let mut highest = 0;
                while !done.load(Ordering::Relaxed) {
                    highest = server.memory().max(highest);
                    thread::park_timeout(SAMPLE_EVERY);
                }
                highest
            });
            let clients: Vec<_> = (0..8)
                .map(|n| {
                    let client = server.client;
                    let target = format!("/_next/image?url=/{n}.jpg&w=1080&q=75");
                    scope.spawn(move || client.accepting("image/avif,image/webp", &target).status)
                })
                .collect();
            for client in clients {
                assert_eq!(client.join().expect("an answer"), 200);
            }
            done.store(true, Ordering::Relaxed);
            sampler.join().expect("samples")
        });
        peaks.push(mib(peak));
        eprintln!("  from {}: {:.0} MiB", eight[0].name, mib(peak));
        if start == 0 {
            let mut lowest = u64::MAX;
            for _ in 0..CALM_SAMPLES {
                lowest = server.memory().min(lowest);
                thread::park_timeout(SAMPLE_EVERY);
            }
            idle_again.push(mib(lowest));
        }
    }
    Memory { idle: median(idle), peaks, idle_again: median(idle_again) }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
