//! One vote each: what two oracles of three contradict fails, whatever is excepted for one of them elsewhere.
//!
//! All three are asked what they see in a picture as it is, without a resize. One that cannot read it has no vote; where we
//! do not render it, whoever shows it is against us.

use std::fmt::Write as _;
use std::io::Cursor;

use cuttle_image::{Kind, Target, probe};
use cuttle_oracles::{Chromium, Distance, Film, Pillow, Raster, Sharp};

use crate::rows::{Bound, canvases, everything, read_png, rendition, write_down};
use crate::{browser, films, mixed, stills};

/// Wider than any of them.
const WIDTH: u32 = 4096;

/// Of cells of 2 × 2 pixels, in which chroma of half size is the same however it is enlarged.
const STILL: Bound = Bound { mean: 1.5, p99: 6.0, alpha: 1.0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oracle {
    Sharp,
    Pillow,
    Chromium,
}
use Oracle::{Chromium as InChromium, Pillow as InPillow, Sharp as InSharp};

#[derive(Debug, Clone, PartialEq)]
enum Vote {
    Agrees,
    Contradicts(String),
    /// It cannot read the picture.
    None,
}

type Votes = [(Oracle, Vote); 3];

/// Pictures that two of them see otherwise, who sees what we see, and why.
struct Exception {
    names: &'static [&'static str],
    with_us: &'static [Oracle],
    #[expect(dead_code, reason = "for whoever reads it")]
    reason: &'static str,
}

static EXCEPTIONS: [Exception; 7] = [
    Exception {
        names: &["apart.png", "screen-widened-by-an-offset.gif"],
        with_us: &[InChromium],
        reason: "What browsers show is decided by browsers: an animation without its default picture, a canvas that the \
                 first frame widens.",
    },
    Exception {
        names: &[
            "cicp-bt2020.png",
            "cicp-linear.png",
            "cicp-p3.png",
            "gamma.png",
            "gamma-and-points.png",
            "p3-nclx.avif",
        ],
        with_us: &[InChromium],
        reason: "Neither sharp nor Pillow reads code points and gamma.",
    },
    Exception {
        names: &[
            "cmyk-press.jpg",
            "cmyk-press-not-adobe.jpg",
            "ycck-press.jpg",
            "ycck-press-progressive.jpg",
        ],
        with_us: &[InSharp],
        reason: "Pillow shows inks without their profile, and Chromium by tables of its own, 2.5 away in the mean.",
    },
    Exception {
        names: &["hlg.avif", "hlg.png", "pq.avif", "pq-12.avif", "pq-unsaid.avif", "pq.png"],
        with_us: &[],
        reason: "Light beyond white, by the curve of `docs/formats.md`: sharp and Pillow show the samples as if they were \
                 sRGB, Chromium by another curve.",
    },
    Exception {
        names: &["alpha-multiplied.avif"],
        with_us: &[InPillow],
        reason: "libheif under sharp does not read `prem`, and Chromium narrows alpha (`mixed.rs`).",
    },
    Exception {
        names: &["alpha-narrow.avif"],
        with_us: &[],
        reason: "Alpha that its stream says to be 16 to 235 is so to libavif 1.0; sharp takes it for whole, and Chromium \
                 draws nothing where its depth is another than that of the picture.",
    },
    Exception {
        names: &["12-420.avif"],
        with_us: &[InPillow],
        reason: "Chroma at half size: libheif repeats its samples, and of 12 bits so does Chromium.",
    },
];

/// Why a picture fails.
fn judged(votes: &Votes, exception: Option<&Exception>) -> Option<String> {
    let against: Vec<String> = votes
        .iter()
        .filter_map(|(oracle, vote)| match vote {
            Vote::Contradicts(what) => Some(format!("{oracle:?}: {what}")),
            Vote::Agrees | Vote::None => None,
        })
        .collect();
    let Some(Exception { with_us, .. }) = exception else {
        return (against.len() > 1).then(|| against.join("; "));
    };
    if against.len() < 2 {
        return Some("is no exception any more".to_owned());
    }
    let agrees = |of: &&Oracle| votes.contains(&(**of, Vote::Agrees));
    let lost = with_us.iter().find(|oracle| !agrees(oracle));
    lost.map(|oracle| format!("{oracle:?} is not with us any more: {}", against.join("; ")))
}

#[test]
fn what_two_of_three_contradict_fails() {
    let no = || Vote::Contradicts("blue".to_owned());
    let votes = |sharp, pillow, chromium| -> Votes {
        [(InSharp, sharp), (InPillow, pillow), (InChromium, chromium)]
    };
    let excepted = |with_us| Exception { names: &[], with_us, reason: "" };
    let (nobody, chromium) = (excepted(&[]), excepted(&[InChromium]));
    for (votes, exception, fails) in [
        (votes(Vote::Agrees, Vote::Agrees, Vote::Agrees), None, false),
        (votes(no(), Vote::Agrees, Vote::None), None, false),
        (votes(no(), no(), Vote::Agrees), None, true),
        (votes(Vote::None, no(), no()), None, true),
        (votes(no(), no(), no()), Some(&nobody), false),
        (votes(no(), no(), Vote::Agrees), Some(&chromium), false),
        (votes(no(), no(), Vote::None), Some(&chromium), true),
        (votes(no(), Vote::Agrees, Vote::None), Some(&nobody), true),
    ] {
        assert_eq!(judged(&votes, exception).is_some(), fails, "{votes:?}");
    }
}

