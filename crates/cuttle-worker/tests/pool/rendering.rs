//! The job itself: pictures in, the same bytes as the engine's out, from one worker after another.

use std::{io::Write, time::Instant};

use cuttle_image::{Kind, Limits, RenderError, Target, sniff};
use cuttle_worker::{Job, JobError, Platform, PoolConfig, SealedWriter};

use crate::{eventually, job, one_worker, picture, pool, render, the_worker, trials};

trials![
    renditions_are_those_of_the_engine_in_every_format,
    renditions_are_the_same_without_sealed_files_and_sandbox,
    a_refusal_of_the_engine_reaches_the_caller_and_spares_the_worker,
    a_source_over_its_limit_is_refused,
    as_many_jobs_run_at_once_as_there_are_workers,
    one_job_more_than_workers_is_refused_at_once,
    a_worker_is_replaced_after_its_share_of_jobs,
    a_worker_that_keeps_much_memory_is_replaced,
    an_idle_worker_gives_memory_back_by_being_replaced,
    few_jobs_warm_few_workers,
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

async fn a_worker_is_replaced_after_its_share_of_jobs() {
    let pool = pool(PoolConfig { jobs_per_worker: 2, ..one_worker() }).await;
    let first = the_worker(&pool).await;
    for restarts in [0, 0, 1, 1, 2] {
        assert_eq!(pool.stats().restarts.max(restarts), restarts, "not too early");
        render(&pool, &picture()).await.unwrap();
        assert_eq!(pool.stats().restarts, restarts);
    }
    assert_ne!(the_worker(&pool).await, first);
}

async fn a_worker_that_keeps_much_memory_is_replaced() {
    let pool = pool(PoolConfig { memory_high_water: 1, ..one_worker() }).await;
    for _ in 0..3 {
        render(&pool, &picture()).await.unwrap();
    }
    eventually("three workers were replaced", || pool.stats().restarts == 3).await;
}

async fn an_idle_worker_gives_memory_back_by_being_replaced() {
    let idle_after = std::time::Duration::from_millis(1);
    let pool = pool(PoolConfig { idle_memory: 1, idle_after, ..one_worker() }).await;
    assert_eq!(pool.stats().restarts, 0, "a fresh worker is as small as it gets");
    render(&pool, &picture()).await.unwrap();
    eventually("the worker was replaced", || pool.stats().restarts == 1).await;
    render(&pool, &picture()).await.unwrap();
}

async fn few_jobs_warm_few_workers() {
    let pool = pool(PoolConfig { workers: 3, ..PoolConfig::default() }).await;
    for _ in 0..6 {
        render(&pool, &picture()).await.unwrap();
        eventually("all are idle", || pool.stats().workers.iter().all(|worker| !worker.busy)).await;
    }
    let jobs: Vec<u64> = pool.stats().workers.iter().map(|worker| worker.jobs).collect();
    assert_eq!(jobs, [6, 0, 0]);
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
