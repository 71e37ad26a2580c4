//! `cuttle dev`: `next dev` behind us, at a name that browsers find and Next allows by itself.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use cuttle_host::Layers;
use serde_json::Value;

use crate::args::Dev;
use crate::failure::Failure;
use crate::run::installed;
use crate::serve;

/// Longest label of a host name (RFC 1035 §2.3.4).
const LONGEST: usize = 63;

/// Serves until it is told to stop.
///
/// # Errors
/// There is no Next to run; [`Failure`] of `serve`.
pub(crate) fn run(dev: &Dev) -> Result<ExitCode, Failure> {
    let mut layers = Layers::from(&dev.layers);
    let here = env::current_dir()
        .map_err(|error| Failure::Argument(format!("cannot tell the current folder: {error}")))?;
    layers.run = match &dev.command[..] {
        [] => {
            let next = installed().ok_or(Failure::NothingToDevelop)?;
            vec![next.display().to_string(), "dev".to_owned()]
        }
        command => command.to_vec(),
    };
    let name = name(&here);
    layers.development = Some(here);
    serve::host(layers, None, Some(&name))
}

/// What the app is called, as a label of a host name.
fn name(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    let package: Value = serde_json::from_str(&text).unwrap_or_default();
    let named = package["name"].as_str().map(label);
    let own = || folder.file_name().map(|name| label(&name.to_string_lossy()));
    let is_one = |label: &String| !label.is_empty();
    named.filter(is_one).or_else(own).filter(is_one).unwrap_or_else(|| "app".to_owned())
}

/// Of `@acme/shop` it is `shop`.
fn label(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let kept = last.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let kept = kept.trim_matches('-');
    kept[..kept.len().min(LONGEST)].trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_label_of_a_host_name() {
        let long = "a".repeat(70);
        for (name, expected) in [
            ("shop", "shop"),
            ("@acme/Shop.web", "shop-web"),
            ("_my shop_", "my-shop"),
            ("\u{e9}t\u{e9}", "t"),
            ("@acme/", ""),
            (&long, &long[..LONGEST]),
        ] {
            assert_eq!(label(name), expected, "{name}");
        }
    }
}
