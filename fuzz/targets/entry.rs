//! Any bytes as what a cache folder holds: the file of a variant, and the state of a source in a row of the index.
//!
//! No panic; what is accepted as a picture is of the kind that its bytes are, and whole.
#![no_main]

use std::ops::Range;
use std::time::Duration;

use cuttle_image::{SNIFF_BYTES, sniff};
use cuttle_source::State;
use cuttle_store::{ContentKey, parse};
use libfuzzer_sys::fuzz_target;
use twox_hash::xxhash3_128;

const CONTENT: Range<usize> = 24..56;
const DIGEST: Range<usize> = 56..72;

fuzz_target!(|bytes: &[u8]| {
    let content = bytes.get(CONTENT).and_then(|key| key.try_into().ok()).unwrap_or_default();
    // As given, and with the digest that it should have: nobody guesses one.
    let mut sealed = bytes.to_vec();
    if let (Some(head), Some(rest)) = (bytes.get(..DIGEST.start), bytes.get(DIGEST.end..)) {
        let mut hasher = xxhash3_128::Hasher::new();
        hasher.write(head);
        hasher.write(rest);
        sealed[DIGEST].copy_from_slice(&hasher.finish_128().to_le_bytes());
    }
    for file in [bytes.to_vec(), sealed] {
        let length = file.len();
        if let Ok(variant) = parse(&file.into(), &ContentKey(content)) {
            assert_eq!(length, DIGEST.end + variant.etag.len() + variant.bytes.len());
            let head = &variant.bytes[..variant.bytes.len().min(SNIFF_BYTES)];
            assert_eq!(sniff(head, variant.bytes.len() as u64), Some(variant.kind));
            assert!(variant.etag.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
    if let Ok(state) = postcard::from_bytes::<State>(bytes) {
        let _ = state.fresh_until(Duration::MAX);
        assert_eq!(
            postcard::from_bytes(&postcard::to_stdvec(&state).expect("read before")),
            Ok(state)
        );
    }
});
