//! What our reading of JPEG saves: of progressive files beside libjpeg's, and of several widths at once.
//!
//! Both sides take turns and end in the same transforms and the same resize, which is not counted; scores are
//! against a decode at full size resized by sharp's Lanczos3.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

use cuttle_image::measure::{Stage, render_watched, shrink_jpeg};
use cuttle_image::{Kind, Limits, Profile, RenderOptions, Target, render_many};

use crate::clock::{milliseconds, own_cpu};
use crate::contender::{Contender, Request};
use crate::photos::{Photo, geometric_mean, mean, median};
use crate::score::Reference;

/// Source over rendition: where another part of the file is read, or another scale chosen.
const REDUCTIONS: [f64; 5] = [2.0, 4.0, 5.3, 8.1, 12.0];
const ROUNDS: usize = 5;
/// Widths that wait together, and the least source of which it is told: 15 Mpx.
const WIDTHS: [u32; 3] = [640, 1080, 1920];
const LARGE: u64 = 14_000_000;

/// One file at one reduction.
struct Reading {
    name: String,
    reduction: f64,
    /// Decode, CPU milliseconds.
    ours: f64,
    libjpeg: f64,
    /// SSIMULACRA2 of ours less that of libjpeg's.
    change: f64,
}

/// One file at [`WIDTHS`], CPU milliseconds.
struct Together {
    name: String,
    together: f64,
    largest: f64,
    /// Of the smaller ones.
    encodes: f64,
}

/// Both tables as a section of the page.
pub(crate) fn section(photos: &[Photo], sharp: &Path) -> io::Result<String> {
    let jpegs = || photos.iter().filter(|photo| photo.kind == Kind::Jpeg);
    let mut side = Contender::sharp(sharp)?;
    let mut readings = Vec::new();
    for photo in jpegs().filter(|photo| photo.progressive) {
        side.load(&photo.bytes);
        for reduction in REDUCTIONS {
            readings.push(reading(photo, reduction, &mut side));
        }
        eprintln!("  {} read beside libjpeg", photo.name);
    }
    let large = jpegs().filter(|photo| u64::from(photo.width) * u64::from(photo.height) > LARGE);
    let together: Vec<Together> = large.map(together).collect();
    Ok(progressive_table(&readings) + &together_table(&together))
}

fn reading(photo: &Photo, reduction: f64, side: &mut Contender) -> Reading {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the width")]
    let width = (f64::from(photo.width) / reduction) as u32;
    let (mut ours, mut libjpeg) = (Vec::new(), Vec::new());
    let mut seen = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (by_libjpeg, times) in [(false, &mut ours), (true, &mut libjpeg)] {
            let mut clock = own_cpu();
            let mut decode = Duration::ZERO;
            let (_, rgb) = shrink_jpeg(&photo.bytes, width, by_libjpeg, |stage| {
                let now = own_cpu();
                if stage == Stage::Decode {
                    decode += now - clock;
                }
                clock = now;
            })
            .expect("a photo decodes");
            times.push(milliseconds(decode));
            seen[usize::from(by_libjpeg)] = rgb;
        }
    }
    let reference = side.ask(Request::of("reference", width, "", 0, ""), &[]);
    let (width, height) = (reference.width, reference.height);
    let reference = Reference::new(reference.data, width, height);
    let [ours_score, libjpeg_score] = seen.map(|rgb| reference.score(&rgb, width, height));
    Reading {
        name: photo.name.clone(),
        reduction,
        ours: median(ours),
        libjpeg: median(libjpeg),
        change: ours_score - libjpeg_score,
    }
}

fn together(photo: &Photo) -> Together {
    let options = WIDTHS.map(|width| RenderOptions::new(width, Target::Webp, 75, Profile::Fast));
    let limits = Limits::default();
    let (mut together, mut largest, mut encodes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = own_cpu();
        let made = render_many(&photo.bytes, &options, &limits);
        together.push(milliseconds(own_cpu() - before));
        let mut encode = Duration::ZERO;
        for (options, made) in options.iter().zip(made) {
            let before = own_cpu();
            let mut clock = before;
            let mut last = Duration::ZERO;
            let alone = render_watched(&photo.bytes, options, &limits, |_| {
                let now = own_cpu();
                last = now - clock;
                clock = now;
            });
            assert!(alone == made, "alone or together, the bytes are the same");
            if options.width == WIDTHS[2] {
                largest.push(milliseconds(own_cpu() - before));
            } else {
                encode += last;
            }
        }
        encodes.push(milliseconds(encode));
    }
    eprintln!("  {} at three widths at once", photo.name);
    Together {
        name: photo.name.clone(),
        together: median(together),
        largest: median(largest),
        encodes: median(encodes),
    }
}

fn progressive_table(readings: &[Reading]) -> String {
    let mut page = format!(
        "## Progressive JPEG beside libjpeg\n\nCPU of the decode at the scale that the width asks for (mozjpeg's libjpeg-turbo reading every scan; resize not counted), median of {ROUNDS} \
         rounds in turn, and SSIMULACRA2 of the reduced picture less that of libjpeg's. Bound from 4 × on: 0.4 × the time, at most 0.5 lost; below, nothing lost.\n\n\
         | picture | reduced | ours, ms | libjpeg, ms | ratio | SSIMULACRA2 |\n|---|---|---|---|---|---|\n"
    );
    for Reading { name, reduction, ours, libjpeg, change } in readings {
        let ratio = ours / libjpeg;
        let _ = writeln!(
            page,
            "| {name} | {reduction} × | {ours:.1} | {libjpeg:.1} | {ratio:.2} | {change:+.2} |"
        );
    }
    let strong = |reading: &&Reading| reading.reduction >= 4.0;
    let mut all = |what: &str, chosen: &[&Reading]| {
        let ratio = geometric_mean(chosen.iter().map(|reading| reading.ours / reading.libjpeg));
        let change = mean(chosen.iter().map(|reading| reading.change));
        let worst = chosen.iter().map(|reading| reading.change).fold(f64::INFINITY, f64::min);
        let _ = writeln!(
            page,
            "| **{what}** | | | | **{ratio:.2}** | **{change:+.2}**, least {worst:+.2} |"
        );
    };
    for reduction in REDUCTIONS {
        let chosen: Vec<_> =
            readings.iter().filter(|it| (it.reduction - reduction).abs() < 0.01).collect();
        all(&format!("all at {reduction} ×"), &chosen);
    }
    all("all from 4 × on", &readings.iter().filter(strong).collect::<Vec<_>>());
    page.push('\n');
    page
}

fn together_table(rows: &[Together]) -> String {
    let mut page = format!(
        "## Widths that wait together\n\nWebP at {WIDTHS:?} from one job, less the encodes of the smaller two, over the largest alone; CPU ms, median of {ROUNDS} rounds. Bound: 1.3.\n\n\
         | picture | together | largest alone | other encodes | ratio |\n|---|---|---|---|---|\n"
    );
    for Together { name, together, largest, encodes } in rows {
        let ratio = (together - encodes) / largest;
        let _ =
            writeln!(page, "| {name} | {together:.0} | {largest:.0} | {encodes:.0} | {ratio:.2} |");
    }
    page.push('\n');
    page
}
