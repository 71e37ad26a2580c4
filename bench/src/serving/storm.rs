//! A gallery that nobody has looked at yet: 72 new pictures, 32 at a time, and pages beside them. Ours in front of an
//! application, and the same application's own optimizer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cuttle_e2e::NextApp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::photos::Photo;
use crate::serving::Extent;
use crate::serving::hot::Published;
use crate::serving::pressure::gateway;
use crate::serving::probe::{get, http, p99, probe};
use crate::serving::programs::{family_memory, peak};

/// One storm.
pub(crate) struct Storm {
    /// MiB, all processes; of ours without the application behind it.
    pub(crate) memory: f64,
    pub(crate) seconds: f64,
    /// Milliseconds.
    pub(crate) page_idle: Vec<Duration>,
    pub(crate) page_busy: Vec<Duration>,
    pub(crate) made: usize,
    pub(crate) refused: usize,
    pub(crate) failed: usize,
}

/// Storms of both, as often as there are rounds.
#[derive(Default)]
pub(crate) struct Storms {
    pub(crate) ours: Vec<Storm>,
    pub(crate) next: Vec<Storm>,
}

/// Over all rounds of a side: one storm is too short for a percentile of its own.
pub(crate) fn page_p99(storms: &[Storm], of: fn(&Storm) -> &[Duration]) -> f64 {
    p99(storms.iter().flat_map(of).copied().collect())
}

const PICTURES: usize = 72;
const PARALLEL: usize = 32;
const PHOTOS: usize = 12;
const WIDTHS: [u32; 6] = [640, 750, 828, 1080, 1200, 1920];
const PAGE_EVERY: Duration = Duration::from_millis(10);

pub(crate) fn measure(photos: &[Photo], extent: Extent) -> io::Result<Storms> {
    eprintln!("a storm of {PICTURES} new pictures, beside next start …");
    let app = NextApp::built(16, "plain");
    let _published = Published::new(&app, &photos[..PHOTOS]);
    let mut storms = Storms::default();
    for _ in 0..extent.rounds {
        let next = app.start();
        let ours = Arc::new(gateway(app.folder(), &format!("http://{}", next.address), "")?);
        let weighed = Arc::clone(&ours);
        storms.ours.push(storm("ours", ours.address, move || weighed.memory())?);
        drop(ours);
        let (address, pid) = (next.address.parse().map_err(io::Error::other)?, next.pid());
        storms.next.push(storm("next", address, move || family_memory(pid))?);
    }
    Ok(storms)
}

fn storm(
    name: &str,
    address: SocketAddr,
    weigh: impl Fn() -> u64 + Send + 'static,
) -> io::Result<Storm> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        // Twice: a page is compiled when it is first asked for.
        for _ in 0..2 {
            let until = Instant::now() + Duration::from_secs(1);
            probe(address, "/", PAGE_EVERY, until).await;
        }
        let until = Instant::now() + Duration::from_secs(3);
        let page_idle = probe(address, "/", PAGE_EVERY, until).await;

        let over = Arc::new(AtomicBool::new(false));
        let weighing = tokio::task::spawn_blocking({
            let over = Arc::clone(&over);
            move || peak(&over, weigh)
        });
        let pages = tokio::spawn({
            let over = Arc::clone(&over);
            async move {
                let mut latencies = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let until = Instant::now() + Duration::from_millis(200);
                    latencies.extend(probe(address, "/", PAGE_EVERY, until).await);
                }
                latencies
            }
        });
        let began = Instant::now();
        let (next, mut clients) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for visitor in 0..PARALLEL {
            let next = Arc::clone(&next);
            clients.spawn(async move {
                let (http, mut statuses) = (http(), Vec::new());
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= PICTURES {
                        return statuses;
                    }
                    statuses.push(get(&http, address, &picture(n), visitor).await.status);
                }
            });
        }
        let statuses = clients.join_all().await.concat();
        let seconds = began.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        let page_busy = pages.await.map_err(io::Error::other)?;
        let memory = weighing.await.map_err(io::Error::other)?;
        let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
        let (made, refused) = (count(200), count(503));
        eprintln!(
            "  {name}: {made} made, {refused} refused in {seconds:.1} s, {memory:.0} MiB, pages {:.1} → {:.1} ms",
            p99(page_idle.clone()),
            p99(page_busy.clone())
        );
        let failed = statuses.len() - made - refused;
        Ok(Storm { memory, seconds, page_idle, page_busy, made, refused, failed })
    })
}

fn picture(n: usize) -> String {
    let (photo, width) = (n % PHOTOS, WIDTHS[n.div_euclid(PHOTOS) % WIDTHS.len()]);
    format!("/_next/image?url=%2F{}%2F{photo}.jpg&w={width}&q=75", Published::FOLDER)
}