#[test]
fn no_picture_is_contradicted_by_two_of_three() {
    let mut oracles = (Sharp::start(), Pillow::start(), Chromium::start());
    let (mut failed, mut rows) = (Vec::new(), "picture\tsharp\tPillow\tChromium\n".to_owned());
    for (name, bytes) in everything() {
        let Some(kind) = cuttle_image::sniff(&bytes, bytes.len() as u64) else { continue };
        // Stated in `docs/formats.md`: they pass through, so that everybody has the file itself.
        if matches!(kind, Kind::Svg | Kind::Ico | Kind::Bmp) {
            continue;
        }
        let votes = asked(&mut oracles, kind, &bytes, &mut rows, &name);
        let exception = EXCEPTIONS.iter().find(|it| it.names.contains(&name.as_str()));
        failed.extend(judged(&votes, exception).map(|why| format!("{name}: {why}")));
    }
    write_down("votes", &rows);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn asked(
    (sharp, pillow, chromium): &mut (Sharp, Pillow, Chromium),
    kind: Kind,
    bytes: &[u8],
    rows: &mut String,
    name: &str,
) -> Votes {
    let moves = probe(Cursor::new(bytes)).is_ok_and(|found| found.animated);
    let still = |frame: Raster| Film { frames: vec![frame], durations: vec![0.0], plays: None };
    let ours = if moves {
        rendition(bytes, WIDTH, Target::Webp).and_then(|made| pillow.film(&made.bytes, None))
    } else {
        rendition(bytes, WIDTH, Target::Png).map(|made| still(read_png(&made.bytes)))
    };
    write!(rows, "{name}").unwrap();
    [
        (InSharp, sharp.still(bytes, None).map(still)),
        (InPillow, pillow.film(bytes, None)),
        (InChromium, chromium.film(bytes, kind.media_type())),
    ]
    .map(|(oracle, theirs)| {
        let vote = match (&ours, theirs) {
            (_, Err(_)) => Vote::None,
            (Err(error), Ok(_)) => Vote::Contradicts(format!("is not rendered: {error}")),
            (Ok(ours), Ok(theirs)) => {
                let found = match moves {
                    true if oracle == InSharp => moving(&ours.frames[0], &theirs.frames[0]),
                    true => film(ours, &theirs),
                    false => {
                        let (ours, theirs) = (&ours.frames[0], &theirs.frames[0]);
                        distance(&ours.coarse(2), &theirs.coarse(2), STILL)
                    }
                };
                found.map_or(Vote::Agrees, Vote::Contradicts)
            }
        };
        write!(rows, "\t{vote:?}").unwrap();
        if oracle == InChromium {
            rows.push('\n');
        }
        (oracle, vote)
    })
}

fn distance(ours: &Raster, theirs: &Raster, bound: Bound) -> Option<String> {
    match ours.distance(theirs) {
        Ok(found) if bound.holds(found) => None,
        Ok(found) => {
            let Distance { mean, p99, alpha } = found;
            Some(format!("mean {mean:.2}, p99 {p99:.2}, alpha {alpha:.2}"))
        }
        Err(sizes) => Some(sizes),
    }
}

/// Ours is lossy by now.
fn moving(ours: &Raster, theirs: &Raster) -> Option<String> {
    distance(&ours.coarse(4), &theirs.coarse(4), films::BOUND)
}

/// Canvases, and when they change.
fn film(ours: &Film, theirs: &Film) -> Option<String> {
    let (ours, theirs) = (canvases(ours), canvases(theirs));
    let times = |film: &[(_, f64)]| film.iter().map(|(_, time)| *time).collect::<Vec<_>>();
    if times(&ours) != times(&theirs) {
        return Some(format!("{:?} ms, not {:?}", times(&ours), times(&theirs)));
    }
    ours.iter().zip(&theirs).find_map(|((ours, _), (theirs, _))| moving(ours, theirs))
}

/// What nobody draws any more needs no exception, here or elsewhere.
#[test]
fn every_exception_is_of_a_picture_that_there_is() {
    let known: Vec<String> = everything().into_iter().map(|(name, _)| name).collect();
    let here = EXCEPTIONS.iter().flat_map(|exception| exception.names);
    let excepted = here.chain(mixed::excepted()).chain(stills::excepted());
    let alone = browser::EXCEPTIONS.iter().chain(&films::STUMBLES).map(|(name, _)| name);
    let unknown: Vec<_> =
        excepted.chain(alone).filter(|name| !known.contains(&name.to_string())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
