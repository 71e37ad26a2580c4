//! What a guardian is told, by its arguments and through its standard input.
//!
//! The environment of the command comes through the pipe. On a command line everyone could read it. And as the guardian's own it
//! could turn against us: an `env_file` is written by the app's user, and its `LD_PRELOAD` would run as root in a guardian that
//! has yet to become that user.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::PathBuf,
    time::Duration,
};

/// First argument of the binary when it must become a guardian.
pub const GUARDIAN_ARGUMENT: &str = "--cuttle-guardian";

/// In place of the numbers of a user: our own.
const OWN_USER: &str = "-";

/// More is no environment: the kernel refuses 2 MiB with most limits of the stack.
const LONGEST_ENVIRONMENT: u64 = 8 << 20;

/// A command, and how it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) folder: PathBuf,
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) stop_within: Duration,
}

impl Orders {
    /// What follows [`GUARDIAN_ARGUMENT`].
    pub(crate) fn to_arguments(&self) -> Vec<OsString> {
        let user = self.user.map_or(OWN_USER.to_owned(), |(uid, gid)| format!("{uid}:{gid}"));
        let stop_within = self.stop_within.as_millis().to_string();
        let mut arguments = vec![user.into(), stop_within.into(), self.folder.clone().into()];
        arguments.push(self.program.clone().into());
        arguments.extend(self.arguments.iter().cloned());
        arguments
    }

    pub(crate) fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let user = arguments.next()?;
        let user = match user.to_str()? {
            OWN_USER => None,
            numbers => {
                let (uid, gid) = numbers.split_once(':')?;
                Some((uid.parse().ok()?, gid.parse().ok()?))
            }
        };
        let stop_within = Duration::from_millis(arguments.next()?.to_str()?.parse().ok()?);
        let (folder, program) = (arguments.next()?.into(), arguments.next()?.into());
        Some(Self { program, arguments: arguments.collect(), folder, user, stop_within })
    }
}

/// Writes the environment: `NAME=VALUE` and a NUL for each, and one NUL more.
pub(crate) fn write_environment(
    to: &mut impl Write,
    variables: &[(OsString, OsString)],
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (name, value) in variables {
        let record = [name.as_bytes(), value.as_bytes()].join(&b'=');
        if name.is_empty() || name.as_bytes().contains(&b'=') || record.contains(&0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} cannot be a variable", name.display()),
            ));
        }
        bytes.extend(record);
        bytes.push(0);
    }
    bytes.push(0);
    to.write_all(&bytes)
}

/// Reads it, and nothing after it.
///
/// # Errors
/// Whoever writes it ended before its end.
pub(crate) fn read_environment(from: impl Read) -> io::Result<Vec<(OsString, OsString)>> {
    let mut bytes = Vec::new();
    let mut from = from.take(LONGEST_ENVIRONMENT);
    let mut buffer = [0; 4096];
    while bytes != [0] && !bytes.ends_with(&[0, 0]) {
        match from.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => bytes.extend(&buffer[..length]),
        }
    }
    let records = bytes.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    let variable = |record: &[u8]| {
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let name = OsStr::from_bytes(&record[..equals]).to_owned();
        Some((name, OsString::from_vec(record[equals + 1..].to_vec())))
    };
    Ok(records.filter_map(variable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(user: Option<(u32, u32)>) -> Orders {
        Orders {
            program: "npx".into(),
            arguments: vec!["next".into(), "-".into(), OsString::from_vec(vec![0xff])],
            folder: "/srv/my shop".into(),
            user,
            stop_within: Duration::from_secs(10),
        }
    }

    #[test]
    fn a_command_survives_the_way() {
        for user in [None, Some((1000, 1001))] {
            let orders = orders(user);
            assert_eq!(Orders::parse(orders.to_arguments().into_iter()), Some(orders));
        }
    }

    #[test]
    fn what_is_not_a_guardians_is_refused() {
        let arguments = orders(None).to_arguments();
        for enough in 0..4 {
            assert_eq!(Orders::parse(arguments[..enough].iter().cloned()), None, "{enough}");
        }
        for (at, wrong) in [(0, "root"), (0, "1"), (0, "1:-1"), (1, "soon")] {
            let mut arguments = arguments.clone();
            arguments[at] = wrong.into();
            assert_eq!(Orders::parse(arguments.into_iter()), None, "{wrong}");
        }
    }

    #[test]
    fn an_environment_survives_the_way_however_it_is_cut() {
        /// Gives a byte at a time.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(&mut buffer[..1])
            }
        }
        let variables = [("A", "1"), ("EMPTY", ""), ("B", "x=y\nz")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        for variables in [&variables[..], &[]] {
            let mut written = Vec::new();
            write_environment(&mut written, variables).expect("written");
            assert_eq!(read_environment(Slow(&written)).expect("read"), variables);
            for length in 0..written.len() {
                let cut = read_environment(&written[..length]);
                assert!(cut.is_err(), "{length} of {}", written.len());
            }
        }
        for wrong in [("A\0B", ""), ("A", "\0"), ("", "x"), ("A=B", "x")] {
            let wrong = [(wrong.0.into(), wrong.1.into())];
            assert!(write_environment(&mut Vec::new(), &wrong).is_err(), "{wrong:?}");
        }
    }
}
