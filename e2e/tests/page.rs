//! The page for people, in a real browser: its script runs under its own content security policy and
//! shows every picture.

use std::process::Command;

use cuttle_e2e::{Server, folder_with_a_photo, photo, place};

/// Debian's name first, then what other systems call it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The document after its script has run.
fn visited(url: &str) -> String {
    let profile = tempfile::tempdir().expect("a temporary folder");
    for browser in BROWSERS {
        let output = Command::new(browser)
            .args(["--headless=new", "--disable-gpu", "--no-sandbox", "--dump-dom"])
            // Virtual time runs on until nothing is pending, so the page is done however slow we are.
            .args(["--virtual-time-budget=20000", "--window-size=1400,2000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .output();
        if let Ok(output) = output {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
    }
    panic!("no browser: install one of {BROWSERS:?} (Debian: apt-get install chromium)");
}

#[test]
fn every_picture_is_shown_and_counted() {
    let folder = folder_with_a_photo();
    place(folder.path(), "second.jpg", &photo(640, 480, 2));
    place(folder.path(), "broken.jpg", &photo(640, 480, 3)[..4000]);
    let server = Server::start(folder.path());
    let document = visited(&format!("http://{}/", server.address));
    assert!(document.contains("data-ready=\"3\""), "{document}");
    assert!(
        document.contains("data-failed=\"0\"") || !document.contains("data-failed"),
        "{document}"
    );
    assert!(document.contains("original"), "the one that could not be converted says so");
    let formats: Vec<_> =
        server.log().into_iter().filter(|event| event["endpoint"] == "strict").collect();
    assert!(formats.len() >= 3, "the script asked the strict endpoint: {formats:#?}");
}
