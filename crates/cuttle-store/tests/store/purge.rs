//! Purges: what they remove, what they void, and who hears of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cuttle_store::{Entry, Purge, Purged, Scope, Store, StoreSettings};

use crate::common::{
    application, content, disk_only, entry, files, found, keep, open, picture, request, source,
    until, with_memory,
};

#[tokio::test]
async fn a_purge_removes_what_it_matches_from_memory_and_disk() {
    type Matches = fn(u32) -> bool;
    let of = |application: &str, scope| Purge { application: Some(application.into()), scope };
    let rows: [(Purge, Matches); 9] = [
        (Purge::EVERYTHING, |_| true),
        (Scope::Source(source(13).into()).into(), |n| n == 13),
        (Scope::Source("/photos/".into()).into(), |_| false),
        (Scope::Prefix("/photos/3/".into()).into(), |n| n % 10 == 3),
        (Scope::Prefix("".into()).into(), |_| true),
        (of("docs", Scope::All), |n| n % 2 == 1),
        (of("docs", Scope::Prefix("/photos/3/".into())), |n| n % 10 == 3),
        (of("shop", Scope::Source(source(13).into())), |_| false),
        (of("blog", Scope::All), |_| false),
    ];
    for (purge, matches) in rows {
        let folder = tempfile::tempdir().unwrap();
        let store = open(with_memory(folder.path()));
        (0..100).for_each(|n| keep(&store, (n, 1)));
        store.flush().await;
        let purged = store.purge(purge.clone()).await;
        let expected = (0..100).filter(|n| matches(*n)).count();
        assert_eq!(
            (purged.requests, purged.variants),
            (expected as u64, expected as u64),
            "{purge:?}"
        );
        for id in ["shop", "docs", "blog"] {
            let of_it = (0..100).filter(|n| application(*n) == id && matches(*n)).count() as u64;
            assert_eq!(purged.applications.get(id).copied().unwrap_or(0), of_it, "{purge:?} {id}");
        }
        assert_eq!((purged.bytes > 0, purged.pending), (expected > 0, false), "{purge:?}");
        for n in 0..100 {
            assert_eq!(found(&store, n).await.is_none(), matches(n), "{purge:?} {n}");
        }
        assert_eq!(files(folder.path()).len(), 100 - expected, "{purge:?}");
        drop(store);
        let store = open(disk_only(folder.path()));
        for n in 0..100 {
            assert_eq!(
                found(&store, n).await.is_none(),
                matches(n),
                "after a restart: {purge:?} {n}"
            );
        }
    }
}

#[tokio::test]
async fn bytes_that_another_source_names_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(with_memory(folder.path()));
    keep(&store, (1, 1));
    let other = Entry { source: "/other.jpg".into(), ..entry((1, 1)) };
    store.record(store.epoch(), request(2), other, &picture((1, 1)));
    store.flush().await;
    let purged = store.purge(Scope::Source(source(1).into())).await;
    let applications = [("docs".into(), 1)].into();
    assert_eq!(purged, Purged { requests: 1, applications, ..Purged::default() });
    assert!(store.get(&content((1, 1))).await.is_some());
    assert!(store.find(&request(2)).await.is_some());
    let purged = store.purge(Scope::Source("/other.jpg".into())).await;
    assert_eq!((purged.requests, purged.variants), (1, 1));
    assert!(store.get(&content((1, 1))).await.is_none());
    assert_eq!(files(folder.path()).len(), 0);
}

#[tokio::test]
async fn what_was_begun_before_a_purge_is_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(with_memory(folder.path()));
    let begun = store.epoch();
    store.purge(Scope::Prefix("/photos/1/".into())).await;
    store.put(begun, content((1, 1)), picture((1, 1)));
    assert_eq!(store.peek_variant(&content((1, 1))), None);
    for n in [1, 2] {
        store.record(begun, request(n), entry((n, 1)), &picture((n, 1)));
    }
    assert_eq!(found(&store, 1).await, None);
    assert_eq!(found(&store, 2).await, Some((2, 1)), "another source");
    store.flush().await;
    assert_eq!(files(folder.path()).len(), 1);
    keep(&store, (1, 2));
    assert_eq!(found(&store, 1).await, Some((1, 2)), "begun after it");
}

#[tokio::test]
async fn what_waits_to_be_written_is_voided() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(disk_only(folder.path()));
    for round in 1..20 {
        (0..20).for_each(|n| keep(&store, (n, round)));
        store.purge(Purge::EVERYTHING).await;
        for n in 0..20 {
            assert_eq!(found(&store, n).await, None);
        }
    }
    store.flush().await;
    assert_eq!(files(folder.path()).len(), 0);
}

