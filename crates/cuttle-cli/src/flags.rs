//! The flags of `serve` and `check`, from the same definition as the file and the variables: a key that has a flag is one
//! here, with its sentence and its default. What a value means is decided there too, so that a mistake reads the same
//! wherever it is made.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use cuttle_config::{Key, Kind, keys};

/// `(flag, text)`, of those that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyFlags(pub(crate) BTreeMap<&'static str, String>);

impl Args for KeyFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flagged().map(|(flag, key)| argument(flag, key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for KeyFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = flagged().filter_map(|(flag, key)| {
            let text = match key.kind {
                Kind::Bool => matches.get_flag(flag).then(|| "true".to_owned())?,
                _ => matches.get_many::<String>(flag)?.cloned().collect::<Vec<_>>().join(","),
            };
            Some((flag, text))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flagged() -> impl Iterator<Item = (&'static str, &'static Key)> {
    keys().iter().filter_map(|key| Some((key.flag?, key)))
}

fn argument(flag: &'static str, key: &Key) -> Arg {
    let default = key.absent.or(key.default);
    let default = default.filter(|text| !text.is_empty() && key.kind != Kind::Bool);
    let default = default.map_or(String::new(), |text| format!("default: {}, ", plain(text)));
    let help = format!("{} [{default}env: {}]", plain(&key.doc()), key.variable());
    let argument = Arg::new(flag).long(flag).help(help);
    match key.kind {
        Kind::Bool => argument.action(ArgAction::SetTrue),
        Kind::List(_) => argument.action(ArgAction::Append).value_name(placeholder(flag, key.kind)),
        _ => argument.value_name(placeholder(flag, key.kind)),
    }
}

/// What the value is, in one word.
fn placeholder(flag: &str, kind: Kind) -> &'static str {
    match (flag, kind) {
        ("next", _) => "PROJECT",
        ("host", _) => "NAME",
        ("fallback", _) | (_, Kind::Url) => "URL",
        (_, Kind::Address | Kind::AddressOrOff) => "ADDR",
        (_, Kind::Integer) => "N",
        (_, Kind::Duration) => "TIME",
        (_, Kind::Size) => "SIZE",
        (_, Kind::Path) => "DIR",
        (_, Kind::List(_)) => "LIST",
        _ => "TEXT",
    }
}

/// Without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
