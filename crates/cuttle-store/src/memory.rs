//! The memory tier: least recently used goes first, bounded by bytes and by index entries.

use std::mem::size_of;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::{ContentKey, Entry, RequestDigest, Tier, Usage, Variant};

/// Variants and index of one process, gone with it.
#[derive(Debug)]
pub struct MemoryTier<V: Clone + Send + Sync + 'static> {
    variants: Cache<ContentKey, Variant>,
    index: Cache<RequestDigest, Entry<V>>,
}

/// What a variant costs beside its bytes: key, value, entity tag and the cache's own bookkeeping.
const VARIANT_OVERHEAD_BYTES: usize = size_of::<ContentKey>() + size_of::<Variant>() + 192;

impl<V: Clone + Send + Sync + 'static> MemoryTier<V> {
    /// Keeps at most `max_bytes` of variants and `max_requests` index entries. A single variant over
    /// an eighth of `max_bytes` is not kept: it would push out too many others.
    #[must_use]
    pub fn new(max_bytes: u64, max_requests: u64) -> Self {
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
        let index = Cache::builder()
            .eviction_policy(EvictionPolicy::lru())
            .max_capacity(max_requests)
            .build();
        Self { variants, index }
    }
}

impl<V: Clone + Send + Sync + 'static> Tier<V> for MemoryTier<V> {
    fn find(&self, request: &RequestDigest) -> Option<Entry<V>> {
        self.index.get(request)
    }

    fn record(&self, request: RequestDigest, entry: Entry<V>) {
        self.index.insert(request, entry);
    }

    fn forget(&self, request: &RequestDigest) {
        self.index.invalidate(request);
    }

    fn get(&self, content: &ContentKey) -> Option<Variant> {
        self.variants.get(content)
    }

    fn put(&self, content: ContentKey, variant: Variant) {
        self.variants.insert(content, variant);
    }

    fn usage(&self) -> Usage {
        self.variants.run_pending_tasks();
        self.index.run_pending_tasks();
        Usage {
            variants: self.variants.entry_count(),
            bytes: self.variants.weighted_size(),
            requests: self.index.entry_count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cuttle_image::Kind;

    use super::*;

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

    #[test]
    fn it_stays_within_its_bytes_and_drops_the_least_recently_used() {
        let tier = MemoryTier::<()>::new(100_000, 10);
        for n in 0..20 {
            tier.put(ContentKey([n; 32]), variant(10_000));
            tier.usage();
            assert!(
                tier.get(&ContentKey([0; 32])).is_some(),
                "used after every write, so never the oldest"
            );
        }
        let usage = tier.usage();
        assert!(usage.bytes <= 100_000 && usage.variants >= 5, "{usage:?}");
        assert!(tier.get(&ContentKey([19; 32])).is_some());
        assert!(tier.get(&ContentKey([1; 32])).is_none());
    }

    #[test]
    fn one_huge_variant_does_not_push_the_others_out() {
        let tier = MemoryTier::<()>::new(100_000, 10);
        tier.put(ContentKey([1; 32]), variant(10_000));
        tier.put(ContentKey([2; 32]), variant(90_000));
        tier.usage();
        assert!(tier.get(&ContentKey([1; 32])).is_some());
        assert!(tier.get(&ContentKey([2; 32])).is_none());
    }

    #[test]
    fn the_index_is_bounded_by_entries() {
        let tier = MemoryTier::<u8>::new(100_000, 10);
        for n in 0..50 {
            tier.record(
                RequestDigest([n; 32]),
                Entry { content: ContentKey([n; 32]), validator: n },
            );
        }
        assert!(tier.usage().requests <= 10);
        assert_eq!(tier.find(&RequestDigest([49; 32])).map(|entry| entry.validator), Some(49));
        tier.forget(&RequestDigest([49; 32]));
        assert_eq!(tier.find(&RequestDigest([49; 32])), None);
    }
}
