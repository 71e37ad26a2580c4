//! No worker outlives the server, however either of them ends.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitCode, Stdio},
};

use cuttle_image::Target;
use cuttle_worker::{JobError, LayerName, PoolConfig};
use rustix::process::{Pid, getpgid};

use crate::{busy, eventually, job, one_worker, picture, pool, render, runs, the_worker, trials};

trials![
    a_working_worker_dies_with_the_server,
    an_idle_worker_leaves_when_the_server_is_gone,
    shutting_down_ends_every_worker_and_refuses_jobs,
    dropping_the_pool_ends_every_worker,
    a_worker_is_out_of_reach_of_the_terminal,
    a_pool_without_workers_is_refused,
    a_person_who_starts_a_worker_is_told_so,
];

/// First argument of this binary when it must be a server to be killed.
pub(crate) const SERVER: &str = "server-to-be-killed";

/// Prints its worker's process id, once that has a job if so told, and waits for its own end.
pub(crate) fn server() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let working = env::args().nth(2).as_deref() == Some("working");
        // Each of the two ways to die is tried without the other.
        let without = if working { vec![] } else { vec![LayerName::ParentDeath] };
        let pool = pool(PoolConfig { without, ..one_worker() }).await;
        let worker = the_worker(&pool).await;
        let report = async {
            if working {
                busy(&pool).await;
            }
            println(worker);
            std::future::pending::<()>().await;
        };
        let hang = job(b"hang", Target::Webp);
        let hang = async {
            if working {
                let _ = render(&pool, &hang).await;
            }
        };
        tokio::join!(report, hang);
    });
    ExitCode::SUCCESS
}

#[expect(
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "how the server to be killed talks to its killer"
)]
fn println(worker: u32) {
    println!("{worker}");
}

fn start_server(state: &str) -> (Child, u32) {
    let mut server = Command::new("/proc/self/exe")
        .args([SERVER, state])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (server, line.trim().parse().unwrap())
}

async fn dies_with_the_server(state: &str) {
    let (mut server, worker) = start_server(state);
    assert!(runs(worker));
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("the worker is gone", || !runs(worker)).await;
}

async fn a_working_worker_dies_with_the_server() {
    dies_with_the_server("working").await;
}

async fn an_idle_worker_leaves_when_the_server_is_gone() {
    dies_with_the_server("idle").await;
}

async fn shutting_down_ends_every_worker_and_refuses_jobs() {
    let pool = pool(PoolConfig { workers: 2, ..PoolConfig::default() }).await;
    let workers = pool.worker_ids();
    assert_eq!(workers.len(), 2);
    let hang = job(b"hang", Target::Webp);
    let (hung, ()) = tokio::join!(render(&pool, &hang), async {
        busy(&pool).await;
        pool.shutdown().await;
    });
    assert_eq!(hung, Err(JobError::ShutDown));
    assert!(workers.into_iter().all(|worker| !runs(worker)));
    assert_eq!(render(&pool, &picture()).await, Err(JobError::ShutDown));
    assert_eq!(pool.stats().ready(), 0);
}

async fn dropping_the_pool_ends_every_worker() {
    let pool = pool(one_worker()).await;
    let worker = the_worker(&pool).await;
    drop(pool);
    eventually("the worker is gone", || !runs(worker)).await;
}

async fn a_worker_is_out_of_reach_of_the_terminal() {
    let pool = pool(one_worker()).await;
    let worker = Pid::from_raw(the_worker(&pool).await.cast_signed());
    assert_eq!(getpgid(worker).ok(), worker, "a group of its own");
}

async fn a_pool_without_workers_is_refused() {
    let error = cuttle_worker::Pool::start(PoolConfig { workers: 0, ..one_worker() }).await;
    assert_eq!(error.unwrap_err().to_string(), "a pool needs at least one worker");
}

async fn a_person_who_starts_a_worker_is_told_so() {
    let mut person = Command::new("/proc/self/exe")
        .arg(cuttle_worker::WORKER_ARGUMENT)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    person.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "cuttle starts its workers itself; `worker` is not a command\n");
    assert_eq!(person.wait().unwrap().code(), Some(2));
}
