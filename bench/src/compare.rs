//! Our engine beside sharp: CPU, bytes, look and memory of the same renditions, picture by picture.
//!
//! Each round asks both sides for everything in turn before the next begins, so that whatever a shared
//! machine does meets both; figures are medians of the rounds. What sharp spends on encoding is its whole
//! less the same call that ends in raw samples.

use std::io;
use std::path::Path;

use crate::contender::{Answer, Contender, Request};
use crate::photos::{Photo, median};
use crate::score::Reference;

/// Asked of both sides.
pub(crate) const QUALITY: u8 = 75;

/// How much is measured.
pub(crate) struct Extent {
    pub(crate) widths: &'static [u32],
    pub(crate) rounds: usize,
}

/// The formats, each with the profiles in which we are compared with sharp's one way.
pub(crate) const FORMATS: [(&str, &[&str]); 3] = [
    ("webp", &["fast", "balanced", "small"]),
    ("avif", &["fast", "balanced", "small"]),
    ("jpeg", &["fast", "balanced"]),
];

/// A profile that no one waits for is slow and steady: one round is enough.
fn slow(profile: &str) -> bool {
    profile != "fast"
}

/// What is compared at equal looks: our format and profile with sharp's format.
pub(crate) const EQUAL: [(&str, &str, &str); 4] = [
    ("webp", "fast", "webp"),
    ("avif", "fast", "webp"),
    ("avif", "balanced", "avif"),
    ("avif", "small", "avif"),
];

/// One rendition by one side.
#[derive(Debug, Clone)]
pub(crate) struct Rendering {
    pub(crate) format: &'static str,
    /// Empty for sharp.
    pub(crate) profile: &'static str,
    /// CPU milliseconds.
    pub(crate) cpu: f64,
    /// Decode, resize, colour and encode; of sharp only the last is known.
    pub(crate) stages: [f64; 4],
    pub(crate) bytes: f64,
    pub(crate) score: f64,
    /// Highest resident memory of the side's process, MiB.
    pub(crate) peak: f64,
}

/// Bytes at the same SSIMULACRA2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Equal {
    /// Sharp's rendition.
    pub(crate) score: f64,
    pub(crate) theirs: f64,
    /// Ours, between two neighbouring qualities.
    pub(crate) ours: f64,
}

/// One picture at one width.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) sharp: Vec<Rendering>,
    pub(crate) ours: Vec<Rendering>,
    /// In the order of [`EQUAL`].
    pub(crate) equal: Vec<Equal>,
}

impl Case {
    pub(crate) fn sharp(&self, format: &str) -> Option<&Rendering> {
        self.sharp.iter().find(|r| r.format == format)
    }

    pub(crate) fn ours(&self, format: &str, profile: &str) -> Option<&Rendering> {
        self.ours.iter().find(|r| (r.format, r.profile) == (format, profile))
    }
}

/// Both sides, until they are dropped.
struct Contenders {
    sharp: Contender,
    ours: Contender,
}

