//! Any bytes as the container of an AVIF: no panic, no long loop, nothing outside the file.
#![no_main]

use std::io::Cursor;

use cuttle_image::{Kind, Limits, probe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = bytes.to_vec();
    let Some([s3, s2, s1, s0, f, t, y, p, brand @ ..]) = file.first_chunk_mut::<12>() else {
        return;
    };
    // Every input is one, so that what changes is what its boxes say.
    (*f, *t, *y, *p) = (b'f', b't', b'y', b'p');
    if brand != b"avis" {
        *brand = *b"avif";
    }
    if u32::from_be_bytes([*s3, *s2, *s1, *s0]) > 1024 {
        (*s3, *s2, *s1, *s0) = (0, 0, 0, 28);
    }
    if let Ok(found) = probe(Cursor::new(&file)) {
        // A box of 256 bytes begins as an icon does.
        if found.kind != Kind::Avif {
            return;
        }
        assert!(found.stored.is_some_and(|size| size.pixels() > 0));
        assert!(found.icc_bytes() <= found.source_bytes);
        if Limits::default().check(&found).is_ok() {
            assert!(found.frames.is_none_or(|frames| u64::from(frames) <= found.source_bytes));
        }
    }
});
