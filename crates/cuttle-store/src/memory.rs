//! The memory tier: least recently used goes first.
//!
//! Variants and index are weighed by what they hold. A source may be thousands of bytes long, and who asks for many of them chose
//! how long: bounded by number, 40,000 entries took 1.1 GB.

use std::collections::{BTreeMap, HashSet};
use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::purge::now_ms;
use crate::{ContentKey, Entry, Purge, Purged, RequestDigest, TierUsage, Variant};

/// Variants and index of one process, gone with it.
#[derive(Debug)]
pub(crate) struct Memory<S: Clone + Send + Sync + 'static> {
    variants: Cache<ContentKey, Variant>,
    /// `None`: forgotten. Kept, so that a look-up on disk that began before cannot bring it back.
    index: Cache<RequestDigest, Option<Arc<Held<S>>>>,
    note_use_every: i64,
}

#[derive(Debug)]
struct Held<S> {
    entry: Entry<S>,
    /// With the texts that it holds.
    bytes: u32,
    /// When the disk was last told of it, in milliseconds since 1970.
    written: i64,
    /// When its use was last noted.
    noted: AtomicI64,
}

/// What memory says of a request.
#[derive(Debug)]
pub(crate) enum Seen<S> {
    /// All of it; the flag says that the disk has not heard of its use for long.
    Here(Entry<S>, Variant, bool),
    /// The variant is no longer here.
    Named(Entry<S>),
    Forgotten,
    Unknown,
}

/// What a variant costs beside its bytes: key, value, entity tag and the cache's own bookkeeping.
const VARIANT_OVERHEAD_BYTES: usize = size_of::<ContentKey>() + size_of::<Variant>() + 448;

/// What an entry costs beside its texts, its state and the cache's own bookkeeping included (measured: 650 to 720).
const ENTRY_BYTES: usize = 768;
/// What one costs that was forgotten.
const FORGOTTEN_BYTES: u32 = 448;

/// A source that is confirmed every second is not written every second: what is lost by it is a question to its origin.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);

