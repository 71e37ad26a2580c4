//! Any bytes as a picture: no panic, no long loop, and the kind is the signature's.
#![no_main]

use std::io::Cursor;

use cuttle_image::{Limits, ProbeError, SNIFF_BYTES, probe, sniff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let sniffed = sniff(&bytes[..bytes.len().min(SNIFF_BYTES)], bytes.len() as u64);
    match probe(Cursor::new(bytes)) {
        Ok(found) => {
            assert_eq!(Some(found.kind), sniffed);
            let _ = Limits::default().check(&found);
        }
        Err(ProbeError::Malformed { kind, .. }) => assert_eq!(Some(kind), sniffed),
        Err(ProbeError::Unrecognised) => assert_eq!(sniffed, None),
        Err(_) => panic!("memory does not fail to be read"),
    }
});
