//! Any bytes in any pieces: no panic, and of a head that hyper's parser takes it is said truly whether a line feed in it is bare.
#![no_main]

use cuttle_contract::{Head, Heads};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], Vec<u8>)| {
    let (bytes, pieces) = input;
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let parsed = httparse::Request::new(&mut fields).parse(bytes);
    let Ok(httparse::Status::Complete(end)) = parsed else {
        // Whatever is said of what is no head, it must be said without a panic.
        let mut heads = Heads::default();
        heads.see(bytes);
        let _ = heads.read(Some(bytes.len() as u64 / 2));
        return;
    };
    let head = &bytes[..end];
    let bare =
        head.iter().enumerate().any(|(at, &byte)| byte == b'\n' && !head[..at].ends_with(b"\r"));
    let expected = if bare { Head::Bare } else { Head::Fine };
    for pieces in [&[][..], &pieces] {
        let (mut heads, mut rest) = (Heads::default(), head);
        for &size in pieces {
            let piece = rest.split_off(..usize::from(size).min(rest.len())).unwrap_or_default();
            heads.see(piece);
        }
        heads.see(rest);
        assert_eq!(heads.read(Some(0)), expected);
        // The next one begins where that one ends.
        heads.see(head);
        assert_eq!(heads.read(Some(0)), expected);
    }
});
