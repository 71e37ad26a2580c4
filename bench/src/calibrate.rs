//! The table behind `cuttle-image`'s qualities.
//!
//! libwebp's method 4 at q sets the look that q means. For every other encoder and profile this finds the
//! number of its own scale that has the same mean SSIMULACRA2 over all pictures and widths: it tries the
//! numbers of the present table, and then what a straight line through them says. What is encoded is the
//! reference itself, so that no decoder and no resize has a part in it.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::thread;

use cuttle_image::measure::{QUALITIES, encode_at, number};
use cuttle_image::{Profile, Size, Target};

use crate::contender::{Contender, Request};
use crate::photos::{Photo, mean};
use crate::score::Reference;

pub(crate) struct Extent<'a> {
    pub(crate) photos: &'a [Photo],
    pub(crate) widths: &'a [u32],
    /// The day, as it stands in the table.
    pub(crate) date: &'a str,
}

const ENCODERS: [(&str, Target); 3] =
    [("WEBP", Target::Webp), ("AVIF", Target::Avif), ("JPEG", Target::Jpeg)];
const PROFILES: [Profile; 3] = [Profile::Fast, Profile::Balanced, Profile::Small];
const ANCHOR: (Target, Profile) = (Target::Webp, Profile::Balanced);

/// How far below the anchor's look an encoder may aim. The `fast` WebP does: at equal looks its files are 3 %
/// larger, and this much, which no one sees, is worth 1 %.
fn concession(target: Target, profile: Profile) -> f64 {
    if (target, profile) == (Target::Webp, Profile::Fast) { 0.3 } else { 0.0 }
}

/// Lines tried after the present numbers. libavif's scale has bends, where one is not enough.
const PASSES: u32 = 2;

/// One figure for each of [`QUALITIES`].
type Row<T> = [T; QUALITIES.len()];

/// The table as a Rust file.
pub(crate) fn table(extent: &Extent<'_>, sharp: &Path) -> io::Result<String> {
    let mut side = Contender::sharp(sharp)?;
    let mut references = Vec::new();
    for photo in extent.photos {
        side.load(&photo.bytes);
        for width in extent.widths {
            let answer = side.ask(Request::of("reference", *width, "", 0, ""), &[]);
            references.push(Reference::new(answer.data, answer.width, answer.height));
        }
    }
    let mut anchor = Encoder { target: ANCHOR.0, profile: ANCHOR.1, references: &references, side };
    let looks = QUALITIES.map(|quality| anchor.look(quality));
    eprintln!("  libwebp, method 4, at {QUALITIES:?}: {looks:.2?}");

    let mut text = head(extent, &looks);
    for (name, target) in ENCODERS {
        let rows = thread::scope(|scope| {
            let find = |profile| {
                let (references, looks) = (&references, &looks);
                scope.spawn(move || -> io::Result<Row<Met>> {
                    if (target, profile) == ANCHOR {
                        return Ok(std::array::from_fn(|n| Met {
                            number: QUALITIES[n],
                            look: looks[n],
                        }));
                    }
                    let side = Contender::sharp(sharp)?;
                    let aims = looks.map(|look| look - concession(target, profile));
                    Ok(Encoder { target, profile, references, side }.find(&aims))
                })
            };
            PROFILES.map(find).map(|row| row.join().expect("a thread that does not panic"))
        });
        let _ = writeln!(text, "\npub(super) const {name}: Profiles = [");
        for (row, profile) in rows.into_iter().zip(PROFILES) {
            let row = row?;
            let numbers: Vec<String> = row.iter().map(|met| format!("{:.1}", met.number)).collect();
            let misses: Vec<String> = row
                .iter()
                .zip(looks)
                .map(|(met, look)| format!("{:+.2}", met.look - look))
                .collect();
            let line = format!(
                "    // {profile:?}; off by {}.\n    [{}],",
                misses.join(", "),
                numbers.join(", ")
            );
            eprintln!("  {name}\n{line}");
            let _ = writeln!(text, "{line}");
        }
        text.push_str("];\n");
    }
    Ok(text)
}

