//! Any bytes as a progressive JPEG: no panic, no long loop.
#![no_main]

use cuttle_image::read_all;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_all(bytes);
});
