//! `cuttle config print`: what holds, as a file that would say the same, and where each value comes from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{
    config::Config,
    layers::{Effective, Origin},
    value::Raw,
};

/// The effective configuration, without secrets.
#[must_use]
pub fn print(config: &Config) -> String {
    print_beside_builds(config, &[])
}

/// The same, with what the build of each application says at `/_next/image` beneath the keys (`table.name`) that say it for the
/// strict endpoint.
#[must_use]
pub fn print_beside_builds(config: &Config, of_builds: &[BTreeMap<&str, String>]) -> String {
    let mut text = String::new();
    let mut heading = (None, "");
    for effective in &config.effective {
        let Effective { app, key, raw, origin } = effective;
        if heading != (*app, key.table) {
            heading = (*app, key.table);
            let line = match key.table {
                "apps" => "[[apps]]".to_owned(),
                "forward" => "[[apps.forward]]".to_owned(),
                "images" if app.is_some() => "[apps.images]".to_owned(),
                table => format!("[{table}]"),
            };
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{line}");
        }
        if *raw == Raw::Absent {
            let absent = key.absent.unwrap_or("not set");
            let _ = writeln!(text, "# {}: {absent}", key.name());
        } else {
            let value = toml_value(raw);
            let origin = match origin {
                Origin::Default => String::new(),
                origin => format!("  # {origin}"),
            };
            let _ = writeln!(text, "{} = {value}{origin}", key.name());
        }
        let of_build = match app {
            Some(app) => of_builds.get(*app),
            None => of_builds.first().filter(|_| config.apps.len() == 1),
        };
        if let Some(value) = of_build.and_then(|of_build| of_build.get(key.path().as_str())) {
            let _ = writeln!(text, "# {} = {value}  # the Next build, at /_next/image", key.name());
        }
    }
    text
}

fn toml_value(raw: &Raw) -> String {
    match raw {
        Raw::Bool(value) => value.to_string(),
        Raw::Integer(number) => number.to_string(),
        // JSON's escapes are among TOML's.
        Raw::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Raw::List(entries) => {
            format!("[{}]", entries.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        Raw::Absent => String::new(),
    }
}
