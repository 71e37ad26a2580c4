//! Our side of the comparison: the bare engine in one thread, told what to do over a pipe.
//!
//! The counterpart of `oracles/sharp/side.mjs`; see [`crate::side`] for what is said.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use cuttle_image::measure::{Stage, render_watched};
use cuttle_image::{Limits, Profile, RenderOptions, Target};

use crate::clock::{milliseconds, own_cpu};
use crate::contender::{Answer, Request};

/// Answers requests until there are no more.
pub(crate) fn main() -> ExitCode {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut source = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).unwrap_or(0) == 0 {
            return ExitCode::SUCCESS;
        }
        let request: Request = serde_json::from_str(&line).expect("the bench writes what it reads");
        let mut payload = vec![0; request.bytes];
        input.read_exact(&mut payload).expect("as many bytes as were announced");
        let mut answer = match request.op.as_str() {
            "load" => {
                source = payload;
                Answer::default()
            }
            _ => render(&source, &request),
        };
        answer.bytes = answer.data.len();
        let mut bytes = serde_json::to_vec(&answer).expect("plain fields");
        bytes.push(b'\n');
        bytes.extend_from_slice(&answer.data);
        if output.write_all(&bytes).and_then(|()| output.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
}

fn render(source: &[u8], request: &Request) -> Answer {
    let target = match request.format.as_str() {
        "avif" => Target::Avif,
        "webp" => Target::Webp,
        "jpeg" => Target::Jpeg,
        _ => Target::Png,
    };
    let options =
        RenderOptions::new(request.width, target, request.quality, profile(&request.profile));
    let mut stages = [0.0; 4];
    let began = own_cpu();
    let mut before = began;
    let rendered = render_watched(source, &options, &Limits::default(), |stage| {
        let now = own_cpu();
        let index = match stage {
            Stage::Decode => 0,
            Stage::Resize => 1,
            Stage::Colour => 2,
            Stage::Encode => 3,
        };
        // Strips are decoded and resized in turn.
        stages[index] += milliseconds(now - before);
        before = now;
    });
    let cpu = milliseconds(own_cpu() - began);
    match rendered {
        Ok(rendition) => Answer {
            width: rendition.width,
            height: rendition.height,
            cpu,
            stages,
            data: rendition.bytes,
            ..Answer::default()
        },
        Err(error) => Answer { error: Some(error.to_string()), ..Answer::default() },
    }
}

pub(crate) fn profile(name: &str) -> Profile {
    match name {
        "balanced" => Profile::Balanced,
        "small" => Profile::Small,
        _ => Profile::Fast,
    }
}
