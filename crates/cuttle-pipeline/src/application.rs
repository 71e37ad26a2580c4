//! Whose pictures they are: the application's name for people, and what tells its pictures from those of others under the
//! same path.

use std::sync::Arc;

/// An application of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The `id` of `[[apps]]`, in purges, logs and metrics.
    pub id: Arc<str>,
    /// Everything that makes `/a.jpg` of this application another picture than that of another one in the same store.
    pub key: Arc<str>,
}

impl Application {
    /// A number for its `id`, the same in every process.
    pub(crate) fn number(&self) -> u64 {
        let digest = blake3::hash(self.id.as_bytes());
        digest.as_bytes()[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}
