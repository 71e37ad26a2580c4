//! An engine that does what a picture which took over a decoder might do.

use cuttle_image::{Kind, Limits, RenderError, RenderOptions, Rendition};

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
