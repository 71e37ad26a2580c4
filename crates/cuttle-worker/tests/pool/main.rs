//! Drives real workers. A worker is the running binary re-executed, so this one has a `main` of its
//! own, with an engine that misbehaves on command.
#![expect(clippy::unwrap_used, reason = "these are tests; without libtest clippy cannot tell")]

mod crime;
mod faults;
mod intruder;
mod lifetime;
mod rendering;
mod sandbox;
mod several;
mod squatter;

use std::{env, process::ExitCode, time::Duration};

use cuttle_image::{Limits, Profile, RenderOptions, Target};
use cuttle_worker::{Finished, Job, JobError, OriginalId, Pool, PoolConfig, SealedBytes};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some(cuttle_worker::WORKER_ARGUMENT) => cuttle_worker::serve(crime::engine),
        Some(lifetime::SERVER) => lifetime::server(),
        _ => {
            let trials = [
                rendering::trials(),
                several::trials(),
                faults::trials(),
                intruder::trials(),
                lifetime::trials(),
                sandbox::trials(),
            ];
            libtest_mimic::run(&Arguments::from_args(), trials.into_iter().flatten().collect())
                .exit_code()
        }
    }
}

/// Makes a list of tests out of asynchronous functions.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(stringify!($name), || {
                tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?
                    .block_on($name());
                Ok(())
            })),*]
        }
    };
}
pub(crate) use trials;

/// Long enough for any test, so that none depends on it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn pool(config: PoolConfig) -> Pool {
    Pool::start(config).await.expect("a pool starts").0
}

fn one_worker() -> PoolConfig {
    PoolConfig { workers: 1, ..PoolConfig::default() }
}

fn job(source: &[u8], target: Target) -> Job {
    let options = RenderOptions::new(64, target, 75, Profile::Fast);
    Job {
        original: OriginalId([0; 32]),
        source: SealedBytes::copy_from(source).unwrap(),
        options: vec![options],
        limits: Limits::default(),
        memory: u64::MAX,
        result: u64::MAX,
    }
}

/// A job that a well-behaved worker does.
fn picture() -> Job {
    job(&rendering::gradient(), Target::Webp)
}

async fn render(pool: &Pool, job: &Job) -> Result<Finished, JobError> {
    pool.render(job, std::time::Instant::now() + PATIENCE).await
}

/// Waits for something that the pool does in the background.
async fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The one worker of a pool, once it is ready.
async fn the_worker(pool: &Pool) -> u32 {
    eventually("the worker is ready", || pool.worker_ids().len() == 1).await;
    pool.worker_ids()[0]
}

async fn busy(pool: &Pool) {
    eventually("a worker has the job", || pool.stats().workers.iter().any(|worker| worker.busy))
        .await;
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Whether a process still runs; one that nobody has reaped yet does not.
fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

/// Waits until the job `hang` is in the hands of a worker, which is some time after its place is busy: nothing else takes a
/// processor for ten of the kernel's ticks.
async fn hangs(pid: u32) {
    let ticks = || stat(pid).and_then(|stat| stat.split(' ').nth(11)?.parse::<u64>().ok());
    let before = ticks();
    eventually("a worker hangs", || ticks() > before.map(|before| before + 10)).await;
}

/// What the kernel says of a process, from its state on.
fn stat(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.to_owned())
}
