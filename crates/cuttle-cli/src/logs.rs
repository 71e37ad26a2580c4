//! `cuttle logs`: what applications print that the server runs, from the files in its state directory.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use cuttle_host::{Layers, StateDir, app_log_name, read_only};
use httpdate::parse_http_date;

use crate::args::Logs;
use crate::failure::Failure;
use crate::say::{is_read, say};

/// Between looks at the files, while more is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Of the time at the beginning of a line.
const TIME_BYTES: usize = "Sun, 29 Nov 2026 21:38:41 GMT".len();

/// Prints, and with `--follow` goes on.
///
/// # Errors
/// There is no such log.
pub(crate) fn run(logs: &Logs) -> Result<ExitCode, Failure> {
    let state_dir = logs.state_dir.as_ref().map(|dir| ("state-dir", dir.display().to_string()));
    let flags = state_dir.into_iter().collect();
    let layers = Layers { config: logs.config.clone(), flags, ..Layers::default() };
    let config = read_only(&layers)?;
    let state = StateDir::of(&config).map_err(|error| Failure::Argument(error.to_string()))?;
    let folder = state.logs_of_server().filter(|folder| folder.is_dir());
    let folder = folder.ok_or(Failure::NoLogs)?;
    let since = logs.since.as_deref().map(since).transpose()?;
    let mut files = files(&folder, logs.app.as_deref())?;
    let mut lines: Vec<(SystemTime, String)> = Vec::new();
    for file in &mut files {
        let old = PathBuf::from(format!("{}.1", file.path.display()));
        if let Ok(old) = File::open(old) {
            lines.extend(
                BufReader::new(old).lines().map_while(Result::ok).map(|it| file.timed(&it)),
            );
        }
        lines.extend(file.news().into_iter().map(|line| file.timed(&line)));
    }
    lines.sort_by_key(|(at, _)| *at);
    for (_, line) in lines.iter().filter(|(at, _)| since.is_none_or(|since| *at >= since)) {
        say(format_args!("{line}\n"))?;
    }
    if logs.follow { follow(&mut files) } else { Ok(ExitCode::SUCCESS) }
}

/// Until somebody ends it, or nobody reads it.
fn follow(files: &mut [Growing]) -> Result<ExitCode, Failure> {
    loop {
        for file in &mut *files {
            for line in file.news() {
                let (_, line) = file.timed(&line);
                if !is_read(format_args!("{line}\n"))? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn since(text: &str) -> Result<SystemTime, Failure> {
    let wrong =
        || Failure::Argument(format!("--since is {text:?}, which is no time; write --since 10m"));
    let time = cuttle_config::parse_duration(text).ok_or_else(wrong)?;
    Ok(SystemTime::now().checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH))
}

/// A file that is read as it grows, also when it begins anew.
struct Growing {
    path: PathBuf,
    /// What its lines begin with, where there are several.
    name: Option<String>,
    reader: Option<BufReader<File>>,
    inode: u64,
}

fn files(folder: &Path, app: Option<&str>) -> Result<Vec<Growing>, Failure> {
    let cannot = |error: io::Error| Failure::Read { path: folder.to_owned(), error };
    let mut names: Vec<String> = fs::read_dir(folder)
        .map_err(cannot)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".log"))
        .collect();
    names.sort();
    if let Some(app) = app {
        let known: Vec<_> = names.iter().map(|name| name.trim_end_matches(".log")).collect();
        let known = known.join(", ");
        names.retain(|name| *name == app_log_name(app));
        if names.is_empty() {
            return Err(Failure::Argument(format!(
                "there is no log of an app {app:?}; there is {known}"
            )));
        }
    }
    if names.is_empty() {
        return Err(Failure::NoLogs);
    }
    let several = names.len() > 1;
    let growing = |name: String| Growing {
        path: folder.join(&name),
        name: several.then(|| name.trim_end_matches(".log").to_owned()),
        reader: None,
        inode: 0,
    };
    Ok(names.into_iter().map(growing).collect())
}

impl Growing {
    /// The lines that were added since.
    fn news(&mut self) -> Vec<String> {
        use std::os::unix::fs::MetadataExt as _;
        let mut lines = Vec::new();
        self.read(&mut lines);
        let now = fs::metadata(&self.path).map_or(0, |found| found.ino());
        if self.reader.is_none() || now != self.inode {
            self.reader = File::open(&self.path).ok().map(BufReader::new);
            self.inode = now;
            self.read(&mut lines);
        }
        lines
    }

    fn read(&mut self, lines: &mut Vec<String>) {
        let Some(reader) = &mut self.reader else { return };
        loop {
            let mut line = Vec::new();
            // Each line was one write, so none is half there.
            match reader.read_until(b'\n', &mut line) {
                Ok(read) if read > 0 => {
                    lines.push(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned());
                }
                _ => return,
            }
        }
    }

    /// A line with its time, and with the name of its application where there are several.
    fn timed(&self, line: &str) -> (SystemTime, String) {
        let at = line.get(..TIME_BYTES).and_then(|time| parse_http_date(time).ok());
        let line = match &self.name {
            Some(name) => format!("{name}  {line}"),
            None => line.to_owned(),
        };
        (at.unwrap_or(SystemTime::UNIX_EPOCH), line)
    }
}
