//! One side of the comparison: a long-lived child that renders when it is told to.
//!
//! Both sides are processes of their own, so that their peak memory can be told apart, and both speak
//! the same few words: a line of JSON, then as many bytes as it says. What is measured is measured in
//! the child, around the call alone; neither start-up nor the pipe counts.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use cuttle_oracles::Pipe;
use serde::{Deserialize, Serialize};

/// The argument that makes the bench's binary this side.
pub(crate) const ENGINE_ARGUMENT: &str = "engine";

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) op: String,
    #[serde(default)]
    pub(crate) width: u32,
    #[serde(default)]
    pub(crate) format: String,
    #[serde(default)]
    pub(crate) quality: u8,
    /// Ours alone: sharp has no profiles.
    #[serde(default)]
    pub(crate) profile: String,
    /// Bytes that follow.
    #[serde(default)]
    pub(crate) bytes: usize,
}

impl Request {
    pub(crate) fn of(op: &str, width: u32, format: &str, quality: u8, profile: &str) -> Self {
        let [op, format, profile] = [op, format, profile].map(String::from);
        Self { op, width, format, quality, profile, bytes: 0 }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) width: u32,
    #[serde(default)]
    pub(crate) height: u32,
    /// Milliseconds of CPU.
    #[serde(default)]
    pub(crate) cpu: f64,
    /// Ours alone: milliseconds of decode, resize, colour and encode.
    #[serde(default)]
    pub(crate) stages: [f64; 4],
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// Bytes that follow.
    pub(crate) bytes: usize,
    #[serde(skip)]
    pub(crate) data: Vec<u8>,
}

/// Its name and version, as pinned.
pub(crate) fn sharp_version(folder: &Path) -> io::Result<String> {
    let package = fs::read(folder.join("node_modules/sharp/package.json"))?;
    let package: serde_json::Value = serde_json::from_slice(&package)?;
    Ok(format!("sharp {}", package["version"].as_str().unwrap_or("of unknown version")))
}

/// A child that renders.
pub(crate) struct Contender(Pipe);

impl Contender {
    /// sharp in node, from the folder with its `package.json`.
    pub(crate) fn sharp(folder: &Path) -> io::Result<Self> {
        // One thread for libvips, and one for node's own pool on which sharp waits for it.
        let mut node = Command::new("node");
        node.arg("side.mjs").current_dir(folder).env("UV_THREADPOOL_SIZE", "1");
        Pipe::start(&mut node).map(Self)
    }

    /// This binary again, as [`crate::engine`].
    pub(crate) fn engine() -> io::Result<Self> {
        Pipe::start(Command::new("/proc/self/exe").arg(ENGINE_ARGUMENT)).map(Self)
    }

    /// The picture that the next requests are about.
    pub(crate) fn load(&mut self, source: &[u8]) {
        self.ask(Request::of("load", 0, "", 0, ""), source);
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Panics
    /// When the side fails: a comparison with holes is none.
    #[expect(clippy::needless_pass_by_value, reason = "a request is asked once")]
    pub(crate) fn ask(&mut self, request: Request, payload: &[u8]) -> Answer {
        let (answer, data): (Answer, _) = self.0.ask(&request, payload).unwrap_or_else(|error| {
            panic!("a side of the bench is gone: {error} ({request:?})");
        });
        if let Some(error) = answer.error {
            panic!("a side of the bench failed: {error} ({request:?})");
        }
        Answer { data, ..answer }
    }

    /// Resident memory is counted anew from here.
    pub(crate) fn forget_peak(&self) {
        // Linux: 5 resets VmHWM. Elsewhere the file is missing, and the peak is that of the whole life.
        let _ = fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5");
    }

    /// Highest resident memory since [`Self::forget_peak`], in MiB.
    pub(crate) fn peak(&self) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        });
        kib.map_or(f64::NAN, |kib| kib / 1024.0)
    }
}
