use cuttle_image::{Orientation, Target};
use png::{BitDepth, ColorType};

use crate::fixtures::{
    BLUE, GREEN, RED, WHITE, assert_near, exif, jpeg_rgb, pixels, png_with, quadrants, read,
    rendition, webp_lossless, with_segment,
};

/// EXIF value and the stored corners that are seen at top left, top right, bottom left, bottom right.
const SEEN: [(u8, [[u8; 3]; 4]); 10] = [
    (0, [RED, GREEN, BLUE, WHITE]),
    (1, [RED, GREEN, BLUE, WHITE]),
    (2, [GREEN, RED, WHITE, BLUE]),
    (3, [WHITE, BLUE, GREEN, RED]),
    (4, [BLUE, WHITE, RED, GREEN]),
    (5, [RED, BLUE, GREEN, WHITE]),
    (6, [BLUE, RED, WHITE, GREEN]),
    (7, [WHITE, GREEN, BLUE, RED]),
    (8, [GREEN, WHITE, RED, BLUE]),
    (9, [RED, GREEN, BLUE, WHITE]),
];

fn corners(source: &[u8], width: u32) -> ([usize; 2], [[u8; 3]; 4]) {
    let seen = pixels(source, width);
    let (right, bottom) = (seen.width - 1, seen.height - 1);
    let corners =
        [(0, 0), (right, 0), (0, bottom), (right, bottom)].map(|(x, y)| seen.rgb_at(x, y));
    ([seen.width, seen.height], corners)
}

fn png_turned(value: u8) -> Vec<u8> {
    png_with(
        30,
        20,
        ColorType::Rgb,
        BitDepth::Eight,
        &quadrants(30, 20),
        &[(*b"eXIf", &exif(value))],
    )
}

#[test]
fn every_orientation_is_seen_upright_at_full_size() {
    for (value, expected) in SEEN {
        let (size, seen) = corners(&png_turned(value), 640);
        let swapped = Orientation::from_exif(value.into()).swaps_sides();
        assert_eq!(size, if swapped { [20, 30] } else { [30, 20] }, "orientation {value}");
        assert_eq!(seen, expected, "orientation {value}");
    }
}

#[test]
fn every_orientation_is_seen_upright_when_reduced() {
    for (value, expected) in SEEN {
        let (size, seen) = corners(&png_turned(value), 10);
        let swapped = Orientation::from_exif(value.into()).swaps_sides();
        assert_eq!(size, if swapped { [10, 15] } else { [10, 7] }, "orientation {value}");
        for (found, expected) in seen.iter().zip(expected) {
            assert_near(found, &expected, 2);
        }
    }
}

#[test]
fn the_width_asked_for_is_the_width_seen() {
    let jpeg = jpeg_rgb(300, 200, &quadrants(300, 200));
    let turned = with_segment(&jpeg, 0xe1, &[b"Exif\0\0".as_slice(), &exif(6)].concat());
    let rendition = rendition(&turned, 640, Target::Webp);
    assert_eq!((rendition.width, rendition.height), (200, 300));
    let seen = read(&rendition);
    for ((x, y), expected) in
        [((50, 50), BLUE), ((150, 50), RED), ((50, 250), WHITE), ((150, 250), GREEN)]
    {
        assert_near(&seen.rgb_at(x, y), &expected, 24);
    }
}

#[test]
fn grey_and_transparent_pictures_turn_too() {
    let grey: Vec<u8> = quadrants(8, 4).chunks_exact(3).map(|rgb| rgb[0]).collect();
    let with_alpha: Vec<u8> = grey.iter().flat_map(|l| [*l, 200]).collect();
    let colour: Vec<u8> = grey.iter().flat_map(|l| [*l, 0, 0, 200]).collect();
    let rows = [
        (ColorType::Grayscale, grey, [0, 0, 0, 255]),
        (ColorType::GrayscaleAlpha, with_alpha, [0, 0, 0, 200]),
        (ColorType::Rgba, colour, [0, 0, 0, 200]),
    ];
    for (layout, samples, top_left) in rows {
        let source = png_with(8, 4, layout, BitDepth::Eight, &samples, &[(*b"eXIf", &exif(6))]);
        let seen = pixels(&source, 640);
        assert_eq!((seen.width, seen.height), (4, 8));
        assert_eq!(seen.at(0, 0), top_left, "{layout:?}: the blue corner is seen first");
        assert_eq!(seen.at(3, 0)[0], 255, "{layout:?}: then the red one");
    }
}

#[test]
fn an_exif_chunk_behind_the_pixels_of_a_webp_counts() {
    let still = webp_lossless(30, 20, image_webp::ColorType::Rgb8, &quadrants(30, 20));
    let bitstream = &still[12..];
    let extended = [&[0x08, 0, 0, 0, 29, 0, 0, 19, 0, 0][..]].concat();
    let body = [chunk(b"VP8X", &extended), bitstream.to_vec(), chunk(b"EXIF", &exif(8))].concat();
    let source =
        [b"RIFF".as_slice(), &u32::try_from(body.len() + 4).unwrap().to_le_bytes(), b"WEBP", &body]
            .concat();
    assert_eq!(corners(&source, 640), ([20, 30], [GREEN, WHITE, RED, BLUE]));
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk =
        [name, u32::try_from(body.len()).unwrap().to_le_bytes().as_slice(), body].concat();
    if body.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}
