//! The applications behind Cuttle.

use std::collections::BTreeSet;

use crate::keys::{AppKeys, Forward};

/// One application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// `[[apps]]`
    pub keys: AppKeys,
    /// `[[apps.forward]]`
    pub forward: Vec<Forward>,
}

impl App {
    /// The first `id` that is there twice.
    pub(crate) fn repeated(apps: &[Self]) -> Option<&str> {
        let mut seen = BTreeSet::new();
        apps.iter().map(|app| app.keys.id.as_str()).find(|&id| !seen.insert(id))
    }
}
