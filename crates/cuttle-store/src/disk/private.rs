//! A folder of this user's alone, made where others may write: volumes of containers are everyone's (`emptyDir`, 0777) or a group's (`fsGroup`, 2775).
//!
//! SECURITY: whoever owns or may write a folder chooses the pictures that are sent from it, and on a shared host that may be whoever was first to
//! make one of its name. In a folder of others, one of our own is used, which they can take away and cannot read or fill.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::Trouble;

/// Where a private folder is, or would be made: `folder` itself, or one in it where that is not this user's alone. Makes nothing.
#[must_use]
pub fn private_place(folder: &Path) -> PathBuf {
    match fs::metadata(folder) {
        Ok(found) if !is_private(&found) => inner(folder),
        _ => folder.to_owned(),
    }
}

/// Makes a private folder at [`private_place`], or makes sure that the one that is there is one.
///
/// # Errors
/// It cannot be made, or is not this user's alone.
pub fn private_folder(folder: &Path) -> Result<PathBuf, Trouble> {
    let builder = |recursive| {
        let mut builder = DirBuilder::new();
        builder.recursive(recursive).mode(0o700);
        builder
    };
    let unmade = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let (folder, user) = (folder.to_owned(), geteuid().as_raw());
            Trouble::Unmade { folder, user }
        }
        _ => io::Error::new(error.kind(), format!("{}: {error}", folder.display())).into(),
    };
    builder(true).create(folder).map_err(unmade)?;
    let found = fs::metadata(folder)?;
    if is_private(&found) {
        return Ok(folder.to_owned());
    }
    let place = inner(folder);
    match builder(false).create(&place) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(refused(folder, &found));
        }
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // SECURITY: no link, which may lead to another folder of ours.
    let made = fs::symlink_metadata(&place)?;
    if made.is_dir() && is_private(&made) { Ok(place) } else { Err(refused(&place, &made)) }
}

/// Whether nobody else owns it or may write to it.
pub(super) fn is_private(found: &Metadata) -> bool {
    found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0
}

pub(super) fn refused(folder: &Path, found: &Metadata) -> Trouble {
    let (folder, owner, mode) = (folder.to_owned(), found.uid(), found.mode() & 0o7777);
    let user = geteuid().as_raw();
    if owner == user {
        Trouble::Exposed { folder, mode }
    } else {
        Trouble::Foreign { folder, owner, user }
    }
}

/// With the user's number, as servers of several users may share a volume.
fn inner(folder: &Path) -> PathBuf {
    folder.join(format!("cuttle-{}", geteuid().as_raw()))
}
