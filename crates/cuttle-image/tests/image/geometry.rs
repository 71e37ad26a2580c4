use cuttle_image::{Size, Target};

use crate::fixtures::{gradient, jpeg_rgb, png_rgb, rendition};

type Sides = (u32, u32);

/// Source, requested width, and what sharp 0.34 (`resize(w, { withoutEnlargement: true })`) made of it.
const SHARP: &[(Sides, u32, Sides)] = &[
    ((300, 200), 100, (100, 67)),
    ((300, 200), 300, (300, 200)),
    ((300, 200), 640, (300, 200)),
    ((100, 100), 640, (100, 100)),
    ((3, 2), 2, (2, 1)),
    ((3, 2), 1, (1, 1)),
    ((1000, 1), 10, (10, 1)),
    ((1, 1000), 1, (1, 1000)),
    ((5, 17_000), 3, (3, 10_200)),
    ((4, 3), 2, (2, 2)),
    ((8, 5), 4, (4, 3)),
    ((10, 5), 5, (5, 3)),
    ((10, 15), 5, (5, 8)),
    ((2, 3), 1, (1, 2)),
    ((1999, 1333), 640, (640, 427)),
    ((4000, 3000), 1080, (1080, 810)),
    ((5640, 3172), 1080, (1080, 607)),
    ((5640, 3172), 640, (640, 360)),
    ((333, 777), 32, (32, 75)),
    ((777, 333), 32, (32, 14)),
    ((1920, 1080), 828, (828, 466)),
    ((1366, 768), 750, (750, 422)),
    ((1001, 1001), 500, (500, 500)),
    ((640, 427), 384, (384, 256)),
    ((20, 3), 10, (10, 2)),
    ((20, 5), 2, (2, 1)),
    ((12, 9), 2, (2, 2)),
    ((40, 10), 6, (6, 2)),
    ((100, 25), 10, (10, 3)),
    ((1000, 333), 3, (3, 1)),
    ((7, 7), 6, (6, 6)),
    ((6000, 4000), 3840, (3840, 2560)),
];

#[test]
fn a_rendition_has_the_size_that_sharp_gives() {
    for ((width, height), to, expected) in SHARP {
        let size = Size { width: *width, height: *height }.fit_width(*to);
        assert_eq!((size.width, size.height), *expected, "{width}x{height} to {to}");
    }
}

#[test]
fn every_target_is_rendered_at_exactly_that_size() {
    for ((width, height), to, expected) in SHARP.iter().filter(|((w, h), _, _)| w * h < 100_000) {
        let samples = gradient(*width as usize, *height as usize);
        let sources = [
            png_rgb(*width, *height, &samples),
            jpeg_rgb((*width).try_into().unwrap(), (*height).try_into().unwrap(), &samples),
        ];
        for source in sources {
            for target in [Target::Jpeg, Target::Webp, Target::Avif, Target::Png] {
                let rendition = rendition(&source, *to, target);
                assert_eq!(
                    (rendition.width, rendition.height),
                    *expected,
                    "{width}x{height} to {to}, {target:?}"
                );
            }
        }
    }
}
