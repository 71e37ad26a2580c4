//! What every browser shows although it is not as the formats' words want it. Each picture knows what Chromium
//! shows of it; `oracles` asks Chromium itself.

use std::io::Cursor;

use cuttle_demo::fixtures::{Odd, odd};
use cuttle_image::{Limits, RenderError, Target, probe, render};

use crate::animation::watch;
use crate::fixtures::{options, pixels, read, rendition};

fn assert_shown(name: &str, found: &[u8], expected: &[u8], tolerance: u8) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let pairs = found.chunks(4).zip(expected.chunks(4));
    for (at, (found, expected)) in pairs.enumerate() {
        let hidden = found[3] == 0 && expected[3] == 0;
        let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= tolerance);
        assert!(hidden || near, "{name}, pixel {at}: {found:?} for {expected:?}");
    }
}

#[test]
fn an_odd_still_is_shown_as_browsers_do() {
    let stills: Vec<Odd> = odd().into_iter().filter(|odd| odd.delays.is_empty()).collect();
    assert!(!stills.is_empty());
    for odd in stills {
        let found = probe(Cursor::new(&odd.bytes)).unwrap_or_else(|e| panic!("{}: {e}", odd.name));
        assert!(!found.animated, "{} stands still", odd.name);
        let size = found.display_size().map(|size| (size.width, size.height));
        assert_eq!(size, Some(odd.size), "{}", odd.name);
        let made = render(&odd.bytes, &options(odd.size.0, Target::Png), &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", odd.name));
        let rgba: Vec<u8> = read(&made).rgba.concat();
        assert_shown(odd.name, &rgba, &odd.canvases[0], odd.tolerance);
    }
}

#[test]
fn an_odd_film_plays_as_in_browsers() {
    let films: Vec<Odd> = odd().into_iter().filter(|odd| !odd.delays.is_empty()).collect();
    assert!(!films.is_empty());
    for odd in films {
        let found = probe(Cursor::new(&odd.bytes)).unwrap_or_else(|e| panic!("{}: {e}", odd.name));
        assert!(found.animated, "{} moves", odd.name);
        let made = render(&odd.bytes, &options(odd.size.0, Target::Webp), &Limits::default())
            .unwrap_or_else(|error| panic!("{}: {error}", odd.name));
        let film = watch(&made);
        assert_eq!(film.delays, odd.delays, "{}", odd.name);
        assert_eq!(film.plays, odd.plays, "{}", odd.name);
        assert_eq!(film.canvases.len(), odd.canvases.len(), "{}", odd.name);
        for (found, expected) in film.canvases.iter().zip(&odd.canvases) {
            assert_middles(odd.name, found, expected, odd.size.0 as usize);
        }
    }
}

/// Codecs blur edges: what is looked at lies eight pixels from each.
fn assert_middles(name: &str, found: &[u8], expected: &[u8], width: usize) {
    for (x, y) in [(8, 5), (24, 18), (40, 18), (56, 5), (8, 42), (40, 30), (56, 42)] {
        let at = 4 * (y * width + x);
        assert_shown(name, &found[at..at + 4], &expected[at..at + 4], 16);
    }
}

/// A reader that trusts `VP8X` shows black where its flag denies alpha.
#[test]
fn the_alpha_flag_is_set_when_anything_shown_is_not_opaque() {
    for odd in odd().into_iter().filter(|odd| !odd.delays.is_empty()) {
        let made = rendition(&odd.bytes, odd.size.0, Target::Webp).bytes;
        assert_eq!(&made[12..16], b"VP8X", "{}", odd.name);
        // The encoder sets it for frames that leave out what does not change, too.
        let transparent = odd.canvases.concat().chunks(4).any(|pixel| pixel[3] < 255);
        assert!(made[20] & 0x10 != 0 || !transparent, "{}", odd.name);
    }
}

/// Every picture of the set, cut off before its middle, is refused: what is missing is never made up.
#[test]
fn a_row_that_is_missing_is_never_made_up() {
    for odd in odd().into_iter().filter(|odd| odd.delays.is_empty()) {
        let cut = &odd.bytes[..odd.bytes.len() / 4];
        let outcome = render(cut, &options(odd.size.0, Target::Png), &Limits::default());
        let refused = matches!(outcome, Err(RenderError::Decode(_) | RenderError::Unrecognised));
        assert!(refused, "{}: {outcome:?}", odd.name);
    }
}

/// Every row of a baseline JPEG without its end marker is there; between the scans of another, nobody can tell.
#[test]
fn a_progressive_file_without_its_end_is_refused() {
    let source = cuttle_demo::fixtures::fixtures();
    let progressive = source.iter().find(|fixture| fixture.name == "progressive.jpg").unwrap();
    let cut = &progressive.bytes[..progressive.bytes.len() - 2];
    assert!(render(cut, &options(64, Target::Png), &Limits::default()).is_err());
    let baseline = source.iter().find(|fixture| fixture.name == "baseline.jpg").unwrap();
    let cut = &baseline.bytes[..baseline.bytes.len() - 2];
    assert_eq!(pixels(cut, 640).rgba, pixels(&baseline.bytes, 640).rgba);
}
