//! What to do with an original: render it, pass it through, or refuse it.
//!
//! A pure function of the contract, the format choice and the sniffed source: `docs/next-endpoint.md`, "Format", and
//! `docs/strict-endpoint.md`, "Format". The engine is told the result; it never negotiates.

use cuttle_contract::{Accepted, Contract, Failure, FormatChoice, Modern};
use cuttle_image::{Kind, Limits, Probe, Target};

/// The three things that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Encode as this.
    Render(Target),
    /// The original bytes under their sniffed type.
    PassThrough,
}

/// Decides by `contract`; `svg` is whether the operator allows SVG.
pub(crate) fn decide(
    contract: Contract,
    format: FormatChoice,
    source: &Probe,
    limits: &Limits,
    svg: bool,
) -> Result<Decision, Failure> {
    match source.kind {
        Kind::Jpeg | Kind::Png | Kind::Gif | Kind::Webp | Kind::Avif if source.animated => {
            let moves = moving(contract, format) && limits.check_frames(source).is_ok();
            // Never one frame silently.
            Ok(if moves { Decision::Render(Target::Webp) } else { Decision::PassThrough })
        }
        Kind::Jpeg | Kind::Png | Kind::Gif | Kind::Webp | Kind::Avif => {
            Ok(Decision::Render(target(contract, format, source.kind)))
        }
        Kind::Tiff if source.supported => {
            Ok(Decision::Render(target(contract, format, source.kind)))
        }
        // What the engine does not decode.
        Kind::Tiff | Kind::Bmp | Kind::Ico => Ok(Decision::PassThrough),
        Kind::Svg if svg => Ok(Decision::PassThrough),
        Kind::Svg => Err(Failure::SvgNotAllowed),
        kind @ (Kind::Heic | Kind::Jxl | Kind::Icns | Kind::Jp2) => match contract {
            Contract::Next => Ok(Decision::PassThrough),
            Contract::Strict if names(format, kind) => Ok(Decision::PassThrough),
            Contract::Strict => Err(Failure::UnsupportedKind(kind.media_type())),
        },
        _ => Err(Failure::NotAnImage),
    }
}

/// Whether an animation is made into an animated WebP: for Next's clients when they name WebP; at the
/// strict endpoint when they name, or ask for, either modern format, since all that show AVIF show WebP.
fn moving(contract: Contract, format: FormatChoice) -> bool {
    match (format, contract) {
        (FormatChoice::Explicit(_), _) => true,
        (FormatChoice::Negotiated(accepted), Contract::Next) => accepted.webp,
        (FormatChoice::Negotiated(accepted), Contract::Strict) => accepted.webp || accepted.avif,
    }
}

fn target(contract: Contract, format: FormatChoice, kind: Kind) -> Target {
    let chosen = match format {
        FormatChoice::Explicit(modern) => Some(modern),
        FormatChoice::Negotiated(accepted) => accepted.best,
    };
    match (chosen, contract, kind) {
        (Some(Modern::Avif), ..) => Target::Avif,
        (Some(Modern::Webp), ..) => Target::Webp,
        // Next keeps what every client can read and lowers the rest; strict knows one last resort.
        (None, Contract::Next, Kind::Jpeg) => Target::Jpeg,
        (None, Contract::Next, Kind::Png | Kind::Gif) => Target::Png,
        (None, ..) => Target::JpegOrPng,
    }
}

/// Whether the client said that it reads this kind.
fn names(format: FormatChoice, kind: Kind) -> bool {
    let FormatChoice::Negotiated(accepted) = format else { return false };
    let Accepted { heic, jxl, icns, jp2, .. } = accepted;
    match kind {
        Kind::Heic => heic,
        Kind::Jxl => jxl,
        Kind::Icns => icns,
        Kind::Jp2 => jp2,
        _ => false,
    }
}

