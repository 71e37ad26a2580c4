//! What a hostile picture, a crash or an impatient caller may cost: one worker, one job.

use std::time::{Duration, Instant};

use cuttle_image::{Kind, RenderError, Target};
use cuttle_worker::{Exit, Finished, JobError, Platform, Pool, PoolConfig, ProtocolError};

use crate::{
    PATIENCE, busy, eventually, hangs, job, kill, one_worker, picture, pool, render, runs,
    the_worker, trials,
};

trials![
    a_worker_killed_in_a_job_fails_that_job_only,
    a_worker_killed_while_idle_fails_no_job,
    a_job_over_its_deadline_is_killed,
    a_caller_who_leaves_does_not_leave_a_half_read_reply,
    every_crime_costs_its_own_worker_and_nothing_else,
    a_lie_about_the_result_is_not_believed,
    an_allocation_over_the_limit_ends_the_worker,
    a_result_over_the_limit_is_the_encoders_failure,
    a_worker_knows_nothing_of_the_servers_environment,
    a_worker_holds_no_file_between_jobs,
];

async fn a_worker_killed_in_a_job_fails_that_job_only() {
    let pool = pool(PoolConfig { workers: 2, ..PoolConfig::default() }).await;
    let hang = job(b"hang", Target::Webp);
    let victim = async {
        busy(&pool).await;
        let worker = pool.stats().workers.into_iter().find(|worker| worker.busy).unwrap();
        // Somebody else's picture, next to it.
        render(&pool, &picture()).await.unwrap();
        kill(worker.pid.unwrap());
        worker.pid.unwrap()
    };
    let (crashed, victim) = tokio::join!(render(&pool, &hang), victim);
    assert_eq!(crashed, Err(JobError::Crashed(Exit::Signal(9))));

    let picture = picture();
    let (one, two) = tokio::join!(render(&pool, &picture), render(&pool, &picture));
    assert!(one.is_ok() && two.is_ok());
    eventually("both places have a worker", || pool.stats().ready() == 2).await;
    assert!(!pool.worker_ids().contains(&victim));
    assert_eq!(pool.stats().restarts, 1);
}

async fn a_worker_killed_while_idle_fails_no_job() {
    let pool = pool(one_worker()).await;
    let first = the_worker(&pool).await;
    kill(first);
    eventually("it was replaced", || pool.stats().restarts == 1).await;
    render(&pool, &picture()).await.unwrap();
    assert_ne!(the_worker(&pool).await, first);
}

async fn a_job_over_its_deadline_is_killed() {
    let pool = pool(one_worker()).await;
    let first = the_worker(&pool).await;
    let soon = Instant::now() + Duration::from_millis(250);
    assert_eq!(pool.render(&job(b"hang", Target::Webp), soon).await, Err(JobError::TimedOut));
    render(&pool, &picture()).await.unwrap();
    assert_ne!(the_worker(&pool).await, first);
    assert!(!runs(first));
}

async fn a_caller_who_leaves_does_not_leave_a_half_read_reply() {
    let pool = pool(one_worker()).await;
    let first = the_worker(&pool).await;
    let hang = job(b"hang", Target::Webp);
    tokio::select! {
        hung = render(&pool, &hang) => panic!("{hung:?}"),
        () = hangs(first) => {}
    }
    let finished = render_when_free(&pool).await;
    assert_eq!(finished.kind, Kind::Webp);
    assert_ne!(the_worker(&pool).await, first);
}

/// The place is free again as soon as the pool has noticed, long before the lost job's deadline.
async fn render_when_free(pool: &Pool) -> Finished {
    let free = async {
        loop {
            match render(pool, &picture()).await {
                Err(JobError::Busy) => tokio::task::yield_now().await,
                result => return result.unwrap(),
            }
        }
    };
    tokio::time::timeout(PATIENCE / 2, free).await.expect("the place is free again")
}

