//! Any `Content-Encoding` (the first line), and any bytes under it: no panic, no long loop, and the same however they are cut.
#![no_main]

use cuttle_source::undo;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// Enough for several buffers of each layer.
const MOST: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return };
    let (line, coded) = (&input[..end], &input[end + 1..]);
    let Ok(value) = HeaderValue::from_bytes(line) else { return };
    let headers = HeaderMap::from_iter([(CONTENT_ENCODING, value)]);
    let whole = undo(&headers, coded, coded.len(), MOST);
    let cut = undo(&headers, coded, 1 + end % 7, MOST);
    if let (Ok(whole), Ok(cut)) = (&whole, &cut) {
        let both = whole.len().min(cut.len());
        assert!(whole[..both] == cut[..both]);
        assert!(both >= MOST || whole.len() == cut.len());
    }
});
