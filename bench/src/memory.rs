//! Proportional set size of all processes: idle, under eight cold requests at once, and idle again.

use std::thread;

use cuttle_e2e::{Server, place};

use crate::photos::{Photo, median};

/// MiB.
pub(crate) struct Memory {
    pub(crate) idle: f64,
    /// Highest sample of each round; a round is eight of the photos, in order of their names.
    pub(crate) peaks: Vec<f64>,
    pub(crate) idle_again: f64,
}

/// Twenty seconds, of which a moment is needed: workers end when their original is done.
const SAMPLES: u32 = 1000;

pub(crate) fn measure(photos: &[Photo]) -> Memory {
    eprintln!("memory under eight cold requests at once …");
    let (mut idle, mut idle_again, mut peaks) = (vec![], vec![], vec![]);
    for start in 0..photos.len() {
        let eight: Vec<&Photo> = photos.iter().cycle().skip(start).take(8).collect();
        let folder = tempfile::tempdir().expect("a folder");
        for (n, photo) in eight.iter().enumerate() {
            place(folder.path(), &format!("{n}.jpg"), &photo.bytes);
        }
        let server = Server::start(folder.path());
        idle.push(mib(server.memory()));
        let peak = server.peak_memory(|| {
            thread::scope(|scope| {
                for n in 0..8 {
                    let client = server.client;
                    let target = format!("/_next/image?url=/{n}.jpg&w=1080&q=75");
                    scope.spawn(move || {
                        assert_eq!(client.accepting("image/avif,image/webp", &target).status, 200);
                    });
                }
            });
        });
        peaks.push(mib(peak));
        eprintln!("  from {}: {:.0} MiB", eight[0].name, mib(peak));
        if start == 0 {
            idle_again.push(mib(server.calm_memory(SAMPLES, 0)));
        }
    }
    Memory { idle: median(idle), peaks, idle_again: median(idle_again) }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
