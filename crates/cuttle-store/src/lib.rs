//! Variants, and the index that finds them, in memory and on disk.
//!
//! Two keys, because a request and a picture are two things: the index leads from a request to the
//! content it was answered with, and the content is kept under a digest of what made it. The same
//! picture under a new URL, or after a new deploy, is found again; a changed picture under the same
//! URL is another content. Nothing here knows HTTP, pixels or the deadlines of clients, and nothing
//! here fails a request: what cannot be kept is not kept, and said as a [`Trouble`].
//!
//! # The disk
//!
//! **The index is `SQLite`**, because everything that is asked of it is what a database is: it survives
//! `kill -9` at any instant, several processes may use one folder, a million entries are open at once
//! without a scan, the oldest entry and a prefix of sources are ranges of an index, and counts are exact
//! because they are part of the same transaction. A format of our own would be all of that again.
//!
//! **Variants are files** named by their content, because a database is a bad place for megabytes that
//! come and go. Each says what it is and carries a digest of all of itself (`file.rs`), so nothing is
//! ever synced: after a power cut, a file is either whole or a miss. The index runs in WAL mode with
//! `synchronous=NORMAL`, which loses the last moments and never its shape; only a purge is synced.
//! One level of 256 folders: at the cap there are a few hundred files in each, while a second level would be 65,536 folders of a block each.
//!
//! A variant lives exactly as long as an entry names it. So there is one order of use, that of entries;
//! what a purge or a vanished picture leaves behind needs no search; and a file without a row, after a
//! crash, is rubbish by definition. Files come and go only inside write transactions, so that the database's lock
//! is also theirs, across processes.
//!
//! **Purges are rows with numbers that only grow.** Whoever makes something notes the last number first
//! ([`Store::epoch`]); what was begun before a purge of its source is kept nowhere. Rows that a purge matches are
//! void from its commit on, while they are being deleted piece by piece. Numbers that are no longer listed count as purges of everything.
//!
//! **Each version of the tables has a subfolder of its own** (`layout-5.1`), so that an old and a new process can run side by side
//! during an upgrade and a step back finds what it left. They tell each other purges through one file between the subfolders, whose form
//! is for good. What an older version kept is removed when no process has it open; until then both may take what the cap allows.
//!
//! **Written behind, forgotten at once.** A picture that a crash takes before it was written is made again; one that is gone at its
//! origin must not come back. So [`Store::forget`] ends when the index has it, before anyone is told, and it goes first.
//!
//! **No clock is trusted with the order of use**: what is used now is numbered after everything that was used before, so that the newest does
//! not go first when a clock was set back.
//!
//! **What it may take on a disk**: the cap, which counts pictures, the folders that they lie in, the index by its pages, four MiB for its
//! log, and a corrupt index that was moved aside. Room is made before anything is written. While someone reads without end the log cannot
//! be emptied, and nothing is written.
//!
//! **What a million entries cost**: 20 MiB of a process, for caches of connections and the entries that memory holds itself.
//! Nothing is looked through before the first answer. A purge is one row, which voids all that it means; the deletion of 10,000
//! of a million entries follows in half a second on a machine at rest (`tests/large.rs`).
#![forbid(unsafe_code)]

mod disk;
mod entry;
mod file;
mod memory;
mod purge;
mod queue;
mod settings;
mod store;
mod trouble;
mod usage;

pub use disk::{private_folder, private_place};
pub use entry::{ContentKey, Entry, RequestDigest, Variant};
pub use file::{Damage, parse};
pub use purge::{Epoch, Purge, Purged, Scope};
pub use settings::{DiskSettings, StoreSettings};
pub use store::Store;
pub use trouble::Trouble;
pub use usage::{TierUsage, Usage};
