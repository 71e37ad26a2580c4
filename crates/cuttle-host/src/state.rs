//! The state directory: what outlives the process, and where `cuttle stats` finds a server that runs.
//!
//! It is this user's alone. SECURITY: in a directory that somebody else owns or may write to, what is read back was perhaps
//! written by them, so a directory of our own is made in such a one. A server without a state directory serves on, and says so.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cuttle_config::{Admin, Config, StorageType};
use cuttle_store::{DiskSettings, Trouble, private_folder, private_place};
use rustix::process::geteuid;
use tempfile::NamedTempFile;

/// Where the admin address of the server that runs is noted, and beside it what it wants to be shown.
const ADDRESS: &str = "admin";
const TOKEN: &str = "admin-token";
/// Whose turn it is to write them.
const TURN: &str = "admin.lock";
/// Where whoever runs the server asks it to reload.
const CONTROL: &str = "control";
/// What applications that we run print.
const LOGS: &str = "logs";
/// What tells this site from others, where no public address does.
const ID: &str = "id";
/// Where finished pictures are.
const PICTURES: &str = "pictures";

/// Why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Nothing names one.
    #[error(
        "neither STATE_DIRECTORY nor XDG_STATE_HOME nor HOME is set; name one with --state-dir"
    )]
    Nowhere,
    /// It can be neither read nor written.
    #[error("{}: {error}", path.display())]
    Io {
        /// A file or folder of it.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not this user's alone.
    #[error(transparent)]
    Unusable(#[from] Trouble),
}

impl StateError {
    fn into_trouble(self) -> Trouble {
        match self {
            Self::Unusable(trouble) => trouble,
            other => Trouble::Unusable(other.to_string().into()),
        }
    }
}

/// A folder of this user's, or one in which that is.
#[derive(Debug)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The one that `config` or the environment names.
    ///
    /// # Errors
    /// Nothing names one.
    pub fn of(config: &Config) -> Result<Self, StateError> {
        let set =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // systemd gives a list where a unit has several.
        let first = |all: PathBuf| {
            all.to_str().and_then(|all| all.split(':').next()).map(PathBuf::from).unwrap_or(all)
        };
        let named = config.server.state_dir.clone().or_else(|| set("STATE_DIRECTORY").map(first));
        let of_user =
            || set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
        named
            .or_else(|| of_user().map(|base| base.join("cuttle")))
            .map(Self)
            .ok_or(StateError::Nowhere)
    }

    /// Creates it, for this user alone, if it is not there.
    ///
    /// # Errors
    /// It cannot be created, or is not this user's alone.
    pub(crate) fn open(&self) -> Result<(), StateError> {
        private_folder(&self.0)?;
        Ok(())
    }

    /// A path in it.
    fn path(&self, name: &str) -> PathBuf {
        private_place(&self.0).join(name)
    }

    /// Where the server has its notes that somebody asks for: its own user does, or root, who may ask those of all users but where others may write.
    fn of_server(&self) -> Option<PathBuf> {
        let user = geteuid();
        let is_closed = |place: &PathBuf| {
            // SECURITY: no link, and nothing that a stranger may have put there: he would be shown the token.
            fs::symlink_metadata(place).is_ok_and(|found| {
                let own = user.is_root() || found.uid() == user.as_raw();
                found.is_dir() && own && found.mode() & 0o022 == 0
            })
        };
        let named = fs::canonicalize(&self.0).unwrap_or_default();
        [named, private_place(&self.0)].into_iter().find(is_closed)
    }

    /// The path of the control socket of this process.
    pub(crate) fn control(&self) -> PathBuf {
        self.path(CONTROL)
    }

    /// The path of the control socket of the server that runs.
    #[must_use]
    pub fn control_of_server(&self) -> PathBuf {
        self.of_server().map_or_else(|| self.control(), |place| place.join(CONTROL))
    }

    /// The folder of what applications print, made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn logs(&self) -> Result<PathBuf, StateError> {
        self.open()?;
        Ok(private_folder(&self.path(LOGS))?)
    }

    /// The same of the server that runs or ran with it.
    #[must_use]
    pub fn logs_of_server(&self) -> Option<PathBuf> {
        self.of_server().map(|place| place.join(LOGS))
    }

    /// A text that stays the same as long as the folder does.
    ///
    /// # Errors
    /// It can be neither read nor written.
    pub(crate) fn kept_id(&self, new: impl FnOnce() -> String) -> Result<String, StateError> {
        self.open()?;
        let path = self.path(ID);
        if let Some(known) = fs::read_to_string(&path).ok().filter(|known| !known.is_empty()) {
            return Ok(known);
        }
        let new = new();
        write(&self.path(""), &path, &new)?;
        Ok(new)
    }

    /// Notes where operators ask, and what they must show, until the note is dropped. `None` if another server that runs has
    /// its own here: whoever names the directory means the first, not whichever began last.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn note(
        &self,
        address: &str,
        token: Option<&str>,
    ) -> Result<Option<Note>, StateError> {
        let turn = self.path(TURN);
        let failed = |error| StateError::Io { path: turn.clone(), error };
        // Held while it is looked and written, so that of two that start at once one sees the other.
        let turn = File::create(&turn).map_err(failed)?;
        let _ = turn.lock();
        if self.noted().is_some() {
            return Ok(None);
        }
        let token_file = self.path(TOKEN);
        match token {
            Some(token) => drop(write(&self.path(""), &token_file, token)?),
            // Of a server that was killed.
            None => drop(fs::remove_file(&token_file)),
        }
        let path = self.path(ADDRESS);
        let held = write(&self.path(""), &path, address)?;
        Ok(Some(Note { path, token: token_file, _held: held }))
    }

    /// What the server noted that runs here, if one does: its address, and its token.
    ///
    /// SECURITY: not what one left that was killed. Somebody else may listen at its address now, and would be shown the token.
    #[must_use]
    pub fn noted(&self) -> Option<(String, Option<String>)> {
        let place = self.of_server()?;
        File::open(place.join(ADDRESS)).ok()?.try_lock_shared().err()?;
        let read = |name| fs::read_to_string(place.join(name)).ok();
        Some((read(ADDRESS)?, read(TOKEN)))
    }
}

