//! What says whether an original is still the one that was rendered, without reading it.

use cap_std::fs::{Metadata, MetadataExt as _};
use serde::{Deserialize, Serialize};

/// Identity of one state of a file: a new file moved over the old name has another inode, a write in
/// place another change time, whatever its modification time was set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Validator {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
}

impl Validator {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// A weak entity tag for the plain file, as static file servers build it: size and modification
    /// time, so that two machines with the same files agree.
    #[must_use]
    pub fn entity_tag(&self) -> String {
        format!("W/\"{:x}-{:x}\"", self.bytes, self.modified_ns)
    }
}
