//! Writes scenes into a folder. A file appears under its name only when it is whole (it is written
//! beside and renamed), so one that is there is complete and is kept.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::scenes::Scene;

/// Why the gallery could not be written: always the folder's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// The folder does not exist and cannot be made.
    #[error("cannot create the folder {}: {reason}", folder.display())]
    Folder {
        /// As given.
        folder: PathBuf,
        /// From the system.
        reason: io::Error,
    },
    /// A picture cannot be written.
    #[error("cannot write {}: {reason}", file.display())]
    File {
        /// The picture's final name.
        file: PathBuf,
        /// From the system.
        reason: io::Error,
    },
}

/// A canvas of four million points is about 50 MB, so more threads would cost memory, not time.
const MOST_THREADS: usize = 2;

/// Draws every scene whose file is missing in `folder`, which is made when needed, and reports a line
/// for each. Works on two pictures at a time; after the first error no new picture is begun.
///
/// # Errors
/// [`GalleryError`], the first one met.
pub fn fill(
    folder: &Path,
    scenes: &[Scene],
    report: impl Fn(&str) + Sync,
) -> Result<(), GalleryError> {
    std::fs::create_dir_all(folder)
        .map_err(|reason| GalleryError::Folder { folder: folder.to_owned(), reason })?;
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = folder.join(scene.file);
            match hang(scene, &file) {
                Ok(line) => report(&line),
                Err(reason) => {
                    next.store(scenes.len(), Ordering::Relaxed);
                    return Err(GalleryError::File { file, reason });
                }
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..MOST_THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn hang(scene: &Scene, file: &Path) -> io::Result<String> {
    if file.is_file() {
        return Ok(format!("{:<22} kept", scene.file));
    }
    let start = Instant::now();
    let bytes = (scene.make)();
    // With the process in the name, two runs at once cannot write into one another's file. The dot
    // keeps `cuttle serve` from listing what is not finished.
    let draft = file.with_file_name(format!(".{}.{}", scene.file, std::process::id()));
    let written = std::fs::write(&draft, &bytes).and_then(|()| std::fs::rename(&draft, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written?;
    let (kilobytes, seconds) = (bytes.len() as f64 / 1000.0, start.elapsed().as_secs_f64());
    Ok(format!("{:<22} {kilobytes:>6.0} kB {seconds:>5.1} s", scene.file))
}
