//! Which file a worker is started from: the very one that is running.
//!
//! `/proc/self/exe` is that file even after an upgrade replaced or deleted its name. Without `/proc`
//! there is only the name, so a descriptor opened at the start is kept, and a name that has come to
//! mean another file is refused: it would speak another protocol, or be somebody else's program.

use std::{
    env, fs,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::StartError;

/// The link to the running program, on Linux with `/proc`.
pub(crate) const PROC_SELF_EXE: &str = "/proc/self/exe";

/// The name that this program was started by.
#[expect(
    clippy::disallowed_methods,
    reason = "it is checked against the opened file at each start"
)]
pub(crate) fn program_name() -> io::Result<PathBuf> {
    env::current_exe()
}

/// The running program's file.
#[derive(Debug)]
pub(crate) enum Executable {
    /// The kernel's own link to it.
    Proc,
    /// Its name, and a descriptor that keeps its inode number from being given to another file.
    Named { path: PathBuf, opened: File },
}

impl Executable {
    pub(crate) fn locate() -> Result<Self, StartError> {
        if fs::metadata(PROC_SELF_EXE).is_ok() {
            return Ok(Self::Proc);
        }
        Self::named(program_name().map_err(StartError::Executable)?)
    }

    fn named(path: PathBuf) -> Result<Self, StartError> {
        let opened = File::open(&path).map_err(StartError::Executable)?;
        Ok(Self::Named { path, opened })
    }

    /// The path to execute now.
    pub(crate) fn path(&self) -> Result<&Path, StartError> {
        match self {
            Self::Proc => Ok(Path::new(PROC_SELF_EXE)),
            Self::Named { path, opened } => {
                let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
                let now: io::Result<_> = fs::metadata(path).map(identity);
                let started = opened.metadata().map(identity).map_err(StartError::Executable)?;
                // A swap between this check and the exec is left: whoever can do that can replace us.
                if now.ok() == Some(started) { Ok(path) } else { Err(StartError::Replaced) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_or_deleted_program_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("program"), dir.path().join("other"));
        fs::write(&path, "old").unwrap();
        let executable = Executable::named(path.clone()).unwrap();
        assert_eq!(executable.path().unwrap(), path);

        fs::write(&other, "new").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(matches!(executable.path(), Err(StartError::Replaced)));

        fs::remove_file(&path).unwrap();
        assert!(matches!(executable.path(), Err(StartError::Replaced)));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let missing = Executable::named(PathBuf::from("/no/such/program"));
        assert!(matches!(missing, Err(StartError::Executable(_))));
    }
}
