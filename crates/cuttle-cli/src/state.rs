//! Where what outlives the process is: the state directory, and the folder of finished pictures in it.

use std::path::PathBuf;

use cuttle_config::{Config, StorageType};
use cuttle_store::DiskSettings;

/// Beneath the state directory.
const PICTURES: &str = "pictures";

/// The state directory: as configured, as a service manager gives it, or as the XDG base directories have it. Nothing where
/// there is no home either.
pub(crate) fn folder(config: &Config) -> Option<PathBuf> {
    let named = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    config
        .server
        .state_dir
        .clone()
        .or_else(|| named("STATE_DIRECTORY"))
        .or_else(|| named("XDG_STATE_HOME").map(|state| state.join("cuttle")))
        .or_else(|| named("HOME").map(|home| home.join(".local/state/cuttle")))
}

/// What is kept on disk, and where; processes that share a folder share its pictures.
pub(crate) fn disk(config: &Config) -> Option<DiskSettings> {
    let (folder, max_bytes) = match config.storage.r#type {
        StorageType::Filesystem => (config.storage.path.clone(), config.storage.max_bytes),
        StorageType::Memory if !config.cache.disk => return None,
        StorageType::Memory => (None, None),
    };
    let folder = folder.or_else(|| folder_of_pictures(config))?;
    let max_bytes = max_bytes.or(config.cache.disk_bytes).map(|size| size.0);
    Some(DiskSettings {
        max_bytes,
        max_age: config.cache.max_age.duration(),
        max_entries: config.cache.entries,
        ..DiskSettings::new(folder)
    })
}

fn folder_of_pictures(config: &Config) -> Option<PathBuf> {
    Some(folder(config)?.join(PICTURES))
}
