//! Why the disk is not used, or not fully. All of it passes by itself when its cause does.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// What keeps a store from using its disk. Everything is served on from memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// There is no folder, and this user may not make one there.
    #[error(
        "user {user} may not make {}: make it for that user (chown {user}), set securityContext.fsGroup in Kubernetes, or name another with --state-dir",
        .folder.display()
    )]
    Unmade {
        /// As configured.
        folder: PathBuf,
        /// User id.
        user: u32,
    },
    /// Whoever owns the folder decides which pictures are served from it.
    #[error(
        "{} belongs to user {owner}, and user {user} may not write to it: chown {user} it, set securityContext.fsGroup in Kubernetes, or name another with --state-dir",
        .folder.display()
    )]
    Foreign {
        /// As configured, or in it.
        folder: PathBuf,
        /// User id.
        owner: u32,
        /// Of this process.
        user: u32,
    },
    /// Whoever may write to the folder decides which pictures are served from it.
    #[error("others may write to {} (mode {mode:o}): chmod go-w it, or name another with --state-dir", .folder.display())]
    Exposed {
        /// As configured, or in it.
        folder: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// No space, no quota, or no inode left.
    #[error("the disk is full, or out of inodes: {0}")]
    Full(Box<str>),
    /// It can be read and not written.
    #[error("the disk cannot be written: {0}")]
    ReadOnly(Box<str>),
    /// Another process holds it, for longer than any of ours would.
    #[error("the index is held by another process: {0}")]
    Busy(Box<str>),
    /// The index is not a database any more. It is moved aside and begun anew.
    #[error("the index is corrupt: {0}")]
    Corrupt(Box<str>),
    /// Anything else that the system says.
    #[error("the disk cannot be used: {0}")]
    Unusable(Box<str>),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        let text = error.to_string().into_boxed_str();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(text),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly(text)
            }
            io::ErrorKind::WouldBlock => Self::Busy(text),
            _ => Self::Unusable(text),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string().into_boxed_str();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(text),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(text),
            // Our questions do not change: a missing table, or a value that is not what we wrote, is damage too.
            Some(ErrorCode::Unknown | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
            | None => Self::Corrupt(text),
            Some(_) => Self::Unusable(text),
        }
    }
}
