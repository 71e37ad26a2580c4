//! What an app prints, as lines. The app never waits for whoever reads them: what nobody takes is dropped, and counted.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

/// Of a line, with the mark of what was cut from it after that.
const LONGEST_LINE: usize = 16 << 10;
const CUT: &str = " … (cut: longer than 16 KiB)";
/// Characters of what is quoted in a message of ours.
const LONGEST_WORDS: usize = 300;
/// With lines of the longest, 4 MiB.
const PENDING_LINES: usize = 256;
/// For the last lines after an end: somebody whom we cannot kill may hold the pipe open.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where a line was printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// A line that an app printed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Where to.
    pub stream: Stream,
    /// Without its end. What is no UTF-8 is replaced.
    pub text: String,
    /// When its end was read.
    pub at: SystemTime,
}

/// Where lines go.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    lines: mpsc::Sender<Line>,
    dropped: Arc<AtomicU64>,
    last: Arc<Mutex<LastWords>>,
}

impl Output {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Line>, Arc<AtomicU64>) {
        let (lines, taken) = mpsc::channel(PENDING_LINES);
        let dropped = Arc::default();
        (Self { lines, dropped: Arc::clone(&dropped), last: Arc::default() }, taken, dropped)
    }

    /// Reads until whoever writes has ended.
    pub(crate) fn read(
        &self,
        stream: Stream,
        mut from: impl AsyncRead + Unpin + Send + 'static,
    ) -> JoinHandle<()> {
        let output = self.clone();
        tokio::spawn(async move {
            let mut assembly = Assembly::default();
            let mut buffer = vec![0; 8 << 10];
            while let Ok(length @ 1..) = from.read(&mut buffer).await {
                assembly.take(&buffer[..length], |text| output.print(stream, text));
            }
            assembly.end(|text| output.print(stream, text));
        })
    }

    fn print(&self, stream: Stream, text: String) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).hear(&text);
        if self.lines.try_send(Line { stream, text, at: SystemTime::now() }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What it said last of an error, or else at all. It is forgotten by this.
    pub(crate) async fn last_words(&self, readers: Vec<JoinHandle<()>>) -> Option<String> {
        for reader in readers {
            let _ = timeout(LAST_LINES, reader).await;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let LastWords { error, any } = std::mem::take(&mut *last);
        error.or(any)
    }
}

/// Why an app ended, if it said so. After Next's `Error: Could not find a production build` come a line of a stack, and an
/// advertisement of npm's.
#[derive(Debug, Default)]
struct LastWords {
    error: Option<String>,
    any: Option<String>,
}

impl LastWords {
    fn hear(&mut self, line: &str) {
        let line = line.trim();
        if !line.is_empty() {
            let words: String = line.chars().take(LONGEST_WORDS).collect();
            let error = words.to_ascii_lowercase().contains("error");
            *(if error { &mut self.error } else { &mut self.any }) = Some(words);
        }
    }
}

/// Makes lines of pieces.
#[derive(Debug, Default)]
struct Assembly {
    line: Vec<u8>,
    cut: bool,
}

impl Assembly {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(String)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) =
                piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let room = LONGEST_LINE - self.line.len();
            self.cut |= text.len() > room;
            self.line.extend(&text[..text.len().min(room)]);
            if ends {
                each(self.finish());
            }
        }
    }

    /// The last line may have no end.
    fn end(&mut self, each: impl FnOnce(String)) {
        if !self.line.is_empty() {
            each(self.finish());
        }
    }

    fn finish(&mut self) -> String {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let mut text = String::from_utf8_lossy(line).into_owned();
        if self.cut {
            text.push_str(CUT);
        }
        self.line.clear();
        self.cut = false;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], piece: usize) -> Vec<String> {
        let (mut assembly, mut lines) = (Assembly::default(), Vec::new());
        for bytes in bytes.chunks(piece) {
            assembly.take(bytes, |line| lines.push(line));
        }
        assembly.end(|line| lines.push(line));
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let long = [vec![b'x'; LONGEST_LINE + 1], b"\nafter\n".to_vec()].concat();
        let just = "x".repeat(LONGEST_LINE);
        let cut = format!("{just}{CUT}");
        for (bytes, expected) in [
            (&b"one\ntwo\r\n\nthree"[..], vec!["one", "two", "", "three"]),
            (b"", vec![]),
            (b"\xff\xfe\x00ok \xc3\xbc\n", vec!["\u{fffd}\u{fffd}\0ok ü"]),
            (&long, vec![&cut, "after"]),
            (&long[1..], vec![&just, "after"]),
        ] {
            for piece in [1, 3, 4096, 1 << 20] {
                assert_eq!(lines(bytes, piece), expected, "in pieces of {piece}");
            }
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_reader_and_what_is_dropped_is_counted() {
        let (output, mut taken, dropped) = Output::new();
        let many = "line\n".repeat(PENDING_LINES + 7) + "\n";
        let reader = output.read(Stream::Out, std::io::Cursor::new(many));
        assert_eq!(output.last_words(vec![reader]).await.as_deref(), Some("line"));
        assert_eq!(dropped.load(Ordering::Relaxed), 8);
        assert_eq!(taken.len(), PENDING_LINES);
        assert_eq!(taken.recv().await.expect("a line").stream, Stream::Out);
        assert_eq!(output.last_words(vec![]).await, None, "it is told once");
    }

    #[test]
    fn an_error_is_quoted_rather_than_what_follows_it() {
        let mut last = LastWords::default();
        for line in
            ["Error: one", "  TypeError: two  ", "    at ignore-listed frames", "", "npm notice"]
        {
            last.hear(line);
        }
        assert_eq!(last.error.as_deref(), Some("TypeError: two"));
        assert_eq!(last.any.as_deref(), Some("npm notice"));
        last.hear(&"ü".repeat(LONGEST_LINE));
        assert_eq!(last.any.expect("a line").chars().count(), LONGEST_WORDS);
    }
}
