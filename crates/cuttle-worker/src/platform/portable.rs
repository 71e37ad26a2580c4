//! What every Unix can do: unlinked temporary files, and no sandbox.
//!
//! It is a stand-in, never a choice: each layer is reported as missing, so that the pool warns, and
//! refuses to start where a sandbox is required.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::Draft;
use crate::{Layer, LayerName};

/// How many taken names to step over before giving up on the temporary directory.
const ATTEMPTS: usize = 64;

pub(super) fn draft() -> io::Result<Draft> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut last = io::ErrorKind::AlreadyExists.into();
    for _ in 0..ATTEMPTS {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("cuttle-{}-{number}", process::id()));
        // SECURITY: O_EXCL follows no link that somebody planted under a guessed name, and 0600 keeps
        // the moment before the unlink private.
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                let read_only = File::open(&path);
                fs::remove_file(&path)?;
                return Ok(Draft { file, read_only: Some(read_only?) });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Keeps only the descriptor that was opened for reading: no other way to the file is left.
pub(super) fn seal(draft: Draft) -> io::Result<File> {
    draft.read_only.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// The length is only a hint here: the pool never reads more than the limit anyway.
pub(super) fn result_file(limit: u64) -> io::Result<File> {
    let file = draft()?.file;
    file.set_len(limit)?;
    Ok(file)
}

pub(super) fn empty(result: &File, len: u64) -> io::Result<()> {
    result.set_len(0)?;
    result.set_len(len)
}

pub(super) fn confine() -> Vec<Layer> {
    LayerName::ALL
        .into_iter()
        .map(|name| match name {
            LayerName::EmptyEnvironment => super::empty_environment(),
            LayerName::NothingInherited => super::nothing_inherited(),
            _ => Layer { name, active: false, detail: "not on this system".to_owned() },
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn take_descriptor(_: rustix::process::Pid) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
