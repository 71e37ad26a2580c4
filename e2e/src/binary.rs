//! The binary that is tested: of the code as it is now, as a test of yesterday's proves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use crate::machine::shared;

/// Where it is. It is built if it is older than its sources, once for a whole run: `scripts/test` builds it before. Whoever has
/// it shares the machine with other tests, until his own ends.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn binary() -> PathBuf {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let found = beside_the_tests().filter(|binary| !is_older_than_its_sources(binary));
        found.unwrap_or_else(|| {
            build();
            beside_the_tests().expect("the binary is in the folder above the tests")
        })
    });
    shared();
    BINARY.clone()
}

fn beside_the_tests() -> Option<PathBuf> {
    let test = PathBuf::from(std::env::args_os().next()?);
    test.ancestors().map(|folder| folder.join("cuttle")).find(|path| path.is_file())
}

/// cargo writes beside a binary which files it was made of. What of these cannot be read may have moved.
fn is_older_than_its_sources(binary: &Path) -> bool {
    let Ok(list) = fs::read_to_string(binary.with_extension("d")) else { return true };
    let Some((_, sources)) = list.split_once(": ") else { return true };
    let time = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = time(binary);
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let sources = sources.split_whitespace().map(PathBuf::from);
    sources.chain([lock]).any(|source| time(&source).is_none() || time(&source) > built)
}

fn build() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/build");
    let built = Command::new(script).arg("--quiet").status();
    assert!(built.is_ok_and(|status| status.success()), "the binary does not build");
}