/// One number that was tried, and the mean SSIMULACRA2 that it gave.
#[derive(Debug, Clone, Copy)]
struct Met {
    number: f32,
    look: f64,
}

struct Encoder<'a> {
    target: Target,
    profile: Profile,
    references: &'a [Reference],
    /// Decodes, so that no decoder favours its own encoder.
    side: Contender,
}

impl Encoder<'_> {
    fn look(&mut self, number: f32) -> f64 {
        let (target, profile, side) = (self.target, self.profile, &mut self.side);
        mean(self.references.iter().map(|reference| {
            let size = Size { width: reference.width, height: reference.height };
            let bytes = encode_at(reference.rgb.clone(), size, target, number, profile)
                .expect("an encoder takes every number of its scale");
            let pixels = side.ask(Request::of("pixels", 0, "", 0, ""), &bytes);
            reference.score(&pixels.data, pixels.width, pixels.height)
        }))
    }

    /// What comes nearest to each look.
    fn find(&mut self, looks: &Row<f64>) -> Row<Met> {
        let mut tried: Vec<Met> = Vec::new();
        for quality in QUALITIES {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 100")]
            let start = number(self.target, self.profile, quality as u8).unwrap_or(quality);
            self.attempt(start, &mut tried);
        }
        for _ in 0..PASSES {
            for look in looks {
                let next = line_through(&tried, *look);
                self.attempt(next, &mut tried);
            }
        }
        looks.map(|look| {
            let miss = |met: &&Met| (met.look - look).abs();
            tried
                .iter()
                .min_by(|a, b| miss(a).total_cmp(&miss(b)))
                .copied()
                .unwrap_or(Met { number: f32::NAN, look: f64::NAN })
        })
    }

    fn attempt(&mut self, number: f32, tried: &mut Vec<Met>) {
        // libavif's 100 is lossless, which nothing below it comes near.
        let most = if self.target == Target::Avif { 99.0 } else { 100.0 };
        let number = match self.target {
            Target::Webp => (number * 10.0).round() / 10.0,
            _ => number.round(),
        };
        let number = number.clamp(1.0, most);
        if tried.iter().all(|met| (met.number - number).abs() > 0.01) {
            let look = self.look(number);
            tried.push(Met { number, look });
            tried.sort_by(|a, b| a.number.total_cmp(&b.number));
        }
    }
}

/// Where a straight line between the neighbours of `look`, or past the two at an end, has it.
fn line_through(tried: &[Met], look: f64) -> f32 {
    let above = tried.iter().position(|met| met.look >= look).unwrap_or(tried.len());
    let [low, high] = tried[above.clamp(1, tried.len() - 1) - 1..][..2] else { return f32::NAN };
    #[expect(clippy::cast_possible_truncation, reason = "a part of one, or nearly")]
    let part = ((look - low.look) / (high.look - low.look)) as f32;
    low.number + (high.number - low.number) * part
}

fn head(extent: &Extent<'_>, looks: &[f64]) -> String {
    let names: Vec<&str> = extent.photos.iter().map(|photo| photo.name.as_str()).collect();
    let looks: Vec<String> = looks.iter().map(|look| format!("{look:.1}")).collect();
    format!(
        "//! Written by `scripts/calibrate` on {}; do not edit.\n\
         //!\n\
         //! Numbers at the qualities in [`ASKED`](super::ASKED), where libwebp's method 4 has a mean SSIMULACRA2 of\n\
         //! {}. Widths {:?}; pictures:\n//! {}.\n\
         //!\n\
         //! \"Off by\" is how far the number's mean is from libwebp's: encoders count in steps.\n\
         \nuse super::Profiles;\n",
        extent.date,
        looks.join(", "),
        extent.widths,
        names.join(",\n//! "),
    )
}
