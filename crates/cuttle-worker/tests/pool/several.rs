//! Several renditions by one job: each as good as alone, and each lost only with its own worker.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use cuttle_image::{Profile, RenderError, RenderOptions, Target};
use cuttle_worker::{
    Exit, Finished, Job, JobError, MAX_RENDITIONS, Platform, Pool, PoolConfig, ProtocolError,
};

use crate::{
    PATIENCE, eventually, job, kill, one_worker, picture, pool, render, rendering, the_worker,
    trials,
};

trials![
    several_renditions_are_those_that_each_would_be_alone,
    one_that_fails_takes_no_other_with_it,
    what_was_finished_before_the_worker_was_killed_is_kept,
    an_engine_that_breaks_off_loses_only_what_it_still_owed,
    an_answer_that_was_not_asked_for_is_not_believed,
    each_rendition_renews_the_patience_but_not_the_deadline,
    none_and_too_many_are_refused,
];

type Results = Vec<(usize, Result<Finished, JobError>)>;

fn several(source: &[u8], wanted: &[(u32, Target)]) -> Job {
    let options = |&(width, target)| RenderOptions::new(width, target, 75, Profile::Fast);
    Job { options: wanted.iter().map(options).collect(), ..job(source, Target::Webp) }
}

/// The name of a crime, and three widths as PNG.
fn three(crime: &str) -> Job {
    several(crime.as_bytes(), &[64, 32, 16].map(|width| (width, Target::Png)))
}

async fn render_each(pool: &Pool, job: &Job) -> Results {
    let mut results = Vec::new();
    pool.render_each(job, PATIENCE, Instant::now() + PATIENCE, |at, result| {
        results.push((at, result));
    })
    .await
    .expect("a worker has the job");
    results
}

async fn several_renditions_are_those_that_each_would_be_alone() {
    use Target::{Avif, Jpeg, Png, Webp};
    for platform in [Platform::NATIVE, Platform::Portable] {
        let pool = pool(PoolConfig { platform, ..one_worker() }).await;
        // The shortest file last, so that it is written over longer ones.
        let mut wanted = vec![(96, Png), (64, Webp), (64, Jpeg), (500, Avif), (33, Webp), (1, Png)];
        wanted.resize(MAX_RENDITIONS, (48, Webp));
        let job = several(&rendering::gradient(), &wanted);
        let mut results = render_each(&pool, &job).await;
        results.sort_by_key(|(at, _)| *at);
        assert_eq!(results.len(), MAX_RENDITIONS);
        assert_eq!(pool.stats().workers[0].jobs, 1);
        for (at, (place, result)) in results.into_iter().enumerate() {
            let alone = Job { options: vec![job.options[at]], ..job.clone() };
            let (alone, together) = (render(&pool, &alone).await.unwrap(), result.unwrap());
            assert_eq!((place, together.bytes), (at, alone.bytes), "{platform:?}");
            assert_eq!((together.width, together.height), (alone.width, alone.height));
        }
        assert_eq!(pool.stats().restarts, 0);
    }
}

async fn one_that_fails_takes_no_other_with_it() {
    let pool = pool(PoolConfig { result_limit: 300, ..one_worker() }).await;
    // A lossless 96 × 64 does not fit into 300 bytes.
    let job = several(&rendering::gradient(), &[(96, Target::Png), (8, Target::Webp)]);
    let results = render_each(&pool, &job).await;
    for (at, result) in results {
        match (at, result) {
            (0, Err(JobError::Render(RenderError::Encode(_)))) | (1, Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pool.stats().restarts, 0);
}

async fn what_was_finished_before_the_worker_was_killed_is_kept() {
    let pool = pool(one_worker()).await;
    let victim = the_worker(&pool).await;
    let (job, results) = (three("png-then-hang"), Mutex::new(Vec::new()));
    let deadline = Instant::now() + PATIENCE;
    let working = pool.render_each(&job, PATIENCE, deadline, |at, result| {
        results.lock().unwrap().push((at, result.map(|finished| finished.bytes.len())));
    });
    let killing = async {
        eventually("the first is handed out", || !results.lock().unwrap().is_empty()).await;
        assert!(pool.stats().workers[0].busy, "before the others are done");
        kill(victim);
    };
    let (worked, ()) = tokio::join!(working, killing);
    worked.unwrap();
    let lost = Err(JobError::Crashed(Exit::Signal(9)));
    assert_eq!(results.into_inner().unwrap(), [(0, Ok(100)), (1, lost.clone()), (2, lost)]);
    render(&pool, &picture()).await.unwrap();
}

async fn an_engine_that_breaks_off_loses_only_what_it_still_owed() {
    let pool = pool(one_worker()).await;
    for (crime, loss) in [
        ("png-then-panic 7", JobError::Panicked("number 7 is too large".to_owned())),
        ("png-then-abort", JobError::Crashed(Exit::Signal(6))),
        ("png-then-exit 3", JobError::Crashed(Exit::Code(3))),
        ("png-then-nothing", JobError::Panicked("the engine left a rendition out".to_owned())),
    ] {
        let results = render_each(&pool, &three(crime)).await;
        assert!(matches!(results[0], (0, Ok(_))), "{crime} {results:?}");
        assert_eq!(results[1..], [(1, Err(loss.clone())), (2, Err(loss))], "{crime}");
        render(&pool, &picture()).await.unwrap();
    }
}

async fn an_answer_that_was_not_asked_for_is_not_believed() {
    let pool = pool(one_worker()).await;
    for (lie, found) in [
        ("png-then-itself", ProtocolError::Unexpected),
        ("png-then-beyond", ProtocolError::Unexpected),
        (
            "png-then-html-as-png",
            ProtocolError::Kind { announced: cuttle_image::Kind::Png, found: None },
        ),
    ] {
        let liar = the_worker(&pool).await;
        let mut results = render_each(&pool, &three(lie)).await;
        results.sort_by_key(|(at, _)| *at);
        assert!(matches!(results[0], (0, Ok(_))), "{lie} {results:?}");
        let loss = Err(JobError::Protocol(found));
        assert_eq!(results[1..], [(1, loss.clone()), (2, loss)], "{lie}");
        eventually("it is replaced", || !pool.worker_ids().contains(&liar)).await;
    }
}

async fn each_rendition_renews_the_patience_but_not_the_deadline() {
    let pool = pool(one_worker()).await;
    let (short, soon) = (Duration::from_millis(250), Duration::from_millis(250));
    for (each, whole) in [(short, PATIENCE), (PATIENCE, soon)] {
        let mut results = Vec::new();
        pool.render_each(&three("png-then-hang"), each, Instant::now() + whole, |at, result| {
            results.push((at, result.err()));
        })
        .await
        .unwrap();
        let late = Some(JobError::TimedOut);
        assert_eq!(results, [(0, None), (1, late.clone()), (2, late)]);
    }
}

async fn none_and_too_many_are_refused() {
    let pool = pool(one_worker()).await;
    for count in [0, MAX_RENDITIONS + 1] {
        let wanted = vec![(8, Target::Webp); count];
        let job = several(&rendering::gradient(), &wanted);
        let unasked = |_, result| panic!("{result:?}");
        let refused = pool.render_each(&job, PATIENCE, Instant::now() + PATIENCE, unasked).await;
        assert_eq!(refused, Err(JobError::Renditions(count)));
    }
    assert_eq!(render(&pool, &three("png")).await, Err(JobError::Renditions(3)));
    assert_eq!(pool.stats().workers[0].jobs, 0);
}
