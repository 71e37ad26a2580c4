//! What the machine gives up for all processes together, as proportional set size.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cuttle_e2e::{Server, photo, place};

const MIB: u64 = 1 << 20;
/// Often enough to see the peak of a render that takes a hundred milliseconds.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

#[test]
fn eight_cold_requests_at_once_stay_under_200_mib_and_idle_under_40() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for n in 0..4 {
        place(folder.path(), &format!("{n}.jpg"), &photo(3000, 2000, n));
    }
    let server = Server::start(folder.path());
    assert!(server.memory() < 40 * MIB, "before any work: {} MiB", server.memory() / MIB);

    let done = AtomicBool::new(false);
    let highest = thread::scope(|scope| {
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
                let target = format!("/_cuttle/image?src=/{}.jpg&w={}", n % 4, [1080, 1920][n / 4]);
                scope.spawn(move || client.accepting("image/avif,image/webp", &target).status)
            })
            .collect();
        let statuses: Vec<u16> =
            clients.into_iter().map(|client| client.join().expect("an answer")).collect();
        assert_eq!(statuses, [200; 8]);
        done.store(true, Ordering::Relaxed);
        sampler.join().expect("samples")
    });
    assert!(highest > 20 * MIB && highest < 200 * MIB, "at most {} MiB", highest / MIB);
    // Idle workers that grew are replaced after a few seconds.
    let calm = (0..1500).any(|_| {
        thread::park_timeout(SAMPLE_EVERY);
        server.memory() < 40 * MIB
    });
    assert!(calm, "idle again: {} MiB", server.memory() / MIB);
    eprintln!("eight at once: at most {} MiB; idle: {} MiB", highest / MIB, server.memory() / MIB);
}
