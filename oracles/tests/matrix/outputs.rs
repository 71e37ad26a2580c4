//! What we write, read back by decoders that share no code with the engine: two for every format.

use std::io::Cursor;

use cuttle_image::{Kind, Target};
use cuttle_oracles::{Pillow, Raster, Sharp};

use crate::rows::{Bound, Picture, Table, pictures, read_png, rendition, seen, to_rgba};

/// Photographs, with and without alpha, grey, drawings of few colours; wide and narrow.
const SOURCES: [&str; 7] = [
    "baseline.jpg",
    "grey.jpg",
    "rgb-8.png",
    "rgba-8.png",
    "grey-alpha-8.png",
    "palette-4-trns.png",
    "lossless-alpha.webp",
];

/// Of cells of 4 × 4 pixels. Single pixels differ by more: half of a fixture's noise is in its chroma, of
/// which 4:2:0 keeps a quarter.
const LOSSY: Bound = Bound { mean: 2.0, p99: 8.0, alpha: 1.0 };
const LOSSLESS: Bound = Bound { mean: 0.0, p99: 0.0, alpha: 0.0 };

#[test]
fn every_output_is_read_by_others_as_what_it_is() {
    let (mut sharp, mut pillow) = (Sharp::start(), Pillow::start());
    let mut table = Table::new("outputs");
    let all = pictures();
    for name in SOURCES {
        let picture = all.iter().find(|picture| picture.name == name).unwrap();
        for width in [picture.width, picture.width * 5 / 8] {
            for target in [Target::Avif, Target::Webp, Target::Jpeg, Target::Png] {
                let made = rendition(&picture.bytes, width, target).unwrap();
                let wanted = expected(picture, width, target);
                let film = pillow.film(&made.bytes, None);
                let readers = [
                    ("sharp", sharp.still(&made.bytes, None)),
                    ("Pillow", film.map(|mut film| film.frames.remove(0))),
                    ("Rust", in_rust(made.kind, &made.bytes)),
                ];
                for (reader, read) in readers {
                    let row = format!("{name} at {width} as {target:?} by {reader}");
                    match read {
                        Ok(read) if target == Target::Png => {
                            table.compare(&row, &read, &wanted, LOSSLESS);
                        }
                        Ok(read) => {
                            table.compare(&row, &read.coarse(4), &wanted.coarse(4), LOSSY);
                        }
                        // No decoder of AV1 in Rust is worth its weight.
                        Err(_) if made.kind == Kind::Avif && reader == "Rust" => {}
                        Err(error) => table.fail(&row, &error),
                    }
                }
            }
        }
    }
    table.judge();
}

/// JPEG has no alpha: what is transparent is shown on white.
fn expected(picture: &Picture, width: u32, target: Target) -> Raster {
    let mut raster = seen(picture, width).unwrap();
    if target == Target::Jpeg {
        for [rgb @ .., alpha] in raster.rgba.as_chunks_mut::<4>().0 {
            let a = u32::from(*alpha);
            for sample in rgb {
                *sample = ((u32::from(*sample) * a + 255 * (255 - a) + 127) / 255) as u8;
            }
            *alpha = 255;
        }
    }
    raster
}

fn in_rust(kind: Kind, bytes: &[u8]) -> Result<Raster, String> {
    match kind {
        Kind::Png => Ok(read_png(bytes)),
        Kind::Jpeg => {
            let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(bytes));
            let samples = decoder.decode().map_err(|error| format!("{error:?}"))?;
            let (width, height) = decoder.dimensions().unwrap();
            let rgba = to_rgba(samples.len() / (width * height), &samples);
            Ok(Raster::new(width as u32, height as u32, rgba))
        }
        Kind::Webp => {
            let mut decoder =
                image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
            let (width, height) = decoder.dimensions();
            let mut samples = vec![0; decoder.output_buffer_size().unwrap()];
            decoder.read_image(&mut samples).map_err(|error| error.to_string())?;
            let channels = if decoder.has_alpha() { 4 } else { 3 };
            Ok(Raster::new(width, height, to_rgba(channels, &samples)))
        }
        kind => Err(format!("nobody reads {kind:?}")),
    }
}