impl<S: Clone + Send + Sync + 'static> Memory<S> {
    /// Keeps at most `max_bytes` of variants, and at most `index_bytes` and `index_entries` of the index. A single variant over
    /// an eighth of `max_bytes` is not kept: it would push out too many others.
    pub(crate) fn new(
        max_bytes: u64,
        (index_bytes, index_entries): (u64, u64),
        note_use_every: Duration,
    ) -> Self {
        let largest = u32::try_from(max_bytes / 8).unwrap_or(u32::MAX);
        let variants = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(max_bytes)
            .weigher(move |_, variant: &Variant| {
                let cost = variant.bytes.len().saturating_add(VARIANT_OVERHEAD_BYTES);
                match u32::try_from(cost) {
                    Ok(cost) if cost <= largest => cost,
                    // Heavier than the whole tier, so that it is dropped at once.
                    _ => u32::MAX,
                }
            })
            .build();
        // So heavy at least, that no more than so many fit.
        let least = u32::try_from(index_bytes / index_entries.max(1)).unwrap_or(u32::MAX);
        let index = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(index_bytes)
            .weigher(move |_, held: &Option<Arc<Held<S>>>| {
                held.as_ref().map_or(FORGOTTEN_BYTES, |held| held.bytes).max(least)
            })
            .build();
        Self { variants, index, note_use_every: millis(note_use_every) }
    }

    pub(crate) fn see(&self, request: &RequestDigest) -> Seen<S> {
        let held = match self.index.get(request) {
            Some(Some(held)) => held,
            Some(None) => return Seen::Forgotten,
            None => return Seen::Unknown,
        };
        let Some(variant) = self.variants.get(&held.entry.content) else {
            return Seen::Named(held.entry.clone());
        };
        let now = now_ms();
        // Two that note the same use do no harm.
        let note = now - held.noted.load(Ordering::Relaxed) >= self.note_use_every;
        if note {
            held.noted.store(now, Ordering::Relaxed);
        }
        Seen::Here(held.entry.clone(), variant, note)
    }

    pub(crate) fn get(&self, content: &ContentKey) -> Option<Variant> {
        self.variants.get(content)
    }

    pub(crate) fn remove(&self, content: &ContentKey) {
        self.variants.invalidate(content);
    }

    pub(crate) fn put(&self, content: ContentKey, variant: Variant) {
        self.variants.insert(content, variant);
    }

    /// Remembers an entry, whose state is `state_bytes` long when it is written; whether the disk should hear of it.
    pub(crate) fn record(
        &self,
        request: RequestDigest,
        entry: Entry<S>,
        state_bytes: usize,
    ) -> bool {
        let now = now_ms();
        let before = self.index.get(&request).flatten();
        let confirmed = before.filter(|held| {
            let same = held.entry.content == entry.content && held.entry.source == entry.source;
            same && (0..millis(CONFIRM_EVERY)).contains(&(now - held.written))
        });
        let written = confirmed.as_ref().map_or(now, |held| held.written);
        let noted = confirmed.as_ref().map_or(now, |held| held.noted.load(Ordering::Relaxed));
        let noted = AtomicI64::new(noted);
        let bytes = weight(&entry, state_bytes);
        self.index.insert(request, Some(Arc::new(Held { entry, bytes, written, noted })));
        confirmed.is_none()
    }

    /// Remembers what the disk knew, unless something newer is known meanwhile.
    pub(crate) fn promote(&self, request: RequestDigest, entry: Entry<S>, state_bytes: usize) {
        let now = now_ms();
        let bytes = weight(&entry, state_bytes);
        let held = Held { entry, bytes, written: now, noted: AtomicI64::new(now) };
        self.index.entry(request).or_insert(Some(Arc::new(held)));
    }

    pub(crate) fn forget(&self, request: RequestDigest) {
        self.index.insert(request, None);
    }

    /// Forgets what is known of a request, also that it was forgotten.
    pub(crate) fn drop_entry(&self, request: &RequestDigest) {
        self.index.invalidate(request);
    }

    /// Removes what a purge matches, and every variant that nothing names after it: what an entry that was pushed out had named may be
    /// of that source too.
    pub(crate) fn purge(&self, purge: &Purge) -> Purged {
        self.index.run_pending_tasks();
        let (mut applications, mut named) = (BTreeMap::<Arc<str>, u64>::new(), HashSet::new());
        for (request, held) in &self.index {
            let Some(held) = held else { continue };
            let Entry { application, source, content, .. } = &held.entry;
            if purge.matches(application, source) {
                self.index.invalidate(&*request);
                *applications.entry(Arc::clone(application)).or_default() += 1;
            } else {
                named.insert(*content);
            }
        }
        if *purge == Purge::EVERYTHING {
            // Also what was forgotten.
            self.index.invalidate_all();
        }
        let mut removed = Purged {
            requests: applications.values().sum(),
            applications: applications.into_iter().map(|(id, n)| (id.as_ref().into(), n)).collect(),
            ..Purged::default()
        };
        for (content, variant) in &self.variants {
            if !named.contains(&*content) {
                self.variants.invalidate(&*content);
                removed.variants += 1;
                removed.bytes += variant.bytes.len() as u64;
            }
        }
        removed
    }

    pub(crate) fn kept(&self) -> TierUsage {
        self.variants.run_pending_tasks();
        self.index.run_pending_tasks();
        TierUsage {
            variants: self.variants.entry_count(),
            bytes: self.variants.weighted_size(),
            entries: self.index.entry_count(),
            index_bytes: self.index.weighted_size(),
        }
    }
}

