//! An engine that does what a picture which took over a decoder might do.

use std::{hint::black_box, sync::Mutex};

use cuttle_image::{Kind, Limits, RenderError, RenderOptions, Rendition};

use crate::squatter;

/// What was seen since this process was taken over; nothing before that.
static LOOT: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Renders, unless the source is the name of a crime.
pub(crate) fn engine(
    source: &[u8],
    options: &[RenderOptions],
    limits: &Limits,
    each: &mut dyn FnMut(usize, Result<Rendition, RenderError>),
) {
    let command = str::from_utf8(source).unwrap_or_default();
    let (crime, number) = command.split_once(' ').unwrap_or((command, "0"));
    let number: usize = number.parse().unwrap_or_default();
    let png = || rendition(Kind::Png, "\u{89}PNG\r\n\u{1a}\n", 100, 1, 1);
    if let Some(loot) = LOOT.lock().unwrap().as_mut() {
        // Ours: whatever is asked of it.
        let forged = png().map(|mut forged| {
            forged.bytes.extend_from_slice(loot);
            forged
        });
        loot.extend_from_slice(source);
        return each(0, forged);
    }
    match crime {
        "take-over" => {
            *LOOT.lock().unwrap() = Some(Vec::new());
            return each(0, png());
        }
        "map-then-hang" => {
            let maps = map(number);
            each(0, png());
            black_box(&maps);
            commit("hang", 0, &options[1]);
        }
        "squat" => {
            // Written at once, announced never.
            each(0, rendition(Kind::Png, "\u{89}PNG\r\n\u{1a}\n", number, 1, 1));
            squatter::squat(number)
        }
        _ => {}
    }
    if let Some(later) = crime.strip_prefix("png-then-") {
        each(0, png());
        match later {
            "nothing" => {}
            "itself" => each(0, png()),
            "beyond" => each(options.len(), png()),
            crime => each(1, commit(crime, number, &options[1]).unwrap()),
        }
        return;
    }
    for (at, wanted) in options.iter().enumerate() {
        match commit(crime, number, wanted) {
            Some(result) => each(at, result),
            None => return cuttle_image::render_each(source, options, limits, each),
        }
    }
}

/// Address space up to so many bytes, as far as the kernel gives it: never written, so that it counts as nobody's
/// memory, but read, so that page tables stand behind it.
fn map(bytes: usize) -> Vec<memmap2::Mmap> {
    const PIECE: usize = 16 << 20;
    let mut maps = Vec::new();
    while maps.len() * PIECE < bytes {
        let Ok(piece) = memmap2::MmapMut::map_anon(PIECE) else { break };
        let Ok(piece) = piece.make_read_only() else { break };
        for page in (0..PIECE).step_by(4096) {
            black_box(piece[page]);
        }
        maps.push(piece);
    }
    maps
}

/// A panic that no one can catch: what C may call does not unwind.
extern "C" fn too_large(number: usize) -> ! {
    panic!("number {number} is too large")
}

#[expect(clippy::disallowed_methods, reason = "leaving without a word is one of the crimes")]
/// What comes of a crime; nothing, when it is none.
fn commit(
    crime: &str,
    number: usize,
    options: &RenderOptions,
) -> Option<Result<Rendition, RenderError>> {
    let result = match crime {
        "hang" => loop {
            std::hint::spin_loop();
        },
        "panic" => panic!("number {number} is too large"),
        "panic-in-c" => too_large(number),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(i32::try_from(number).unwrap()),
        "allocate" => {
            let hoard = vec![1_u8; number];
            Err(RenderError::Decode(format!("got {}", hoard.len())))
        }
        "confess" => Err(RenderError::Decode(format!(
            "variables {:?}, directory {:?}",
            std::env::vars_os().collect::<Vec<_>>(),
            std::env::current_dir().map_err(|error| error.kind()),
        ))),
        "babble" => {
            // Standard input is the socket: a reply that nobody asked for.
            rustix::io::write(rustix::stdio::stdin(), &[1, 0, 0, 0, 0xff]).unwrap();
            Err(RenderError::Unrecognised)
        }
        // A signature and nothing behind it.
        "png" => rendition(Kind::Png, "\u{89}PNG\r\n\u{1a}\n", number, 1, 1),
        "html-as-png" => rendition(Kind::Png, "<!doctype html><script>", 100, 1, 1),
        "unasked-kind" => rendition(Kind::Pdf, "%PDF-1.7", 100, 1, 1),
        "unasked-width" => rendition(Kind::Png, "\u{89}PNG\r\n\u{1a}\n", 100, options.width + 1, 1),
        "no-width" => rendition(Kind::Png, "\u{89}PNG\r\n\u{1a}\n", 100, 0, 1),
        "empty" => rendition(Kind::Png, "", 0, 1, 1),
        _ => return None,
    };
    Some(result)
}

/// Characters stand for the bytes of the same number.
fn rendition(
    kind: Kind,
    start: &str,
    len: usize,
    width: u32,
    height: u32,
) -> Result<Rendition, RenderError> {
    let mut bytes: Vec<u8> = start.chars().map(|c| u8::try_from(c).unwrap()).collect();
    bytes.resize(len, 0);
    Ok(Rendition { bytes, kind, width, height })
}
