//! The job itself: pictures in, the same bytes as the engine's out, from one worker after another.

use std::{io::Write, time::Instant};

use cuttle_image::{Kind, Limits, RenderError, Target, sniff};
use cuttle_worker::{
    Job, JobError, MAX_RENDITIONS, OriginalId, Platform, PoolConfig, SealedWriter,
};

use crate::{eventually, job, one_worker, picture, pool, render, runs, the_worker, trials};

trials![
    renditions_are_those_of_the_engine_in_every_format,
    renditions_are_the_same_without_sealed_files_and_sandbox,
    a_refusal_of_the_engine_reaches_the_caller_and_spares_the_worker,
    a_source_over_its_limit_is_refused,
    as_many_jobs_run_at_once_as_there_are_workers,
    one_job_more_than_workers_is_refused_at_once,
    a_worker_makes_as_many_renditions_as_a_job_may_have_and_no_more,
    a_worker_that_keeps_much_memory_ends_at_once,
    an_idle_pool_has_one_fresh_worker_for_each_place,
    a_job_gets_the_memory_that_it_was_admitted_with_and_no_more,
];

/// A PNG of 96 × 64 pixels, by a library that is not ours.
pub(crate) fn gradient() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 96, 64);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> =
        (0..64_u8).flat_map(|y| (0..96_u8).flat_map(move |x| [x * 2, y * 3, 200 - x])).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

const FORMATS: [(Target, Kind); 4] = [
    (Target::Avif, Kind::Avif),
    (Target::Webp, Kind::Webp),
    (Target::Jpeg, Kind::Jpeg),
    (Target::Png, Kind::Png),
];

async fn every_format(config: PoolConfig) {
    let platform = config.platform;
    let pool = pool(config).await;
    let source = gradient();
    for (target, kind) in FORMATS {
        let mut original = SealedWriter::on(platform, 1 << 20).unwrap();
        original.write_all(&source).unwrap();
        let job = Job { source: original.seal().unwrap(), ..job(b"", target) };
        let finished = render(&pool, &job).await.unwrap();
        assert_eq!((finished.kind, finished.width, finished.height), (kind, 64, 43));
        assert_eq!(sniff(&finished.bytes, finished.bytes.len() as u64), Some(kind));
        let direct = cuttle_image::render(&source, &job.options[0], &job.limits).unwrap();
        assert_eq!(finished.bytes, direct.bytes, "{target:?}");
        assert!(!finished.cpu.is_zero());
    }
    assert_eq!(pool.stats().restarts, 0);
    assert_eq!(pool.stats().workers[0].jobs, 4);
}

async fn renditions_are_those_of_the_engine_in_every_format() {
    every_format(one_worker()).await;
}

async fn renditions_are_the_same_without_sealed_files_and_sandbox() {
    every_format(PoolConfig { platform: Platform::Portable, ..one_worker() }).await;
}

async fn a_refusal_of_the_engine_reaches_the_caller_and_spares_the_worker() {
    let pool = pool(one_worker()).await;
    let error = render(&pool, &job(b"no picture at all", Target::Webp)).await.unwrap_err();
    assert_eq!(error, JobError::Render(RenderError::Unrecognised));
    let mut broken = gradient();
    broken.truncate(100);
    let error = render(&pool, &job(&broken, Target::Webp)).await.unwrap_err();
    assert!(matches!(error, JobError::Render(RenderError::Decode(_))), "{error}");
    render(&pool, &picture()).await.unwrap();
    assert_eq!(pool.stats().restarts, 0);
}

async fn a_source_over_its_limit_is_refused() {
    let pool = pool(one_worker()).await;
    let mut job = picture();
    job.limits = Limits { source_bytes: job.source.len() - 1, ..Limits::default() };
    let error = render(&pool, &job).await.unwrap_err();
    assert!(matches!(error, JobError::Render(RenderError::Excess(_))), "{error}");
}