fn weight<S>(entry: &Entry<S>, state_bytes: usize) -> u32 {
    u32::try_from(ENTRY_BYTES + entry.source.len() + state_bytes).unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cuttle_image::Kind;

    use super::*;
    use crate::Scope;

    fn variant(bytes: usize) -> Variant {
        Variant {
            bytes: Bytes::from(vec![0; bytes]),
            kind: Kind::Webp,
            width: 1,
            height: 1,
            etag: "\"x\"".into(),
            passthrough: false,
        }
    }

    fn entry(n: u8, source: &str) -> Entry<u8> {
        let application = if source.starts_with("/docs/") { "docs" } else { "shop" };
        let (application, source) = (application.into(), source.into());
        Entry { content: ContentKey([n; 32]), state: n, application, source }
    }

    fn memory() -> Memory<u8> {
        Memory::new(100_000, (100_000, 10), Duration::from_secs(60))
    }

    #[test]
    fn it_stays_within_its_bytes_and_drops_the_least_recently_used() {
        let tier = memory();
        for n in 0..20 {
            tier.put(ContentKey([n; 32]), variant(10_000));
            tier.kept();
            assert!(
                tier.get(&ContentKey([0; 32])).is_some(),
                "used after every write, so never the oldest"
            );
        }
        let kept = tier.kept();
        assert!(kept.bytes <= 100_000 && kept.variants >= 5, "{kept:?}");
        assert!(tier.get(&ContentKey([19; 32])).is_some());
        assert!(tier.get(&ContentKey([1; 32])).is_none());
    }

    #[test]
    fn one_huge_variant_does_not_push_the_others_out() {
        let tier = memory();
        tier.put(ContentKey([1; 32]), variant(10_000));
        tier.put(ContentKey([2; 32]), variant(90_000));
        tier.kept();
        assert!(tier.get(&ContentKey([1; 32])).is_some());
        assert!(tier.get(&ContentKey([2; 32])).is_none());
    }

    #[test]
    fn the_index_is_bounded_by_what_its_entries_hold() {
        let tier = Memory::new(0, (100_000, 1000), Duration::from_secs(60));
        for n in 0..50 {
            tier.record(RequestDigest([n; 32]), entry(n, &"/".repeat(9000)), 400);
        }
        let kept = tier.kept();
        assert!((5..=10).contains(&kept.entries) && kept.index_bytes <= 100_000, "{kept:?}");
    }

    #[test]
    fn the_index_is_bounded_by_entries() {
        let tier = memory();
        for n in 0..50 {
            tier.record(RequestDigest([n; 32]), entry(n, "/a"), 1);
        }
        assert!(tier.kept().entries <= 10);
        assert!(
            matches!(tier.see(&RequestDigest([49; 32])), Seen::Named(entry) if entry.state == 49)
        );
    }

    #[test]
    fn what_was_forgotten_is_not_brought_back_from_disk() {
        let tier = memory();
        let request = RequestDigest([1; 32]);
        tier.forget(request);
        tier.promote(request, entry(1, "/a"), 1);
        assert!(matches!(tier.see(&request), Seen::Forgotten));
        tier.record(request, entry(2, "/a"), 1);
        tier.promote(request, entry(1, "/a"), 1);
        assert!(matches!(tier.see(&request), Seen::Named(entry) if entry.state == 2));
    }

    #[test]
    fn a_confirmation_is_not_written_again_at_once_and_a_change_is() {
        let tier = memory();
        let request = RequestDigest([1; 32]);
        assert!(tier.record(request, entry(1, "/a"), 1));
        assert!(!tier.record(request, Entry { state: 9, ..entry(1, "/a") }, 1));
        assert!(matches!(tier.see(&request), Seen::Named(entry) if entry.state == 9));
        assert!(tier.record(request, entry(2, "/a"), 1));
        tier.forget(request);
        assert!(tier.record(request, entry(2, "/a"), 1));
    }

    #[test]
    fn a_purge_takes_what_only_its_entries_name() {
        let tier = memory();
        for (n, content, source) in [(1, 1, "/a/1"), (2, 2, "/a/2"), (3, 2, "/b")] {
            tier.put(ContentKey([content; 32]), variant(100));
            tier.record(RequestDigest([n; 32]), entry(content, source), 1);
        }
        tier.put(ContentKey([4; 32]), variant(50));
        let removed = tier.purge(&Scope::Prefix("/a/".into()).into());
        let applications = [("shop".into(), 2)].into();
        let expected =
            Purged { requests: 2, applications, variants: 2, bytes: 150, ..Purged::default() };
        assert_eq!(removed, expected);
        assert!(tier.get(&ContentKey([1; 32])).is_none());
        assert!(tier.get(&ContentKey([4; 32])).is_none(), "whose it was is not known");
        assert!(matches!(tier.see(&RequestDigest([3; 32])), Seen::Here(..)));
        tier.purge(&Purge::EVERYTHING);
        assert!(matches!(tier.see(&RequestDigest([3; 32])), Seen::Unknown));
    }

    #[test]
    fn a_purge_of_one_application_leaves_the_pictures_of_another() {
        let tier = memory();
        for (n, source) in [(1, "/a"), (2, "/docs/a")] {
            tier.put(ContentKey([n; 32]), variant(100));
            tier.record(RequestDigest([n; 32]), entry(n, source), 1);
        }
        let of_docs = Purge { application: Some("docs".into()), scope: Scope::All };
        assert_eq!(tier.purge(&of_docs).applications, [("docs".into(), 1)].into());
        assert!(matches!(tier.see(&RequestDigest([1; 32])), Seen::Here(..)));
        assert!(matches!(tier.see(&RequestDigest([2; 32])), Seen::Unknown));
    }
}
