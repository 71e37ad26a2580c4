//! Drives the built binary as its users do: over HTTP, by signals, in a browser.
//!
//! Nothing here knows the inside of Cuttle. A test starts a [`Server`] on a folder of its own, asks
//! with [`Client`] in exactly the bytes it means to send, and looks at what the processes do.
#![forbid(unsafe_code)]

mod application;
mod binary;
mod browser;
mod client;
mod log;
mod machine;
mod network;
mod next;
mod origin;
mod page;
mod process;
mod server;
mod until;
mod watched;

pub use application::{Application, Asked, Reply};
pub use binary::binary;
pub use browser::visited;
pub use client::{Answer, Client};
pub use machine::alone;
pub use network::{Network, connect_from};
pub use next::{NextApp, NextServer, free_port};
pub use origin::Origin;
pub use page::Page;
pub use process::{descendants, memory_pss, stopped};
pub use server::{Server, hang_up, kill};
pub use until::{found, until};
pub use watched::Watched;

use std::path::Path;

use cuttle_demo::fixtures::{self, JpegOptions};

/// Writes `bytes` as `name` into `folder`, complete or not at all, as an editor or a deploy does.
///
/// # Panics
/// When the folder cannot be written: the machine is at fault, not the test.
pub fn place(folder: &Path, name: &str, bytes: &[u8]) {
    let target = folder.join(name);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).expect("a folder for the file");
    }
    let temporary = folder.join(format!(".{}.new", name.replace('/', "-")));
    std::fs::write(&temporary, bytes).expect("a file in the test's folder");
    std::fs::rename(&temporary, target).expect("a file moved within the test's folder");
}

/// A folder with one photograph-like `photo.jpg`, 800×600.
///
/// # Panics
/// As [`place`].
#[must_use]
pub fn folder_with_a_photo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    place(folder.path(), "photo.jpg", &photo(800, 600, 1));
    folder
}

/// A photograph-like JPEG of this size; another seed is another picture.
#[must_use]
pub fn photo(width: u16, height: u16, seed: u32) -> Vec<u8> {
    let pixels = fixtures::photo(width.into(), height.into(), seed);
    fixtures::jpeg(&pixels, width, height, 90, &JpegOptions::default())
}

/// Width and height of an answer's body, read by the safe prober.
///
/// # Panics
/// When the body is no picture.
#[must_use]
pub fn size_of(body: &[u8]) -> (u32, u32) {
    let probe = cuttle_image::probe(std::io::Cursor::new(body)).expect("the body is a picture");
    let size = probe.display_size().expect("with dimensions");
    (size.width, size.height)
}
