//! Saturation: ten parallel requests for new pictures for each worker, from visitors who ask again when they are refused,
//! while hits and pages go on beside it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cuttle_e2e::NextApp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::photos::{Photo, median};
use crate::serving::Extent;
use crate::serving::hot::Published;
use crate::serving::probe::{Outcome, get, http, p99, probe};
use crate::serving::programs::{Program, peak};

/// Of one round: milliseconds, but for the counts and MiB.
pub(crate) struct Round {
    pub(crate) hit_idle: f64,
    pub(crate) hit_busy: f64,
    pub(crate) page_idle: f64,
    pub(crate) page_busy: f64,
    pub(crate) refusal: f64,
    pub(crate) made: usize,
    pub(crate) refused: usize,
    pub(crate) memory: f64,
}

impl Round {
    /// The middle of the rounds.
    pub(crate) fn middle(rounds: &[Self], of: fn(&Self) -> f64) -> f64 {
        median(rounds.iter().map(of).collect())
    }
}

pub(crate) const WORKERS: usize = 2;
pub(crate) const QUEUE: usize = 8;
const VISITORS: usize = WORKERS * 10;
pub(crate) const HIT_EVERY: Duration = Duration::from_millis(5);
pub(crate) const PAGE_EVERY: Duration = Duration::from_millis(20);
/// What a client waits after a refusal: far less than `Retry-After` asks for.
const AGAIN: Duration = Duration::from_millis(50);
const WIDTHS: [u32; 5] = [640, 750, 828, 1080, 1200];

pub(crate) fn measure(photos: &[Photo], extent: Extent) -> io::Result<Vec<Round>> {
    eprintln!("saturation …");
    let app = NextApp::built(16, "plain");
    let _published = Published::new(&app, photos);
    let next = app.start();
    (0..extent.rounds)
        .map(|_| round(&app, &format!("http://{}", next.address), photos.len(), extent))
        .collect()
}

fn round(app: &NextApp, upstream: &str, photos: usize, extent: Extent) -> io::Result<Round> {
    let cuttle = Arc::new(gateway(
        app.folder(),
        upstream,
        &format!(
            "[limits]\nqueue = {QUEUE}\n[images]\nsizes = {WIDTHS:?}\nqualities = {:?}\n",
            (40..=95).collect::<Vec<u8>>()
        ),
    )?);
    let hit = cold(0, photos);
    let length = Duration::from_secs(u64::from(extent.seconds) * 2);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let address = cuttle.address;
        for target in [&*hit, "/"] {
            assert_eq!(get(&http(), address, target, 0).await.status, 200);
        }
        let both = async || {
            let until = Instant::now() + length;
            let (hits, pages) = tokio::join!(
                probe(address, &hit, HIT_EVERY, until),
                probe(address, "/", PAGE_EVERY, until)
            );
            (p99(hits), p99(pages))
        };
        let (hit_idle, page_idle) = both().await;

        let (over, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(1)));
        let mut visitors = JoinSet::new();
        for visitor in 0..VISITORS {
            let (over, next) = (Arc::clone(&over), Arc::clone(&next));
            visitors.spawn(async move {
                let (http, mut outcomes) = (http(), Vec::new());
                while !over.load(Ordering::Relaxed) {
                    let target = cold(next.fetch_add(1, Ordering::Relaxed), photos);
                    let outcome = get(&http, address, &target, visitor).await;
                    if outcome.status != 200 {
                        tokio::time::sleep(AGAIN).await;
                    }
                    outcomes.push(outcome);
                }
                outcomes
            });
        }
        let sampling = tokio::task::spawn_blocking({
            let (over, cuttle) = (Arc::clone(&over), Arc::clone(&cuttle));
            move || peak(&over, || cuttle.memory())
        });
        // It takes some moments until every worker and the queue are full.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (hit_busy, page_busy) = both().await;
        over.store(true, Ordering::Relaxed);
        let outcomes: Vec<Outcome> = visitors.join_all().await.concat();
        let memory = sampling.await.map_err(io::Error::other)?;

        let (made, refused): (Vec<Outcome>, Vec<Outcome>) =
            outcomes.into_iter().partition(|outcome| outcome.status == 200);
        assert!(
            refused.iter().all(|outcome| outcome.status == 503 && outcome.retry_after),
            "who is refused is told when to ask again: {refused:?}"
        );
        let round = Round {
            hit_idle,
            hit_busy,
            page_idle,
            page_busy,
            refusal: p99(refused.iter().map(|outcome| outcome.took).collect()),
            made: made.len(),
            refused: refused.len(),
            memory,
        };
        eprintln!(
            "  hits {hit_idle:.1} → {hit_busy:.1} ms, pages {page_idle:.1} → {page_busy:.1} ms, {} refused in {:.1} ms, {} made, {memory:.0} MiB",
            round.refused, round.refusal, round.made
        );
        Ok(round)
    })
}

/// Cuttle in front of an application.
pub(crate) fn gateway(project: &Path, upstream: &str, toml: &str) -> io::Result<Program> {
    let workers = WORKERS.to_string();
    let project = project.display().to_string();
    Program::cuttle(&["--next", &project, "--upstream", upstream, "--workers", &workers], toml)
}

/// The `n`th picture that nobody asked for yet; neighbours are of different photos.
fn cold(n: usize, photos: usize) -> String {
    let (photo, n) = (n % photos, n.div_euclid(photos));
    let (width, quality) = (WIDTHS[n % WIDTHS.len()], 40 + n.div_euclid(WIDTHS.len()) % 56);
    format!("/_cuttle/image?src=/{}/{photo}.jpg&w={width}&q={quality}", Published::FOLDER)
}
