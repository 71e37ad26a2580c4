//! A folder at a place among the paths of an application: `public/` at the base path.

use std::sync::Arc;

use cuttle_contract::LocalPath;

use crate::{Coverage, Folder, LoadError, OpenFile};

/// A folder whose files answer for paths under a prefix, unless the application has a say in them.
#[derive(Debug, Clone)]
pub struct Mount {
    prefix: Box<str>,
    folder: Arc<Folder>,
    coverage: Coverage,
}

impl Mount {
    /// `prefix` is a canonical path without a trailing slash, so nothing at all for the root.
    #[must_use]
    pub fn new(prefix: &str, folder: Arc<Folder>, coverage: Coverage) -> Self {
        Self { prefix: prefix.trim_end_matches('/').into(), folder, coverage }
    }

    /// The file that `path` names. Blocks.
    ///
    /// # Errors
    /// [`LoadError::NotFound`] also when a rule of the application covers the path: then only the application can answer.
    pub(crate) fn open(&self, path: &LocalPath) -> Result<OpenFile, LoadError> {
        if !path.is_under(&self.prefix) {
            return Err(LoadError::NotFound);
        }
        let above = self.prefix.matches('/').count();
        let file = self.folder.open(path.segments().skip(above))?;
        // SECURITY: after the file was found, so that the text that a backtracking engine gets is the name of a file.
        if self.coverage.covers(path.path()) {
            return Err(LoadError::NotFound);
        }
        Ok(file)
    }
}
