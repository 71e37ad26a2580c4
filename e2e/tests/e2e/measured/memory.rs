//! What the machine gives up for all processes together, as proportional set size.
#![expect(clippy::disallowed_macros, reason = "what a test says")]

use std::thread;

use cuttle_e2e::{Server, alone, photo, place};

const MIB: u64 = 1 << 20;
/// Half a minute, of which a moment is needed: workers end when their original is done.
const SAMPLES: u32 = 1500;

#[test]
fn eight_cold_requests_at_once_stay_under_120_mib_and_idle_under_25() {
    alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for n in 0..8 {
        place(folder.path(), &format!("{n}.jpg"), &photo(3000, 2000, n));
    }
    let server = Server::start(folder.path());
    assert!(server.memory() < 25 * MIB, "before any work: {} MiB", server.memory() / MIB);
    let peak = server.peak_memory(|| {
        thread::scope(|scope| {
            for n in 0..8 {
                let client = server.client;
                let target = format!("/_cuttle/image?src=/{n}.jpg&w=1080");
                scope.spawn(move || {
                    assert_eq!(client.accepting("image/avif,image/webp", &target).status, 200);
                });
            }
        });
    });
    assert!(peak > 20 * MIB && peak < 120 * MIB, "at most {} MiB", peak / MIB);
    let calm = server.calm_memory(SAMPLES, 25 * MIB);
    assert!(calm <= 25 * MIB, "idle again: {} MiB", calm / MIB);
    eprintln!("eight at once: at most {} MiB", peak / MIB);
}