async fn as_many_jobs_run_at_once_as_there_are_workers() {
    let pool = pool(PoolConfig { workers: 3, ..PoolConfig::default() }).await;
    assert_eq!((pool.capacity(), pool.stats().ready()), (3, 3));
    let job = picture();
    for finished in [render(&pool, &job), render(&pool, &job), render(&pool, &job)] {
        finished.await.unwrap();
    }
    let (one, two, three) =
        tokio::join!(render(&pool, &job), render(&pool, &job), render(&pool, &job));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
}

async fn one_job_more_than_workers_is_refused_at_once() {
    let pool = pool(one_worker()).await;
    let job = job(b"hang", Target::Webp);
    let deadline = Instant::now() + crate::PATIENCE;
    tokio::select! {
        hung = pool.render(&job, deadline) => panic!("{hung:?}"),
        refused = async {
            crate::busy(&pool).await;
            render(&pool, &picture()).await
        } => assert_eq!(refused, Err(JobError::Busy)),
    }
}

async fn a_worker_makes_as_many_renditions_as_a_job_may_have_and_no_more() {
    let pool = pool(one_worker()).await;
    let first = the_worker(&pool).await;
    let most = Job { options: vec![picture().options[0]; MAX_RENDITIONS], ..picture() };
    let deadline = Instant::now() + crate::PATIENCE;
    pool.render_each(&most, crate::PATIENCE, deadline, |_, result| drop(result.unwrap()))
        .await
        .unwrap();
    render(&pool, &picture()).await.unwrap();
    assert_ne!(the_worker(&pool).await, first, "its CPU time is for sixteen");
    assert_eq!(pool.stats().restarts, 0);
}

async fn a_worker_that_keeps_much_memory_ends_at_once() {
    let pool = pool(PoolConfig { kept_memory: 0, ..one_worker() }).await;
    for _ in 0..3 {
        let worker = the_worker(&pool).await;
        render(&pool, &job(&large(), Target::Webp)).await.unwrap();
        assert_ne!(pool.worker_ids(), [worker], "before the answer");
        eventually("it is gone", || !runs(worker)).await;
    }
    assert_eq!(pool.stats().restarts, 0, "that is no loss");
}

async fn an_idle_pool_has_one_fresh_worker_for_each_place() {
    let pool = pool(PoolConfig { workers: 3, ..PoolConfig::default() }).await;
    let at_start = pool.worker_ids();
    for number in 0..6 {
        // Another original each.
        render(&pool, &Job { original: OriginalId([number; 32]), ..picture() }).await.unwrap();
        assert_eq!(pool.stats().ready(), 3, "a planned replacement is no lost worker");
    }
    let used = |pool: &cuttle_worker::Pool| {
        let jobs = pool.stats().workers.into_iter().map(|worker| worker.jobs);
        jobs.zip(at_start.iter().map(|pid| runs(*pid))).all(|(jobs, runs)| runs == (jobs == 0))
    };
    eventually("whoever had a job is gone", || used(&pool)).await;
    eventually("and has a successor", || pool.worker_ids().len() == 3).await;
    assert_eq!(pool.stats().restarts, 0);
}

/// A PNG whose pixels take 72 MB: a file whose header lied would need as much.
fn large() -> Vec<u8> {
    let (width, height) = (6000, 4000);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = vec![127; 3 * width as usize * height as usize];
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

async fn a_job_gets_the_memory_that_it_was_admitted_with_and_no_more() {
    let pool = pool(one_worker()).await;
    let enough = Job { memory: 400 << 20, ..job(&large(), Target::Webp) };
    render(&pool, &enough).await.expect("enough memory");
    let too_little = Job { memory: 8 << 20, ..enough.clone() };
    let failed = render(&pool, &too_little).await.expect_err("too little memory");
    assert!(matches!(failed, JobError::Render(_) | JobError::Crashed(_)), "{failed:?}");
    // The worker, or its successor, is not the poorer for it.
    the_worker(&pool).await;
    render(&pool, &enough).await.expect("enough memory again");
}