pub(crate) fn measure(photos: &[Photo], extent: &Extent, sharp: &Path) -> io::Result<Vec<Case>> {
    let mut sides = Contenders { sharp: Contender::sharp(sharp)?, ours: Contender::engine()? };
    // Code, tables and pools are warm before anything counts.
    if let Some(photo) = photos.first() {
        sides.load(photo);
        sides.round(640);
    }
    let mut cases = Vec::new();
    for photo in photos {
        sides.load(photo);
        for width in extent.widths {
            let case = sides.case(photo, *width, extent.rounds);
            let ratio = |format| {
                let (ours, sharp) = (case.ours(format, "fast")?, case.sharp(format)?);
                Some(ours.cpu / sharp.cpu)
            };
            let [webp, avif] = ["webp", "avif"].map(|format| ratio(format).unwrap_or(f64::NAN));
            eprintln!("  {} at {width}: CPU × {webp:.2} WebP, × {avif:.2} AVIF", photo.name);
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Contenders {
    fn load(&mut self, photo: &Photo) {
        self.sharp.load(&photo.bytes);
        self.ours.load(&photo.bytes);
    }

    fn case(&mut self, photo: &Photo, width: u32, rounds: usize) -> Case {
        let reference = self.sharp.ask(Request::of("reference", width, "", 0, ""), &[]);
        let reference = Reference::new(reference.data, reference.width, reference.height);
        let rounds: Vec<Round> = (0..rounds).map(|_| self.round(width)).collect();
        let raw = median(rounds.iter().map(|round| round.raw.0.cpu).collect());

        let mut case = Case {
            name: photo.name.clone(),
            width: reference.width,
            height: reference.height,
            sharp: Vec::new(),
            ours: Vec::new(),
            equal: Vec::new(),
        };
        for (n, (format, profiles)) in FORMATS.into_iter().enumerate() {
            let answers: Vec<_> = rounds.iter().map(|round| &round.sharp[n]).collect();
            let mut theirs = self.rendering(&reference, format, "", &answers);
            theirs.stages[3] = theirs.cpu - raw;
            case.sharp.push(theirs);
            let answers: Vec<_> = rounds.iter().map(|round| &round.ours[n]).collect();
            case.ours.push(self.rendering(&reference, format, "fast", &answers));
            for profile in profiles.iter().copied().filter(|profile| slow(profile)) {
                let answer =
                    peaked(&mut self.ours, Request::of("render", width, format, QUALITY, profile));
                case.ours.push(self.rendering(&reference, format, profile, &[&answer]));
            }
        }
        for (format, profile, theirs) in EQUAL {
            if let (Some(ours), Some(theirs)) = (case.ours(format, profile), case.sharp(theirs)) {
                let (score, bytes) = (theirs.score, theirs.bytes);
                let start = (ours.score, ours.bytes);
                let ours = self.bytes_at(&reference, width, format, profile, score, start);
                case.equal.push(Equal { score, theirs: bytes, ours });
            }
        }
        case
    }

    /// Everything that someone waits for, once, by both sides in turn.
    fn round(&mut self, width: u32) -> Round {
        let raw = peaked(&mut self.sharp, Request::of("render", width, "raw", QUALITY, ""));
        let (mut sharp, mut ours) = (Vec::new(), Vec::new());
        for (format, _) in FORMATS {
            sharp.push(peaked(&mut self.sharp, Request::of("render", width, format, QUALITY, "")));
            ours.push(peaked(
                &mut self.ours,
                Request::of("render", width, format, QUALITY, "fast"),
            ));
        }
        Round { raw, sharp, ours }
    }

    fn rendering(
        &mut self,
        reference: &Reference,
        format: &'static str,
        profile: &'static str,
        answers: &[&(Answer, f64)],
    ) -> Rendering {
        let of = |figure: &dyn Fn(&(Answer, f64)) -> f64| {
            median(answers.iter().map(|answer| figure(answer)).collect())
        };
        let data = answers.first().map_or(&[][..], |(answer, _)| &answer.data);
        Rendering {
            format,
            profile,
            cpu: of(&|(answer, _)| answer.cpu),
            stages: std::array::from_fn(|n| of(&|(answer, _)| answer.stages[n])),
            bytes: as_f64(data.len()),
            score: self.score(reference, data),
            peak: of(&|(_, peak)| *peak),
        }
    }

    /// sharp reads every rendition, so that no decoder favours its own encoder.
    fn score(&mut self, reference: &Reference, rendition: &[u8]) -> f64 {
        let pixels = self.sharp.ask(Request::of("pixels", 0, "", 0, ""), rendition);
        reference.score(&pixels.data, pixels.width, pixels.height)
    }

    /// Our bytes at `score`: on the straight line between two qualities, [`STEP`] apart, that have it
    /// between them, or the first two from an end of the scale. `at` is where [`QUALITY`] came out.
    fn bytes_at(
        &mut self,
        reference: &Reference,
        width: u32,
        format: &'static str,
        profile: &'static str,
        score: f64,
        mut at: (f64, f64),
    ) -> f64 {
        /// Close enough that bytes follow the score in a straight line.
        const STEP: u8 = 5;
        let up = at.0 < score;
        let mut quality = QUALITY;
        loop {
            quality = if up { quality + STEP } else { quality - STEP };
            let answer = self.ours.ask(Request::of("render", width, format, quality, profile), &[]);
            let next = (self.score(reference, &answer.data), as_f64(answer.data.len()));
            let passed = if up { next.0 >= score } else { next.0 <= score };
            if passed || !(2 * STEP..=100 - STEP).contains(&quality) {
                return at.1 + (next.1 - at.1) * (score - at.0) / (next.0 - at.0);
            }
            at = next;
        }
    }
}

/// Answers with the peak memory of the side that gave them.
struct Round {
    raw: (Answer, f64),
    sharp: Vec<(Answer, f64)>,
    ours: Vec<(Answer, f64)>,
}

fn peaked(side: &mut Contender, request: Request) -> (Answer, f64) {
    side.forget_peak();
    let answer = side.ask(request, &[]);
    let peak = side.peak();
    (answer, peak)
}

#[expect(clippy::cast_precision_loss, reason = "files are far below 2^52 bytes")]
fn as_f64(bytes: usize) -> f64 {
    bytes as f64
}
