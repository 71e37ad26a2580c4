//! What a worker is told on its command line, because its environment is empty and its files are gone.

use std::ffi::OsString;

use crate::{LayerName, Platform};

/// The settings of one worker, written by the pool and read by the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Process id of the server.
    pub(crate) parent: u32,
    /// Bytes of private memory (`RLIMIT_DATA`).
    pub(crate) memory: u64,
    /// Bytes of the longest result (`RLIMIT_FSIZE`).
    pub(crate) result: u64,
    /// Which half of [`crate::platform`] to use.
    pub(crate) platform: Platform,
    /// Layers to leave out, so that a test can see the self-test fail.
    pub(crate) without: Vec<LayerName>,
}

/// The only argument of a process that [`crate::acts`] managed to execute.
pub(crate) const AFTER_EXEC: &str = "--after-exec";

impl Settings {
    pub(crate) fn to_args(&self) -> Vec<String> {
        let mut args = vec![
            format!("--parent={}", self.parent),
            format!("--memory={}", self.memory),
            format!("--result={}", self.result),
        ];
        if self.platform == Platform::Portable {
            args.push("--portable".to_owned());
        }
        args.extend(self.without.iter().map(|layer| format!("--without={}", layer.as_str())));
        args
    }

    /// Reads back [`Self::to_args`]; `None` for anything else, as when a person types `cuttle worker`.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let (mut parent, mut memory, mut result) = (None, None, None);
        let (mut platform, mut without) = (Platform::NATIVE, Vec::new());
        for arg in args {
            let arg = arg.into_string().ok()?;
            match arg.split_once('=') {
                Some(("--parent", value)) => parent = Some(value.parse().ok()?),
                Some(("--memory", value)) => memory = Some(value.parse().ok()?),
                Some(("--result", value)) => result = Some(value.parse().ok()?),
                Some(("--without", value)) => {
                    without.push(LayerName::ALL.into_iter().find(|layer| layer.as_str() == value)?);
                }
                None if arg == "--portable" => platform = Platform::Portable,
                _ => return None,
            }
        }
        Some(Self { parent: parent?, memory: memory?, result: result?, platform, without })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Option<Settings> {
        Settings::parse(args.iter().map(OsString::from))
    }

    #[test]
    fn settings_survive_the_command_line() {
        for without in [vec![], vec![LayerName::Seccomp], LayerName::ALL.to_vec()] {
            for platform in [Platform::NATIVE, Platform::Portable] {
                let without = without.clone();
                let said = Settings { parent: 7, memory: 1 << 40, result: 3, platform, without };
                let args = said.to_args();
                assert_eq!(
                    parsed(&args.iter().map(String::as_str).collect::<Vec<_>>()),
                    Some(said)
                );
            }
        }
    }

    #[test]
    fn anything_else_is_not_a_worker() {
        let complete = ["--parent=1", "--memory=2", "--result=3"];
        assert!(parsed(&complete).is_some());
        for wrong in
            ["--parent=-1", "--memory=2x", "--without=walls", "--help", "x", "--portable=1"]
        {
            assert_eq!(parsed(&[&complete[..], &[wrong]].concat()), None, "{wrong}");
        }
        for missing in 0..complete.len() {
            let mut args = complete.to_vec();
            args.remove(missing);
            assert_eq!(parsed(&args), None, "{args:?}");
        }
    }
}