#[tokio::test]
async fn a_store_on_the_same_folder_hears_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(with_memory(folder.path())), open(with_memory(folder.path())));
    (0..20).for_each(|n| keep(&one, (n, 1)));
    one.flush().await;
    for n in 0..20 {
        assert_eq!(found(&two, n).await, Some((n, 1)), "shared");
    }
    let begun = two.epoch();
    one.purge(Scope::Prefix("/photos/7/".into())).await;
    until("heard", || async { two.peek(&request(7)).is_none() }).await;
    assert_eq!(found(&two, 7).await, None);
    assert_eq!(found(&two, 8).await, Some((8, 1)));
    two.record(begun, request(7), entry((7, 1)), &picture((7, 1)));
    two.flush().await;
    assert_eq!(found(&two, 7).await, None, "begun before the other's purge");
    assert_eq!(found(&one, 7).await, None);
}

#[tokio::test]
async fn a_job_of_another_process_cannot_write_past_a_purge_that_it_has_not_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(disk_only(folder.path())), open(disk_only(folder.path())));
    for round in 0..50 {
        let begun = two.epoch();
        one.purge(Scope::Source(source(1).into())).await;
        two.record(begun, request(1), entry((1, round)), &picture((1, round)));
        two.flush().await;
        assert_eq!(found(&two, 1).await, None);
        assert_eq!(found(&one, 1).await, None);
    }
}

/// Whatever was made before a purge began, by jobs that write and look up all the while, is not found once it has returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_from_before_a_purge_survives_a_race_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // The one that purges, and one that hears of it.
    let stores = [open(with_memory(folder.path())), open(with_memory(folder.path()))];
    let (version, over) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicBool::new(false)));
    let jobs = (0..8).map(|job| {
        let (stores, version, over) = (stores.clone(), Arc::clone(&version), Arc::clone(&over));
        tokio::spawn(async move {
            let store = &stores[job % 2];
            while !over.load(Ordering::SeqCst) {
                let n = fastrand::u32(..10);
                let begun = store.epoch();
                let state = (n, version.load(Ordering::SeqCst));
                tokio::task::yield_now().await;
                store.record(begun, request(n), entry(state), &picture(state));
                found(store, fastrand::u32(..10)).await;
            }
        })
    });
    let jobs: Vec<_> = jobs.collect();
    for round in 0..30 {
        let before = version.fetch_add(1, Ordering::SeqCst);
        let purge = if round % 2 == 0 {
            Purge::EVERYTHING
        } else {
            Scope::Prefix("/photos/".into()).into()
        };
        let purged = stores[0].purge(purge).await;
        assert!(!purged.pending);
        for n in 0..10 {
            let version = found(&stores[0], n).await.map_or(u32::MAX, |(_, version)| version);
            assert!(version > before, "{version} was made before {before} was purged");
        }
        for n in 0..10 {
            until("heard", || async {
                found(&stores[1], n).await.is_none_or(|(_, version)| version > before)
            })
            .await;
        }
    }
    over.store(true, Ordering::SeqCst);
    for job in jobs {
        job.await.unwrap();
    }
}

#[tokio::test]
async fn a_purge_that_the_disk_cannot_hear_comes_first_when_it_can() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, away) = (parent.path().join("cache"), parent.path().join("away"));
    let store = open(with_memory(&folder));
    (0..10).for_each(|n| keep(&store, (n, 1)));
    store.flush().await;
    // A file in its place, so that it cannot be made anew.
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, b"").unwrap();
    until("noticed", || async { store.trouble().is_some() }).await;
    let purged = store.purge(Scope::Source(source(1).into())).await;
    assert!(purged.pending && purged.requests == 1, "{purged:?}");
    assert_eq!(found(&store, 1).await, None);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    until("recovered", || async { store.trouble().is_none() && found(&store, 2).await.is_some() })
        .await;
    assert_eq!(found(&store, 1).await, None);
    until("deleted", || async { files(&folder).len() == 9 }).await;
}

#[tokio::test]
async fn a_purge_without_a_disk_empties_memory() {
    let settings = StoreSettings {
        memory_bytes: 1 << 20,
        index_bytes: 1 << 20,
        index_entries: 100,
        queue_bytes: 0,
        disk: None,
    };
    let (store, _) = Store::open(settings);
    keep(&store, (1, 1));
    let purged = store.purge(Scope::Prefix("/photos/".into())).await;
    assert_eq!((purged.requests, purged.variants, purged.pending), (1, 1, false));
    assert_eq!(found(&store, 1).await, None);
}