async fn every_crime_costs_its_own_worker_and_nothing_else() {
    for platform in [Platform::NATIVE, Platform::Portable] {
        let pool = pool(PoolConfig { platform, ..one_worker() }).await;
        let panicked = JobError::Panicked("number 7 is too large".to_owned());
        let babbled = JobError::Protocol(ProtocolError::Malformed);
        let crimes = [
            ("panic 7", panicked.clone()),
            ("panic-in-c 7", panicked),
            ("abort", JobError::Crashed(Exit::Signal(6))),
            ("exit 3", JobError::Crashed(Exit::Code(3))),
            ("babble", babbled),
        ];
        for (crime, punishment) in crimes {
            let criminal = the_worker(&pool).await;
            let error = render(&pool, &job(crime.as_bytes(), Target::Webp)).await.unwrap_err();
            assert_eq!(error, punishment, "{platform:?} {crime}");
            render(&pool, &picture()).await.unwrap();
            assert_ne!(the_worker(&pool).await, criminal, "{platform:?} {crime}");
        }
        assert_eq!(pool.stats().restarts, 5);
    }
}

async fn a_lie_about_the_result_is_not_believed() {
    let pool = pool(PoolConfig { result_limit: 1000, ..one_worker() }).await;
    let (kind, height) = (Kind::Png, 1);
    let html = ProtocolError::Kind { announced: Kind::Png, found: None };
    let lies = [
        ("html-as-png", html),
        ("unasked-kind", ProtocolError::Unasked { kind: Kind::Pdf, width: 1, height }),
        ("unasked-width", ProtocolError::Unasked { kind, width: 65, height }),
        ("no-width", ProtocolError::Unasked { kind, width: 0, height }),
        ("empty", ProtocolError::Length { len: 0, limit: 1000 }),
    ];
    for (lie, found) in lies {
        let liar = the_worker(&pool).await;
        let result = render(&pool, &job(lie.as_bytes(), Target::Png)).await;
        assert_eq!(result, Err(JobError::Protocol(found)), "{lie}");
        eventually("it is replaced", || !pool.worker_ids().contains(&liar)).await;
    }
}

async fn an_allocation_over_the_limit_ends_the_worker() {
    let pool = pool(PoolConfig { worker_memory: 64 << 20, ..one_worker() }).await;
    let fits = render(&pool, &job(b"allocate 33554432", Target::Webp)).await;
    assert_eq!(fits, Err(RenderError::Decode("got 33554432".to_owned()).into()));
    let bomb = render(&pool, &job(b"allocate 67108864", Target::Webp)).await;
    assert_eq!(bomb, Err(JobError::Crashed(Exit::Signal(6))));
    assert_eq!(render(&pool, &picture()).await.unwrap().kind, Kind::Webp);
}

async fn a_result_over_the_limit_is_the_encoders_failure() {
    let pool = pool(PoolConfig { result_limit: 5000, ..one_worker() }).await;
    let fits = render(&pool, &job(b"png 5000", Target::Png)).await.unwrap();
    assert_eq!(fits.bytes.len(), 5000);
    let error = render(&pool, &job(b"png 5001", Target::Png)).await.unwrap_err();
    assert!(matches!(&error, JobError::Render(RenderError::Encode(_))), "{error}");
    assert_eq!(pool.stats().restarts, 0);
}

async fn a_worker_knows_nothing_of_the_servers_environment() {
    assert!(std::env::vars_os().next().is_some(), "otherwise this proves nothing");
    // Without the sandbox, so that the directory can be asked for.
    let pool = pool(PoolConfig { platform: Platform::Portable, ..one_worker() }).await;
    let confession = render(&pool, &job(b"confess", Target::Webp)).await.unwrap_err();
    let expected = RenderError::Decode("variables [], directory Ok(\"/\")".to_owned());
    assert_eq!(confession, expected.into());
}

async fn a_worker_holds_no_file_between_jobs() {
    // As if whoever started the server had left a file open in it.
    let left_open = std::fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    let config =
        PoolConfig { without: vec![cuttle_worker::LayerName::NotDumpable], ..one_worker() };
    let pool = pool(config).await;
    render(&pool, &picture()).await.unwrap();
    let worker = the_worker(&pool).await;
    let open = std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap().count();
    assert_eq!(open, 3, "its socket, and /dev/null twice");
}