/// The note of a server that runs.
#[derive(Debug)]
pub(crate) struct Note {
    path: PathBuf,
    token: PathBuf,
    /// Locked for as long as this process lives.
    _held: File,
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.token);
    }
}

/// What is kept on disk, and where, if anything is; processes that share a folder share its pictures.
///
/// # Errors
/// What keeps it from being kept, until somebody does something about it and starts the server again.
pub(crate) fn disk(config: &Config) -> Result<Option<DiskSettings>, Trouble> {
    let (folder, max_bytes) = match config.storage.r#type {
        StorageType::Filesystem => (config.storage.path.clone(), config.storage.max_bytes),
        StorageType::Memory if !config.cache.disk => return Ok(None),
        StorageType::Memory => (None, None),
    };
    let in_state_dir = || {
        let state = StateDir::of(config).map_err(StateError::into_trouble)?;
        match state.open() {
            // SECURITY: whoever may rename what is in it may put pictures of his own in place of ours.
            Err(StateError::Unusable(
                trouble @ (Trouble::Foreign { .. } | Trouble::Exposed { .. }),
            )) => Err(trouble),
            // One that is not there yet is tried again by the store, which says so.
            Ok(()) | Err(_) => Ok(state.path(PICTURES)),
        }
    };
    let folder = folder.map_or_else(in_state_dir, Ok)?;
    let max_bytes = max_bytes.or(config.cache.disk_bytes).map(|size| size.0);
    Ok(Some(DiskSettings {
        max_bytes,
        max_age: config.cache.max_age.duration(),
        max_entries: config.cache.entries,
        ..DiskSettings::new(folder)
    }))
}

/// Complete or not at all, and locked. Temporary files are created 0600, and keep that.
fn write(folder: &Path, path: &Path, text: &str) -> Result<File, StateError> {
    let failed = |error| StateError::Io { path: path.to_owned(), error };
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    // Where there are no locks, every note counts as that of a server that runs.
    let _ = file.as_file().try_lock();
    file.persist(path).map_err(|error| failed(error.error))
}

/// As it is written after `--admin`.
#[must_use]
pub fn shown(admin: &Admin) -> String {
    match admin {
        Admin::Off => "off".to_owned(),
        Admin::At(address) => address.to_string(),
        Admin::Socket(path) => format!("unix:{}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[test]
    fn it_and_the_token_are_this_user_s_alone_and_the_note_goes_with_the_server() {
        let base = tempfile::tempdir().expect("a folder");
        let state = StateDir(base.path().join("a/b"));
        state.open().expect("it can be created");
        assert_eq!(mode(&state.0), 0o700);
        let note = |address, token| state.note(address, token).expect("it can be written");
        let first = note("127.0.0.1:4001", Some("open sesame")).expect("nobody was here before");
        assert_eq!(mode(&state.0.join(TOKEN)), 0o600);
        let noted = ("127.0.0.1:4001".to_owned(), Some("open sesame".to_owned()));
        assert_eq!(state.noted().as_ref(), Some(&noted));
        assert!(note("127.0.0.1:5001", None).is_none(), "the first one's stays");
        assert_eq!(state.noted(), Some(noted));
        drop(first);
        assert_eq!(state.noted(), None);
        fs::write(state.0.join(ADDRESS), "127.0.0.1:6001").expect("ours");
        fs::write(state.0.join(TOKEN), "open sesame").expect("ours");
        assert_eq!(state.noted(), None, "of one that was killed");
        let _next = note("127.0.0.1:5001", None).expect("that one is gone");
        assert_eq!(state.noted(), Some(("127.0.0.1:5001".to_owned(), None)));
    }

    #[test]
    fn in_one_that_others_can_write_to_there_is_one_of_our_own() {
        let base = tempfile::tempdir().expect("a folder");
        let state = StateDir(base.path().to_owned());
        for shared in [0o770, 0o707, 0o777, 0o2775] {
            fs::set_permissions(base.path(), fs::Permissions::from_mode(shared)).expect("ours");
            state.open().expect("one can be made");
            let _note =
                state.note("127.0.0.1:4001", Some("open sesame")).expect("it can be written");
            let path = state.path(TOKEN);
            assert_ne!(path.parent(), Some(base.path()), "{shared:o}");
            assert_eq!(
                (mode(path.parent().expect("one")), mode(&path)),
                (0o700, 0o600),
                "{shared:o}"
            );
        }
    }
}
