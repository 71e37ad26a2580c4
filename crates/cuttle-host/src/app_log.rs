//! What applications that we run print: in our log by their names, and each in a bounded file that `cuttle logs` reads.

use std::path::Path;

use cuttle_supervise::{Line, LogFile, Stream};
use httpdate::fmt_http_date;
use tokio::sync::mpsc::Receiver;

/// The file of an application. SECURITY: an id is a text, and one with slashes must not lead elsewhere.
#[must_use]
pub fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    format!("{}.log", id.chars().map(plain).collect::<String>())
}

/// Where the lines of one application go.
#[derive(Debug)]
pub(crate) struct AppLog {
    id: String,
    /// Nothing where there is no state directory, or its disk is full.
    file: Option<LogFile>,
}

impl AppLog {
    /// The file of this application in `folder`, which is made if it is not there.
    pub(crate) fn open(id: &str, folder: Option<&Path>) -> Self {
        let file = folder.and_then(|folder| {
            let opened = LogFile::open(folder.join(file_name(id)));
            let said = |error: &std::io::Error| {
                tracing::warn!(app = id, %error, "what the app prints is in our log only");
            };
            opened.inspect_err(said).ok()
        });
        Self { id: id.to_owned(), file }
    }

    fn take(&mut self, line: &Line) {
        let Self { id, file } = self;
        let (name, text) = match line.stream {
            Stream::Error => ("err", &line.text),
            _ => ("out", &line.text),
        };
        tracing::info!(target: "cuttle::app", app = %id, stream = name, "{text}");
        let Some(log) = file else { return };
        let at = fmt_http_date(line.at);
        if let Err(error) = log.append(&format!("{at} {name} {text}")) {
            tracing::warn!(app = %id, %error, "what the app prints is in our log only from now on");
            *file = None;
        }
    }
}

/// Until the application prints nothing any more.
pub(crate) async fn keep(mut lines: Receiver<Line>, mut log: AppLog) {
    while let Some(line) = lines.recv().await {
        log.take(&line);
    }
}
