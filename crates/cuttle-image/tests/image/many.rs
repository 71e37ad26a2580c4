//! Renditions made together are those made alone.

use cuttle_image::{
    Excess, Limits, Profile, RenderError, RenderOptions, Target, render, render_each, render_many,
};
use jpeg_encoder::ColorType;

use crate::fixtures::{
    Scans, exif, gradient, jpeg, jpeg_rgb, options, png_rgb, rendition, with_segment,
};

fn wanted() -> Vec<RenderOptions> {
    let mut wanted: Vec<RenderOptions> = [640, 64, 200, 199, 320, 64, 5000, 1]
        .into_iter()
        .zip([Target::Webp, Target::Jpeg, Target::Png].into_iter().cycle())
        .map(|(width, target)| options(width, target))
        .collect();
    wanted.push(RenderOptions { quality: 40, profile: Profile::Balanced, ..wanted[1] });
    wanted.push(options(160, Target::Avif));
    wanted
}

#[test]
fn a_rendition_is_the_same_whoever_waits_together() {
    let samples = gradient(1000, 700);
    let turned = [b"Exif\0\0".as_slice(), &exif(6)].concat();
    let png = png_rgb(1000, 700, &samples);
    for (name, source) in [
        ("baseline", jpeg_rgb(1000, 700, &samples)),
        ("progressive", jpeg(1000, 700, ColorType::Rgb, &samples, Scans::Progressive)),
        ("turned", with_segment(&jpeg_rgb(1000, 700, &samples), 0xe1, &turned)),
        ("webp", rendition(&png, 1000, Target::Webp).bytes),
        ("avif", rendition(&png, 1000, Target::Avif).bytes),
        ("png", png),
    ] {
        let together = render_many(&source, &wanted(), &Limits::default());
        assert_eq!(together.len(), wanted().len());
        for (together, options) in together.iter().zip(wanted()) {
            assert!(together.is_ok(), "{name}, {options:?}");
            let alone = render(&source, &options, &Limits::default());
            assert!(*together == alone, "{name}, {options:?}");
        }
    }
}

#[test]
fn what_is_refused_is_refused_for_everyone() {
    let source = png_rgb(30, 20, &gradient(30, 20));
    let limits = Limits { side: 10, ..Limits::default() };
    let refusal = RenderError::from(Excess::Side { found: 30, limit: 10 });
    let outcomes = render_many(&source, &[options(8, Target::Webp); 3], &limits);
    assert_eq!(outcomes, vec![Err(refusal); 3]);

    let cut = &source[..source.len() / 2];
    let outcomes = render_many(cut, &[options(8, Target::Webp); 3], &Limits::default());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(RenderError::Decode(_)))));
}

#[test]
fn each_is_handed_out_once_and_as_soon_as_it_is_done() {
    let source = jpeg_rgb(1000, 700, &gradient(1000, 700));
    let wanted = [640, 64, 200].map(|width| options(width, Target::Webp));
    let mut order = Vec::new();
    render_each(&source, &wanted, &Limits::default(), &mut |at, outcome| {
        assert_eq!(outcome.expect("a rendition").width, wanted[at].width);
        order.push(at);
    });
    assert_eq!(order, [1, 2, 0], "the cheapest first");
}

#[test]
fn nothing_asked_is_nothing_done() {
    assert!(render_many(b"no picture", &[], &Limits::default()).is_empty());
}
