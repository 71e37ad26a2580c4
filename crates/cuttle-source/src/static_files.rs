//! Which files of a build are the answer to a request for them: `.next/static`, and `public/` at the base path.
//!
//! Only where the application would have sent the file to anyone. Whatever a middleware, a redirect or a rewrite may say something
//! about is not found here, nor is what is hidden, what a link leads outside for, and what may not be whole yet. Then the
//! application is asked, and nobody sees a difference.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cuttle_contract::LocalPath;
use http::HeaderMap;

use crate::{Coverage, Folder, OpenFile};

/// A file that was written within this time may be one that is being written.
const WRITTEN: Duration = Duration::from_secs(2);
/// Below it Next says something else of a file than below the rest of `.next/static`: how long it is kept, and what it may serve.
const SERVICE_WORKERS: &str = "/_next/static/service-worker";

/// Those of one build.
pub struct StaticFiles {
    /// Of no other.
    number: u64,
    base_path: Box<str>,
    /// `.next/static`, as it was when the build was read.
    built: Option<Arc<Folder>>,
    public: Option<Arc<Folder>>,
    coverage: Coverage,
    etags: bool,
    compress: bool,
}

/// What a build says of how its files are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) etags: bool,
    pub(crate) compress: bool,
}

/// A file that is the answer.
#[derive(Debug)]
pub struct StaticFile {
    /// It.
    pub file: OpenFile,
    /// What the application's `headers()` say.
    pub headers: HeaderMap,
    /// Its name changes with what is in it.
    pub hashed: bool,
}

impl fmt::Debug for StaticFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, base_path) = (self.number, &self.base_path);
        f.debug_struct("StaticFiles")
            .field("number", &number)
            .field("base_path", base_path)
            .finish_non_exhaustive()
    }
}

impl StaticFiles {
    pub(crate) fn new(
        base_path: &str,
        [built, public]: [Option<Arc<Folder>>; 2],
        coverage: Coverage,
        Manner { etags, compress }: Manner,
    ) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let base_path = base_path.trim_end_matches('/').into();
        Self { number, base_path, built, public, coverage, etags, compress }
    }

    /// Tells these from all others of this process.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether files have entity tags (`generateEtags`).
    #[must_use]
    pub fn etags(&self) -> bool {
        self.etags
    }

    /// Whether text is sent compressed (`compress`).
    #[must_use]
    pub fn compress(&self) -> bool {
        self.compress
    }

    /// The file that `written`, the path of a request, names: of `.next/static`, or of `public/` where `public` says that it is the one of
    /// the application that runs. Blocks.
    #[must_use]
    pub fn open(&self, written: &str, public: bool) -> Option<StaticFile> {
        let path = LocalPath::parse(written).ok().filter(|path| is_plain(written, path))?;
        let below = path.path().strip_prefix(&*self.base_path).filter(|it| it.starts_with('/'))?;
        let hashed = below.starts_with("/_next/static/");
        // What else is there is the application's own.
        if below.starts_with(SERVICE_WORKERS) || !hashed && below.starts_with("/_next/") {
            return None;
        }
        let (folder, above) = match hashed {
            true => (self.built.as_ref()?, 2),
            false => (self.public.as_ref().filter(|_| public)?, 0),
        };
        let above = above + self.base_path.matches('/').count();
        let file = folder.open(path.segments().skip(above)).ok()?;
        let age = file.modified().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age < WRITTEN) {
            return None;
        }
        // SECURITY: after the file was found, so that the text that a backtracking engine gets is the name of a file.
        let headers = self.coverage.headers_of_file(written)?;
        Some(StaticFile { file, headers, hashed })
    }
}

/// SECURITY: whether a path has no other segments than its canonical form. Of what is written otherwise nobody knows which path
/// the application's rules would see.
fn is_plain(written: &str, path: &LocalPath) -> bool {
    let segments = |path: &str| path.matches('/').count();
    segments(written) == segments(path.path()) && !path.path().ends_with('/')
}

#[cfg(test)]
#[path = "static_files_tests.rs"]
mod tests;
