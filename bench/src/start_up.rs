//! How long a worker takes from `exec` to ready, and what a tiny job costs beside a bare call.

use std::time::{Duration, Instant};

use cuttle_image::{Limits, Profile, RenderOptions, Target};
use cuttle_worker::{Job, OriginalId, Pool, PoolConfig, SealedBytes};

use crate::clock::milliseconds;
use crate::photos::median;

/// Milliseconds, medians.
pub(crate) struct StartUp {
    /// A pool of one, self-test included.
    pub(crate) pool: f64,
    /// From `kill -9` of an idle worker to a finished tiny job in its successor.
    pub(crate) replaced: f64,
    /// A tiny job through a warm worker, wall time.
    pub(crate) tiny_job: f64,
    /// The same by a bare call.
    pub(crate) tiny_call: f64,
}

const ROUNDS: usize = 20;

pub(crate) fn measure() -> StartUp {
    eprintln!("start-up of workers …");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let picture = cuttle_e2e::photo(64, 48, 1);
        let options = RenderOptions::new(32, Target::Webp, 75, Profile::Fast);
        let limits = Limits::default();
        let job = Job {
            original: OriginalId([0; 32]),
            source: SealedBytes::copy_from(&picture).expect("memory"),
            options: vec![options],
            limits,
            memory: u64::MAX,
            result: u64::MAX,
        };
        let (mut pool, mut replaced, mut tiny_job, mut tiny_call) =
            (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let (one, _) = Pool::start(PoolConfig { workers: 1, ..PoolConfig::default() })
                .await
                .expect("a pool");
            pool.push(milliseconds(began.elapsed()));
            let deadline = || Instant::now() + Duration::from_secs(10);
            one.render(&job, deadline()).await.expect("a rendition");
            for _ in 0..ROUNDS {
                let began = Instant::now();
                one.render(&job, deadline()).await.expect("a rendition");
                tiny_job.push(milliseconds(began.elapsed()));
                let began = Instant::now();
                cuttle_image::render(&picture, &options, &limits).expect("a rendition");
                tiny_call.push(milliseconds(began.elapsed()));
            }
            let victim = one.worker_ids()[0];
            let began = Instant::now();
            cuttle_e2e::kill(victim);
            // The first attempt may still meet the dying worker.
            while one.render(&job, deadline()).await.is_err() || one.worker_ids() == [victim] {
                tokio::task::yield_now().await;
            }
            replaced.push(milliseconds(began.elapsed()));
            one.shutdown().await;
        }
        StartUp {
            pool: median(pool),
            replaced: median(replaced),
            tiny_job: median(tiny_job),
            tiny_call: median(tiny_call),
        }
    })
}
