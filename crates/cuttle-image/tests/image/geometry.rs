use cuttle_image::{Crop, Fit, Limits, RenderOptions, Size, Target, render};

use crate::fixtures::{
    BLUE, GREEN, RED, assert_near, exif, gradient, jpeg_rgb, options, png_rgb, read, rendition,
    with_segment,
};

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

/// Source, box, what cover and what contain make of it. Contain is what sharp 0.35 gives for
/// `fit: 'inside'` with `withoutEnlargement`, and cover what it gives for `fit: 'cover'` where the source
/// fills the box; where it does not, sharp cuts to another aspect, and we keep the one that was asked for.
const BOXES: &[(Sides, Sides, Sides, Sides)] = &[
    ((300, 200), (100, 100), (100, 100), (100, 67)),
    ((300, 200), (60, 120), (60, 120), (60, 40)),
    ((200, 300), (120, 60), (120, 60), (40, 60)),
    ((300, 200), (300, 200), (300, 200), (300, 200)),
    ((300, 200), (3, 2), (3, 2), (3, 2)),
    ((1000, 1), (10, 10), (1, 1), (10, 1)),
    // Too small in one direction, in the other, in both.
    ((300, 200), (250, 250), (200, 200), (250, 167)),
    ((300, 200), (400, 100), (300, 75), (150, 100)),
    ((300, 200), (600, 600), (200, 200), (300, 200)),
];

#[test]
fn cover_fills_the_box_and_contain_stays_inside_it() {
    for ((width, height), (w, h), cover, contain) in BOXES {
        let source = png_rgb(*width, *height, &gradient(*width as usize, *height as usize));
        for (fit, expected) in [
            (Fit::Cover { height: *h, crop: Crop::Centre }, cover),
            (Fit::Cover { height: *h, crop: Crop::Smart }, cover),
            (Fit::Contain { height: *h }, contain),
        ] {
            let options = RenderOptions { fit, ..options(*w, Target::Png) };
            let found = render(&source, &options, &Limits::default()).unwrap();
            assert_eq!((found.width, found.height), *expected, "{width}x{height}: {fit:?} {w}");
        }
    }
}

#[test]
fn a_centred_cut_is_the_middle_of_what_is_seen() {
    // Thirds of red, green and blue, from left to right as displayed, whichever way they are stored.
    let row = [RED.repeat(60), GREEN.repeat(60), BLUE.repeat(60)].concat();
    let upright = row.repeat(60);
    let column = [RED.repeat(60 * 60), GREEN.repeat(60 * 60), BLUE.repeat(60 * 60)].concat();
    let turned = [b"Exif\0\0".as_slice(), &exif(8)].concat();
    let sources = [
        png_rgb(180, 60, &upright),
        jpeg_rgb(180, 60, &upright),
        with_segment(&jpeg_rgb(60, 180, &column), 0xe1, &turned),
    ];
    for source in sources {
        let fit = Fit::Cover { height: 20, crop: Crop::Centre };
        let options = RenderOptions { fit, ..options(20, Target::Png) };
        let seen = read(&render(&source, &options, &Limits::default()).unwrap());
        assert_eq!((seen.width, seen.height), (20, 20));
        for (x, y) in [(1, 1), (18, 10), (10, 18)] {
            assert_near(&seen.rgb_at(x, y), &GREEN, 24);
        }
    }
}

#[test]
fn a_smart_cut_follows_the_subject_and_repeats_itself() {
    let mut samples = [120; 3 * 400 * 100];
    for (at, pixel) in samples.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let (x, y) = (at % 400, at / 400);
        if (320..380).contains(&x) && (x / 10 + y / 10) % 2 == 0 {
            *pixel = [220, 30, 30];
        }
    }
    let source = png_rgb(400, 100, &samples);
    let cut = |crop| {
        let fit = Fit::Cover { height: 50, crop };
        let options = RenderOptions { fit, ..options(50, Target::Png) };
        render(&source, &options, &Limits::default()).unwrap()
    };
    let reds = |crop| read(&cut(crop)).rgba.iter().filter(|[r, g, ..]| *r > 180 && *g < 80).count();
    assert_eq!(reds(Crop::Centre), 0);
    assert!(reds(Crop::Smart) > 400, "{}", reds(Crop::Smart));
    assert_eq!(cut(Crop::Smart), cut(Crop::Smart));
}
