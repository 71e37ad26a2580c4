//! The three oracles, and what may be asked of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Pipe, Raster};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    #[serde(default)]
    durations: Vec<f64>,
    plays: Option<u32>,
    error: Option<String>,
}

fn ask(pipe: &mut Pipe, request: &Value, payload: &[u8]) -> Result<(Answer, Vec<u8>), String> {
    let (answer, data): (Answer, _) = pipe
        .ask(request, payload)
        .unwrap_or_else(|error| panic!("an oracle is gone: {error} ({request})"));
    match answer.error {
        Some(error) => Err(error),
        None => Ok((answer, data)),
    }
}

/// Where `scripts/oracles` puts what it installs.
fn installed(path: &Path) -> PathBuf {
    assert!(path.exists(), "the oracles are not installed: run scripts/oracles");
    path.to_owned()
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// sharp, in node: stills.
#[derive(Debug)]
pub struct Sharp(Pipe);

impl Sharp {
    /// Starts it.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn start() -> Self {
        let sharp = folder().join("sharp");
        installed(&sharp.join("node_modules/sharp"));
        let pipe = Pipe::start(Command::new("node").arg("side.mjs").current_dir(sharp));
        Self(pipe.expect("node runs"))
    }

    /// The first frame as sRGB, upright: decoded whole, then resized by Lanczos3 to `size`, or as it is.
    ///
    /// # Errors
    /// sharp's own words.
    pub fn still(&mut self, source: &[u8], size: Option<(u32, u32)>) -> Result<Raster, String> {
        let request = json!({ "op": "rgba", "size": size });
        let (answer, data) = ask(&mut self.0, &request, source)?;
        Ok(Raster::new(answer.width, answer.height, data))
    }
}

/// Pillow, in Python: animations, and a second opinion on stills.
#[derive(Debug)]
pub struct Pillow(Pipe);

/// Every frame of an animation, as a viewer shows it.
#[derive(Debug)]
pub struct Film {
    /// The whole canvas after each frame.
    pub frames: Vec<Raster>,
    /// Milliseconds for which each is shown.
    pub durations: Vec<f64>,
    /// How often the whole is played, 0 for ever; `None` where nobody says.
    pub plays: Option<u32>,
}

impl Pillow {
    /// Starts it.
    ///
    /// # Panics
    /// When it is not installed.
    #[must_use]
    pub fn start() -> Self {
        let packages = installed(&folder().join("../target/oracles/pillow"));
        let script = folder().join("pillow/side.py");
        let pipe = Pipe::start(Command::new("python3").arg(script).env("PYTHONPATH", packages));
        Self(pipe.expect("python3 runs"))
    }

    /// Every frame, each resized on its own by Lanczos3 to `size`, or as it is.
    ///
    /// # Errors
    /// Pillow's own words.
    ///
    /// # Panics
    /// When the answer is not what it says.
    pub fn film(&mut self, source: &[u8], size: Option<(u32, u32)>) -> Result<Film, String> {
        ask(&mut self.0, &json!({ "op": "film", "size": size }), source).map(film)
    }
}

fn film((answer, data): (Answer, Vec<u8>)) -> Film {
    let Answer { width, height, durations, plays, .. } = answer;
    let length = 4 * width as usize * height as usize;
    let frames: Vec<Raster> =
        data.chunks(length).map(|rgba| Raster::new(width, height, rgba.to_vec())).collect();
    assert_eq!(frames.len(), durations.len(), "a duration for each frame");
    Film { frames, durations, plays }
}

/// A browser, in which a page draws what it is given.
#[derive(Debug)]
pub struct Chromium(Pipe);

impl Chromium {
    /// Starts it.
    ///
    /// # Panics
    /// When there is no node.
    #[must_use]
    pub fn start() -> Self {
        let folder = folder().join("chromium");
        let pipe = Pipe::start(Command::new("node").arg("side.mjs").current_dir(folder));
        Self(pipe.expect("node runs"))
    }

    /// Every frame that is shown of a file of that media type; one of a still.
    ///
    /// # Errors
    /// The browser's own words.
    ///
    /// # Panics
    /// When the answer is not what it says.
    pub fn film(&mut self, source: &[u8], media_type: &str) -> Result<Film, String> {
        ask(&mut self.0, &json!({ "type": media_type }), source).map(film)
    }
}
