//! Purges that versions of the tables tell each other, one JSON object a line in the file `purges` between their subfolders.
//!
//! Its form is for good: versions to come write and read it too. What a version cannot read it takes for a purge of everything, and so
//! it does when lines are gone that it has not heard of. Only written where there is another version's subfolder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::disk::lock::lock;
use crate::purge::now_ms;
use crate::{Purge, Scope};

const FILE: &str = "purges";

/// Lines that are kept at most. When there are more, the older half becomes one purge of everything.
const MOST: usize = 1024;

/// A purge, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Grows from line to line.
    pub(crate) number: i64,
    /// The subfolder of whoever announced it.
    pub(crate) layout: String,
    pub(crate) purge: Purge,
}

/// As it is written. Neither source nor prefix: everything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: i64,
    layout: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<Box<str>>,
}

/// Which state of the file it is: file, length, time of its last change.
pub(crate) type Stamp = (u64, u64, SystemTime);

pub(crate) fn stamp(base: &Path) -> Option<Stamp> {
    let found = fs::metadata(base.join(FILE)).ok()?;
    Some((found.ino(), found.len(), found.modified().ok()?))
}

/// Every line, in its order.
pub(crate) fn read(base: &Path) -> io::Result<Vec<Announced>> {
    match fs::read(base.join(FILE)) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Adds a purge. When it returns, it is on the disk.
pub(crate) fn append(base: &Path, layout: &str, purge: &Purge) -> io::Result<()> {
    let mut file = locked(base)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut lines = parse(&bytes);
    let last = lines.last().map_or(0, |last| last.number);
    let number = now_ms().max(last + 1);
    let (layout, purge) = (layout.to_owned(), purge.clone());
    lines.push(Announced { number, layout, purge });
    if lines.len() > MOST || bytes.last().is_some_and(|last| *last != b'\n') {
        return replace(base, &shorten(lines));
    }
    file.seek(io::SeekFrom::End(0))?;
    file.write_all(written(&lines[lines.len() - 1..]).as_bytes())?;
    file.sync_data()
}

/// The file, once it is the one at its place that is locked: it may have been replaced while the lock was waited for.
fn locked(base: &Path) -> io::Result<File> {
    let path = base.join(FILE);
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(&path)?;
        lock(&file)?;
        if fs::metadata(&path)
            .is_ok_and(|now| file.metadata().is_ok_and(|it| it.ino() == now.ino()))
        {
            return Ok(file);
        }
    }
}

fn replace(base: &Path, lines: &[Announced]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(base)?;
    file.write_all(written(lines).as_bytes())?;
    file.as_file().sync_data()?;
    file.persist(base.join(FILE)).map_err(|error| error.error)?;
    Ok(())
}

/// The newer half, after a purge of everything where there were more.
fn shorten(mut lines: Vec<Announced>) -> Vec<Announced> {
    if lines.len() > MOST {
        let newer = lines.split_off(lines.len() - MOST / 2);
        let number = lines.last().map_or(0, |last| last.number);
        let everything = Announced { number, layout: String::new(), purge: Purge::EVERYTHING };
        lines = [everything].into_iter().chain(newer).collect();
    }
    lines
}

fn parse(bytes: &[u8]) -> Vec<Announced> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut last = 0;
    let announced = lines.map(|line| {
        let read = serde_json::from_slice(line).ok().filter(|line: &Line| line.number > last);
        let announced = match read {
            Some(Line { number, layout, app, source, prefix }) => {
                let scope = match (source, prefix) {
                    (Some(source), None) => Scope::Source(source),
                    (None, Some(prefix)) => Scope::Prefix(prefix),
                    _ => Scope::All,
                };
                Announced { number, layout, purge: Purge { application: app, scope } }
            }
            None => {
                let layout = String::new();
                Announced { number: last + 1, layout, purge: Purge::EVERYTHING }
            }
        };
        last = announced.number;
        announced
    });
    announced.collect()
}

fn written(lines: &[Announced]) -> String {
    let line = |Announced { number, layout, purge: Purge { application, scope } }: &Announced| {
        let (source, prefix) = match scope {
            Scope::All => (None, None),
            Scope::Source(text) => (Some(text.clone()), None),
            Scope::Prefix(text) => (None, Some(text.clone())),
        };
        let (number, layout, app) = (*number, layout.clone(), application.clone());
        let line = serde_json::to_string(&Line { number, layout, app, source, prefix });
        // Numbers and texts alone: it cannot fail, and a line that cannot be read purges everything.
        line.map_or_else(|_| "?\n".to_owned(), |line| line + "\n")
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purges(base: &Path) -> Vec<Purge> {
        read(base).expect("readable").into_iter().map(|it| it.purge).collect()
    }

    #[test]
    fn what_is_written_is_read_and_numbers_grow() {
        let base = tempfile::tempdir().expect("a folder");
        let some = [
            Purge { application: Some("shop".into()), scope: Scope::All },
            Scope::Source("/a\n{\"b\"}.jpg".into()).into(),
            Scope::Prefix("/ü/".into()).into(),
            Purge::EVERYTHING,
        ];
        for purge in &some {
            append(base.path(), "layout-5.1", purge).expect("it can be written");
        }
        assert_eq!(purges(base.path()), some);
        let all = read(base.path()).expect("readable");
        assert!(all.is_sorted_by(|one, next| one.number < next.number));
    }

    #[test]
    fn what_cannot_be_read_is_a_purge_of_everything() {
        let base = tempfile::tempdir().expect("a folder");
        let file = base.path().join(FILE);
        for wrong in [
            "nonsense\n",
            "{\"number\":7,\"layout\":\"layout-9.1\",\"tag\":\"of a version to come\"}\n",
            "{\"number\":-1,\"layout\":\"\"}\n",
            // A write that a power cut left undone.
            "{\"number\":7,\"lay",
        ] {
            fs::write(&file, wrong).expect("ours");
            assert_eq!(purges(base.path()), [Purge::EVERYTHING], "{wrong}");
            append(base.path(), "layout-5.1", &Scope::Source("/a".into()).into()).expect("written");
            let all = [Purge::EVERYTHING, Scope::Source("/a".into()).into()];
            assert_eq!(purges(base.path()), all, "{wrong}");
        }
    }

    #[test]
    fn whoever_missed_lines_that_are_gone_purges_everything() {
        let base = tempfile::tempdir().expect("a folder");
        let purge = |number: usize| Purge::from(Scope::Source(format!("/{number}").into()));
        for number in 0..=MOST {
            append(base.path(), "layout-5.1", &purge(number)).expect("it can be written");
        }
        let all = read(base.path()).expect("readable");
        assert_eq!(all.len(), MOST / 2 + 1);
        assert_eq!(all[0].purge, Purge::EVERYTHING);
        assert_eq!(all[1].purge, purge(MOST / 2 + 1));
        assert!(all[0].number < all[1].number);
    }
}
