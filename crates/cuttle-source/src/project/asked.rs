//! Which images of `public/` the application is asked for because one of its rules stands before them: what somebody wonders about
//! who sees the application get requests for images.
//!
//! Looked at once at start, and not to the end: each file costs a regular expression for each rule.

use crate::{Coverage, Folder};

/// Files that are looked at, and folders. More say no more about which rule it is.
const MOST_FILES: usize = 2_000;
const MOST_FOLDERS: usize = 200;
const IMAGES: [&str; 8] = ["avif", "webp", "jpg", "jpeg", "png", "gif", "svg", "ico"];

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedOfApp {
    /// How many images.
    pub images: usize,
    /// Whether there were more files than were looked at.
    pub is_part: bool,
    /// The rules, in the order in which they were met.
    pub rules: Vec<String>,
}

impl AskedOfApp {
    pub(super) fn of(folder: &Folder, base_path: &str, coverage: &Coverage) -> Self {
        let mut found = Self::default();
        let (mut seen, mut folders, mut listed) = (0, vec![Vec::<String>::new()], 0);
        while let Some(path) = folders.pop() {
            listed += 1;
            let Ok(listing) = folder.list(path.iter()) else { continue };
            for file in listing.files.iter().filter(|file| is_image(&file.name)) {
                seen += 1;
                if seen > MOST_FILES {
                    found.is_part = true;
                    return found;
                }
                let names = path.iter().chain([&file.name]).map(|name| format!("/{name}"));
                let Some(rule) =
                    coverage.reason(&format!("{base_path}{}", names.collect::<String>()))
                else {
                    continue;
                };
                found.images += 1;
                if !found.rules.iter().any(|known| known == rule) {
                    found.rules.push(rule.to_owned());
                }
            }
            let below = listing.folders.into_iter().map(|name| [path.clone(), vec![name]].concat());
            folders.extend(below);
            if listed + folders.len() > MOST_FOLDERS {
                found.is_part = true;
                folders.truncate(MOST_FOLDERS.saturating_sub(listed));
            }
        }
        found
    }
}

fn is_image(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| IMAGES.iter().any(|image| ending.eq_ignore_ascii_case(image)))
}
