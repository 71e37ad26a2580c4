//! An attacker's code inside a worker, through its real sandbox: what it can reach, and what it can use up.
//!
//! It does what the filter of system calls lets through and no more: it keeps memory and descriptors, and reads and
//! writes what it is given. Each test says by which control its attack is known to work.

use std::{fs, os::unix::fs::MetadataExt, sync::Mutex, time::Instant};

use cuttle_image::{RenderError, RenderOptions, Target};
use cuttle_worker::{Job, JobError, LayerName, OriginalId, Pool, PoolConfig};

use crate::{
    PATIENCE, eventually, job, kill, one_worker, picture, pool, render, rendering, the_worker,
    trials,
};

trials![
    no_byte_of_another_original_is_reachable_and_none_is_replaced,
    renditions_of_one_original_share_a_process_for_a_moment,
    the_same_bytes_for_another_audience_get_another_process,
    page_tables_end_at_the_limit,
    kept_results_end_at_one_file,
    a_job_runs_within_limits_of_its_own,
];

const ATTACKERS: OriginalId = OriginalId([1; 32]);
const VICTIMS: OriginalId = OriginalId([2; 32]);

fn of(original: OriginalId, source: &[u8]) -> Job {
    Job { original, ..job(source, Target::Png) }
}

/// Takes the worker over by one picture, lets another's be rendered, and asks for what was seen by a third.
/// Says whether the attack came off.
async fn attack(pool: &Pool, victims: OriginalId) -> bool {
    render(pool, &of(ATTACKERS, b"take-over")).await.expect("a picture like any other");
    let victim = of(victims, &rendering::gradient());
    let shown = render(pool, &victim).await.expect("a rendition");
    let honest =
        cuttle_image::render(&rendering::gradient(), &victim.options[0], &victim.limits).unwrap();
    let replaced = shown.bytes != honest.bytes;
    let loot = match render(pool, &of(ATTACKERS, b"loot")).await {
        Ok(picture) => picture.bytes.len() > rendering::gradient().len(),
        // No engine was there to give it: the picture is none.
        Err(error) => {
            assert_eq!(error, JobError::Render(RenderError::Unrecognised));
            false
        }
    };
    assert_eq!(replaced, loot, "both or neither");
    loot
}

async fn no_byte_of_another_original_is_reachable_and_none_is_replaced() {
    // One place: if a process were ever given to another original, it would be here.
    let pool = pool(one_worker()).await;
    for _ in 0..5 {
        assert!(!attack(&pool, VICTIMS).await, "what is another's was seen and replaced");
    }
    assert_eq!(pool.stats().restarts, 0, "all of that is routine");
    // The control: where the pool is told that all of it is one original, the attack works. A machine that stands
    // still for a moment may part them.
    let mut tries = 0;
    while !attack(&pool, ATTACKERS).await {
        tries += 1;
        assert!(tries < 100, "the attack proves nothing");
    }
}

async fn renditions_of_one_original_share_a_process_for_a_moment() {
    let pool = pool(one_worker()).await;
    let mut shared = 0;
    for _ in 0..20 {
        let first = the_worker(&pool).await;
        render(&pool, &picture()).await.unwrap();
        render(&pool, &picture()).await.unwrap();
        shared += u32::from(pool.worker_ids() == [first]);
        eventually("it has left", || !crate::runs(first)).await;
    }
    assert!(shared > 0, "never did the second width meet the first one's process");
    assert_eq!((pool.stats().restarts, pool.stats().ready()), (0, 1));
}

async fn the_same_bytes_for_another_audience_get_another_process() {
    let pool = pool(one_worker()).await;
    let first = the_worker(&pool).await;
    let source = rendering::gradient();
    render(&pool, &of(ATTACKERS, &source)).await.unwrap();
    render(&pool, &of(VICTIMS, &source)).await.unwrap();
    assert!(!crate::runs(first), "it made room, and was gone before the next one began");
}

/// Lets a job of two renditions come as far as its first, looks at its worker, and kills that.
async fn look_at<T>(pool: &Pool, job: &Job, look: impl Fn(u32) -> T) -> T {
    let (seen, deadline) = (Mutex::new(None), Instant::now() + PATIENCE);
    let options = vec![job.options[0]; 2];
    let job = Job { options, ..job.clone() };
    let watch = |_: usize, result: Result<_, JobError>| {
        if result.is_ok() {
            let worker = pool.worker_ids()[0];
            *seen.lock().unwrap() = Some(look(worker));
            kill(worker);
        }
    };
    pool.render_each(&job, PATIENCE, deadline, watch).await.expect("a worker has the job");
    seen.into_inner().unwrap().expect("the first rendition was made")
}