/// Whether the untouched original is an answer that this client can read: formats that everyone
/// reads, unless one was asked for by name, and modern ones for those who named them.
pub(crate) fn acceptable(format: FormatChoice, original: Kind) -> bool {
    match (format, original) {
        (FormatChoice::Explicit(Modern::Avif), kind) => kind == Kind::Avif,
        (FormatChoice::Explicit(Modern::Webp), kind) => kind == Kind::Webp,
        (FormatChoice::Negotiated(_), Kind::Jpeg | Kind::Png | Kind::Gif) => true,
        (FormatChoice::Negotiated(accepted), Kind::Webp) => accepted.webp,
        (FormatChoice::Negotiated(accepted), Kind::Avif) => accepted.avif,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use cuttle_demo::fixtures::fixtures;

    use super::*;

    fn accepting(header: &str) -> FormatChoice {
        FormatChoice::Negotiated(Accepted::parse(Some(header), &Modern::ALL))
    }

    fn decided(contract: Contract, format: FormatChoice, fixture: &str, svg: bool) -> String {
        let all = fixtures();
        let fixture = all.iter().find(|one| one.name == fixture).expect(fixture);
        let source = cuttle_image::probe(Cursor::new(&fixture.bytes)).expect("a header");
        match decide(contract, format, &source, &Limits::default(), svg) {
            Ok(Decision::Render(target)) => format!("{target:?}"),
            Ok(Decision::PassThrough) => "original".to_owned(),
            Err(failure) => format!("{failure:?}"),
        }
    }

    #[test]
    fn what_is_done_follows_from_contract_format_and_source() {
        let (nothing, modern) = ("*/*", "image/avif,image/webp");
        for (fixture, accept, next, strict) in [
            ("baseline.jpg", modern, "Avif", "Avif"),
            ("baseline.jpg", "image/webp", "Webp", "Webp"),
            ("baseline.jpg", nothing, "Jpeg", "JpegOrPng"),
            ("rgb-8.png", nothing, "Png", "JpegOrPng"),
            ("lossy.webp", nothing, "JpegOrPng", "JpegOrPng"),
            ("still.avif", nothing, "JpegOrPng", "JpegOrPng"),
            ("still.gif", modern, "Avif", "Avif"),
            ("still.gif", nothing, "Png", "JpegOrPng"),
            ("animated.gif", modern, "Webp", "Webp"),
            ("animated.gif", "image/webp", "Webp", "Webp"),
            ("animated.gif", "image/avif", "original", "Webp"),
            ("animated.gif", nothing, "original", "original"),
            ("animated.png", modern, "Webp", "Webp"),
            ("animated.png", nothing, "original", "original"),
            ("animated.webp", modern, "Webp", "Webp"),
            ("animated.webp", nothing, "original", "original"),
            ("animated.avif", modern, "Webp", "Webp"),
            ("animated.avif", nothing, "original", "original"),
            ("favicon.ico", modern, "original", "original"),
            ("plain.bmp", modern, "original", "original"),
            ("drawing.svg", modern, "SvgNotAllowed", "SvgNotAllowed"),
            ("signature.heic", modern, "original", "UnsupportedKind(\"image/heic\")"),
            ("signature.heic", "image/heic", "original", "original"),
            ("container.jxl", "image/heic", "original", "UnsupportedKind(\"image/jxl\")"),
            ("container.jxl", "image/jxl", "original", "original"),
            ("document.pdf", modern, "NotAnImage", "NotAnImage"),
        ] {
            for (contract, expected) in [(Contract::Next, next), (Contract::Strict, strict)] {
                let decided = decided(contract, accepting(accept), fixture, false);
                assert_eq!(decided, expected, "{contract:?} {fixture} {accept}");
            }
        }
        assert_eq!(decided(Contract::Strict, accepting(modern), "drawing.svg", true), "original");
        let explicit = FormatChoice::Explicit(Modern::Webp);
        assert_eq!(decided(Contract::Strict, explicit, "baseline.jpg", false), "Webp");
        let explicit = FormatChoice::Explicit(Modern::Avif);
        assert_eq!(decided(Contract::Strict, explicit, "animated.gif", false), "Webp");
    }

    #[test]
    fn an_animation_over_a_limit_stays_as_it_is() {
        let all = fixtures();
        let animated = all.iter().find(|one| one.name == "animated.gif").expect("the fixture");
        let source = cuttle_image::probe(Cursor::new(&animated.bytes)).expect("a header");
        let modern = accepting("image/webp");
        for (limits, expected) in [
            (Limits { frames: 4, ..Limits::default() }, Decision::Render(Target::Webp)),
            (Limits { frames: 3, ..Limits::default() }, Decision::PassThrough),
            (Limits { frames_pixels: 4 * 48 * 32 - 1, ..Limits::default() }, Decision::PassThrough),
        ] {
            for contract in [Contract::Next, Contract::Strict] {
                assert_eq!(decide(contract, modern, &source, &limits, false), Ok(expected));
            }
        }
    }

    /// A directory of the tags that say the variant: sides, bits, compression, colour model, samples.
    fn tiff(compression: u8) -> Probe {
        let entry = |tag: u16, value: u8| {
            let [high, low] = tag.to_be_bytes();
            [high, low, 0, 3, 0, 0, 0, 1, 0, value, 0, 0]
        };
        let entries = [
            entry(256, 9),
            entry(257, 9),
            entry(258, 8),
            entry(259, compression),
            entry(262, 1),
            entry(273, 8),
            entry(277, 1),
        ];
        let file = [b"MM\0*\0\0\0\x08\0\x07".as_slice(), entries.as_flattened(), &[0; 4]].concat();
        cuttle_image::probe(Cursor::new(file)).expect("a header")
    }

    #[test]
    fn a_tiff_is_rendered_for_everyone_or_passed_through() {
        const LZW: u8 = 5;
        const FAX: u8 = 4;
        let limits = Limits::default();
        for contract in [Contract::Next, Contract::Strict] {
            for (accept, expected) in [
                ("image/avif,image/webp", Target::Avif),
                ("image/webp", Target::Webp),
                ("*/*", Target::JpegOrPng),
            ] {
                let decided = decide(contract, accepting(accept), &tiff(LZW), &limits, false);
                assert_eq!(decided, Ok(Decision::Render(expected)), "{contract:?} {accept}");
                let decided = decide(contract, accepting(accept), &tiff(FAX), &limits, false);
                assert_eq!(decided, Ok(Decision::PassThrough), "{contract:?} {accept}");
            }
        }
        assert!(!acceptable(accepting("*/*"), Kind::Tiff));
    }

    #[test]
    fn an_original_is_acceptable_only_to_those_who_read_it() {
        for (format, kind, expected) in [
            (accepting("*/*"), Kind::Jpeg, true),
            (accepting("*/*"), Kind::Png, true),
            (accepting("*/*"), Kind::Webp, false),
            (accepting("image/webp"), Kind::Webp, true),
            (accepting("image/webp"), Kind::Avif, false),
            (accepting("image/avif"), Kind::Avif, true),
            (FormatChoice::Explicit(Modern::Webp), Kind::Jpeg, false),
            (FormatChoice::Explicit(Modern::Webp), Kind::Webp, true),
            (FormatChoice::Explicit(Modern::Avif), Kind::Webp, false),
        ] {
            assert_eq!(acceptable(format, kind), expected, "{format:?} {kind:?}");
        }
    }
}
