//! A real browser, as far as tests need one: it loads a page, runs its script, and says what became of the document.

use std::process::Command;

/// Debian's name first, then what other systems call it.
pub(crate) const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The document at `url` after its script has run; `args` are the browser's own.
///
/// # Panics
/// Where there is no browser, or it fails.
#[must_use]
pub fn visited(url: &str, args: &[&str]) -> String {
    let profile = tempfile::tempdir().expect("a temporary folder");
    for browser in BROWSERS {
        let output = Command::new(browser)
            .args(["--headless=new", "--disable-gpu", "--no-sandbox", "--dump-dom"])
            // Virtual time runs on until nothing is pending, so the page is done however slow we are.
            .args(["--virtual-time-budget=20000", "--window-size=1400,2000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(args)
            .arg(url)
            .output();
        if let Ok(output) = output {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
    }
    panic!("no browser: install one of {BROWSERS:?} (Debian: apt-get install chromium)");
}
