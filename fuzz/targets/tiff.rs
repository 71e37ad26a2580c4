//! Any bytes as a TIFF: no panic, no long loop. JPEGs inside are left out, as libjpeg reads them.
#![no_main]

use cuttle_image::read_page;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_page(bytes);
});