async fn page_tables_end_at_the_limit() {
    let pool = pool(one_worker()).await;
    // Eight GiB of address space, read and never written: 16 MiB of page tables and no private page.
    let job = Job { memory: 100 << 20, ..of(ATTACKERS, b"map-then-hang 8589934592") };
    let (tables, mapped) =
        look_at(&pool, &job, |worker| (status(worker, "VmPTE:"), status(worker, "VmSize:"))).await;
    assert!(tables < 2 << 20, "{} KiB of page tables, {} MiB mapped", tables >> 10, mapped >> 20);
    // Its own code and libraries; then the job's memory, and what allocators may reserve.
    assert!(mapped > 100 << 20 && mapped < (300 + 100 + 64) << 20, "{} MiB mapped", mapped >> 20);
}

fn status(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

async fn kept_results_end_at_one_file() {
    const LIMIT: u64 = 8 << 20;
    // So that the test may look at the descriptors.
    let without = vec![LayerName::NotDumpable];
    let pool = pool(PoolConfig { result_limit: LIMIT, without, ..one_worker() }).await;
    let command = format!("squat {LIMIT}");
    let again = of(ATTACKERS, &rendering::gradient());
    let (mut files, mut bytes, mut squatted) = (0, 0, 0);
    for _ in 0..10 {
        let squatter = the_worker(&pool).await;
        // Its own result is full by now.
        let _ = render(&pool, &of(ATTACKERS, command.as_bytes())).await;
        // It has the protocol to itself from now on, and keeps what comes with each further job of its original.
        for _ in 0..4 {
            squatted += u32::from(render(&pool, &again).await.is_err());
            let kept = results(squatter);
            (files, bytes) = (kept.len().max(files), kept.iter().sum::<u64>().max(bytes));
        }
        eventually("it has left", || !crate::runs(squatter)).await;
    }
    assert!(squatted > 0, "no second job ever met it");
    assert_eq!(files, 1, "of all its jobs");
    assert!(bytes <= LIMIT, "{} MiB of results kept", bytes >> 20);
}

/// The lengths of all result files that a process has open, as far as they hold anything, each file once.
fn results(pid: u32) -> Vec<u64> {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut files: Vec<(u64, u64)> = open
        .flatten()
        .filter(|file| {
            let name = fs::read_link(file.path()).unwrap_or_default();
            name.to_string_lossy().contains("cuttle-result")
        })
        .filter_map(|file| fs::metadata(file.path()).ok())
        .map(|file| (file.ino(), file.blocks() * 512))
        .collect();
    files.sort_unstable();
    files.dedup_by_key(|(inode, _)| *inode);
    files.into_iter().map(|(_, bytes)| bytes).collect()
}

async fn a_job_runs_within_limits_of_its_own() {
    let pool = pool(one_worker()).await;
    let options = RenderOptions { width: 7, ..job(b"", Target::Png).options[0] };
    let job = Job {
        options: vec![options],
        memory: 50 << 20,
        result: 12_345,
        ..of(ATTACKERS, b"png-then-hang")
    };
    let limits = look_at(&pool, &job, |worker| {
        (fs::read_to_string(format!("/proc/{worker}/limits")).unwrap(), status(worker, "VmSize:"))
    })
    .await;
    let (limits, mapped) = limits;
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let mut values = line.split_whitespace();
        let mut next = || values.next().unwrap().parse::<u64>().ok();
        (next(), next())
    };
    assert_eq!(limit("Max open files"), (Some(6), Some(6)));
    assert_eq!(limit("Max stack size"), (Some(8 << 20), Some(8 << 20)));
    assert_eq!(limit("Max file size"), (Some(12_345), Some(64 << 20)));
    // Two renditions of a minute each, and two seconds; a job of sixteen at most.
    assert_eq!(limit("Max cpu time"), (Some(2 * 60 + 2), Some(16 * 60 + 2)));
    let (now, most) = limit("Max address space");
    let (now, most) = (now.expect("a limit"), most.expect("a limit"));
    assert!(now >= (50 + 64) << 20 && now <= mapped + ((50 + 64) << 20), "{now} {mapped}");
    assert_eq!(most - now, (512 - 50) << 20);
    let (data, _) = limit("Max data size");
    assert!(data.is_some_and(|data| data < 100 << 20), "{data:?}");
}
