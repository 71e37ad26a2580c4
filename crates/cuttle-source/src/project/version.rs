//! Which Next a build is of: for people, and to call one that is too old by its name. Nothing else depends on it, as a build says
//! by what it has which rules it knows.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The first whose builds are understood.
const OLDEST: u32 = 14;
/// Of a version, which ends in logs.
const LONGEST: usize = 64;

#[derive(Deserialize)]
struct Named {
    version: String,
}

/// From what 15 and later write down, else from the package beside the build. Blocks.
pub(super) fn of_build(built: &Path) -> Option<String> {
    let beside =
        built.ancestors().take(2).map(|folder| folder.join("node_modules/next/package.json"));
    let files = [built.join("diagnostics/framework.json")].into_iter().chain(beside);
    files.filter_map(|file| read(&fs::read_to_string(file).ok()?)).next()
}

fn read(text: &str) -> Option<String> {
    let Named { version } = serde_json::from_str(text).ok()?;
    let fits = version.len() <= LONGEST && version.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(version)
}

pub(super) fn is_too_old(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major < OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_short_and_visible_and_13_is_too_old() {
        assert_eq!(read(r#"{"name":"Next.js","version":"16.4.6"}"#).as_deref(), Some("16.4.6"));
        for text in ["", "{}", r#"{"version":16}"#, r#"{"version":"1 2"}"#] {
            assert_eq!(read(text), None, "{text}");
        }
        for (version, old) in [
            ("13.5.6", true),
            ("9.0.0", true),
            ("14.0.0", false),
            ("16.4.6", false),
            ("canary", false),
        ] {
            assert_eq!(is_too_old(version), old, "{version}");
        }
    }
}
