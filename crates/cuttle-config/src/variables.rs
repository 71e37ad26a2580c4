//! Variables that do nothing: said, with the one that may be meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    keys::{Key, keys},
    problem::{Place, Problem, nearest},
};

const PREFIX: &str = "CUTTLE_";

/// A variable that is spelled wrong is a setting that silently does nothing. No more than a warning, because not every
/// `CUTTLE_…` is ours.
pub(crate) fn misspelled_variables(environment: &BTreeMap<String, String>) -> Vec<Problem> {
    let settable =
        |key: &&Key| key.table != "forward" && (key.table != "apps" || key.flag.is_some());
    let variables = || keys().iter().filter(settable).map(Key::variable);
    // The file itself, and the filter of the log, are found before there is a configuration.
    let own: BTreeSet<String> =
        variables().chain(["CUTTLE_CONFIG", "CUTTLE_LOG"].map(str::to_owned)).collect();
    let bare = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    let known: Vec<String> = own.iter().filter_map(|name| bare(name)).collect();
    // As it would be called if every variable were called like its key in the file.
    let by_path = |written: &str| {
        let spelled = |key: &Key| key.path().replace('.', "_").to_ascii_uppercase();
        let key = keys().iter().filter(settable).find(|key| spelled(key) == written);
        key.map(Key::variable)
    };
    environment
        .keys()
        .filter(|name| !own.contains(*name))
        .filter_map(|name| {
            let written = bare(name)?;
            let near = || nearest(&written, known.iter().map(String::as_str));
            let meant = by_path(&written).or_else(|| near().map(|near| format!("{PREFIX}{near}")));
            let message = match meant {
                Some(meant) => format!("there is no variable {name}; did you mean `{meant}`?"),
                None if is_of_kubernetes(&written) => return None,
                None => format!(
                    "there is no variable {name}, so it does nothing; docs/configuration.md lists those that there are"
                ),
            };
            Some(Problem::new(message, Place::Variable(name.clone())))
        })
        .collect()
}

/// What Kubernetes sets in every container for a service that is called `cuttle`, or `cuttle-…`.
fn is_of_kubernetes(written: &str) -> bool {
    ["SERVICE_", "PORT"]
        .iter()
        .any(|part| written.starts_with(part) || written.contains(&format!("_{part}")))
}
