//! What the live table is written on: a screen of its own, so that whatever a person had on the terminal is there afterwards.
//!
//! No mode of the terminal is changed that a shell would miss; what is changed is changed back however the command ends, short
//! of SIGKILL.

use std::io::{self, Write as _};

use rustix::termios::tcgetwinsize;

/// The other screen, without a cursor that jumps about.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The terminal, until it is dropped. Then what was shown last stands where the command was typed.
pub(super) struct Screen {
    shown: String,
}

impl Screen {
    /// # Errors
    /// There is no terminal any more.
    pub(super) fn open() -> io::Result<Self> {
        put(ENTER)?;
        Ok(Self { shown: String::new() })
    }

    /// Shows `text` and nothing else.
    ///
    /// # Errors
    /// There is no terminal any more.
    pub(super) fn show(&mut self, text: String) -> io::Result<()> {
        self.shown = text;
        self.again()
    }

    /// What was shown last, as it fits now.
    ///
    /// # Errors
    /// There is no terminal any more.
    pub(super) fn again(&self) -> io::Result<()> {
        // Zero is what a terminal says that does not know.
        let known = |size: u16| if size == 0 { usize::MAX } else { usize::from(size) };
        let (rows, columns) = tcgetwinsize(io::stdout())
            .map_or((usize::MAX, usize::MAX), |size| (known(size.ws_row), known(size.ws_col)));
        put(&fitted(&self.shown, rows, columns))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = put(&format!("{LEAVE}{}", self.shown));
    }
}

/// From the first line on, over what was there: erasing all of it first would flicker.
fn fitted(text: &str, rows: usize, columns: usize) -> String {
    let cut = |line: &str| line.chars().take(columns).collect::<String>();
    let lines: Vec<_> =
        text.lines().take(rows).map(|line| format!("\x1b[2K{}", cut(line))).collect();
    // On the next line, if there is one: a line as wide as the terminal leaves the cursor on its last letter.
    let rest = if lines.len() < rows { "\r\n\x1b[J" } else { "" };
    format!("\x1b[H{}{rest}", lines.join("\r\n"))
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_and_never_scrolls() {
        let text = "one two\nthree\nfour\n";
        assert_eq!(fitted(text, 2, 5), "\x1b[H\x1b[2Kone t\r\n\x1b[2Kthree");
        let all = fitted(text, usize::MAX, usize::MAX);
        assert!(all.contains("one two") && all.ends_with("four\r\n\x1b[J"), "{all:?}");
    }
}
