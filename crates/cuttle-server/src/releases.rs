//! The releases of the application that may be running, and what each of them allows: one, and while a deploy is under way
//! also those before it, whose pages are open still.
//!
//! Replaced as a whole, so that a request is judged by one state of it from its beginning to its end. Which releases may be
//! running is not decided here.

use std::sync::Arc;
use std::time::SystemTime;

use cuttle_contract::disposition::Disposition;
use cuttle_contract::{Contract, ImageRequest, NextContract, Refusal, Rules, StrictContract};
use cuttle_pipeline::Site;
use cuttle_source::StaticFiles;
use http::{HeaderMap, HeaderValue};

use crate::static_files::Offered;

/// What a [`Release`] is made of.
#[derive(Debug)]
pub struct ReleaseParts {
    /// What both endpoints allow.
    pub rules: Arc<Rules>,
    /// `/_next/image`; `None` where the application has none.
    pub next: Option<NextEndpoint>,
    /// A version that is one of these is true of its own files.
    pub names: Vec<String>,
    /// Its pictures.
    pub site: Arc<Site>,
    /// Its files, where we send them.
    pub files: Option<Arc<StaticFiles>>,
}

/// Where `/_next/image` is, and the headers that an application may choose for it.
#[derive(Debug, Clone)]
pub struct NextEndpoint {
    /// With the base path, without a trailing slash.
    pub path: String,
    /// `Content-Security-Policy` of a picture.
    pub policy: HeaderValue,
    /// `Content-Disposition` of a picture.
    pub shown: Disposition,
    /// On every answer, refusals included, and in no key.
    pub headers: HeaderMap,
}

impl Default for NextEndpoint {
    /// Next's own defaults.
    fn default() -> Self {
        Self {
            path: "/_next/image".to_owned(),
            policy: HeaderValue::from_static("script-src 'none'; frame-src 'none'; sandbox;"),
            shown: Disposition::Attachment,
            headers: HeaderMap::new(),
        }
    }
}

/// One release.
#[derive(Debug)]
pub struct Release {
    next: NextContract,
    strict: StrictContract,
    pub(crate) parts: ReleaseParts,
}

/// All of them.
#[derive(Debug)]
pub struct Releases {
    newest: Release,
    earlier: Vec<Release>,
    /// Which one is running is certain.
    settled: bool,
    files: Offered,
}

impl Release {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: ReleaseParts) -> Self {
        let (next, strict) = (NextContract::new(&parts.rules), StrictContract::new(&parts.rules));
        Self { next, strict, parts }
    }

    /// What `/_next/image` is here.
    pub(crate) fn next_endpoint(&self, path: &str) -> Option<&NextEndpoint> {
        let next = self.parts.next.as_ref()?;
        // Both spellings directly: Next's 308 between them costs a round trip a picture.
        (path.strip_suffix('/').unwrap_or(path) == next.path).then_some(next)
    }

    /// What an application chose for the pictures of `/_next/image`.
    pub(crate) fn next_headers(&self) -> (HeaderValue, Disposition) {
        let chosen = |next: &NextEndpoint| (next.policy.clone(), next.shown);
        self.parts.next.as_ref().map_or_else(|| chosen(&NextEndpoint::default()), chosen)
    }

    /// What it chose for all answers of it.
    pub(crate) fn shared_headers(&self) -> HeaderMap {
        self.parts.next.as_ref().map_or_else(HeaderMap::new, |next| next.headers.clone())
    }

    fn answers(&self, contract: Contract, path: &str) -> bool {
        contract == Contract::Strict || self.next_endpoint(path).is_some()
    }

    fn parse(
        &self,
        contract: Contract,
        query: &str,
        accept: Option<&str>,
    ) -> Result<ImageRequest, Refusal> {
        match contract {
            Contract::Next => self.next.parse(query, accept),
            Contract::Strict => self.strict.parse(query, accept),
        }
    }
}

impl Releases {
    /// `settled` if the one that is running is certain to be `newest`.
    #[must_use]
    pub fn new(newest: Release, earlier: Vec<Release>, settled: bool) -> Self {
        let all = std::iter::once(&newest).chain(&earlier);
        let files = Offered::new(all.filter_map(|it| it.parts.files.clone()), settled);
        Self { newest, earlier, settled, files }
    }

    /// The files of all of them that we send.
    pub(crate) fn files(&self) -> &Offered {
        &self.files
    }

    /// The last one.
    pub(crate) fn newest(&self) -> &Release {
        &self.newest
    }

    /// Whether `version` names the release that is running, so that nothing under that name can change.
    pub(crate) fn is_named_by(&self, version: &str) -> bool {
        self.settled && self.newest.parts.names.iter().any(|name| name == version)
    }

    /// Whether `/_next/image` of any of them is at `path`.
    pub(crate) fn have_next_endpoint(&self, path: &str) -> bool {
        self.all().any(|release| release.next_endpoint(path).is_some())
    }

    /// By the first release that allows it; refused in the words of the first that is asked.
    pub(crate) fn parse(
        &self,
        contract: Contract,
        path: &str,
        query: &str,
        accept: Option<&str>,
    ) -> Result<(&Release, ImageRequest), Refusal> {
        let mut refused = None;
        for release in self.all().filter(|release| release.answers(contract, path)) {
            match release.parse(contract, query, accept) {
                Ok(asked) => return Ok((release, asked)),
                Err(refusal) => drop(refused.get_or_insert(refusal)),
            }
        }
        match refused {
            Some(refusal) => Err(refusal),
            None => self.newest.parse(contract, query, accept).map(|asked| (&self.newest, asked)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Release> {
        std::iter::once(&self.newest).chain(&self.earlier)
    }

    /// From now on nothing that these say is kept.
    pub(crate) fn retire(&self) {
        self.all().for_each(|release| release.parts.site.retire());
    }

    /// What was confirmed until `since` is asked about again.
    pub(crate) fn begin(&self, since: SystemTime) {
        self.all().for_each(|release| release.parts.site.begin(since));
    }
}
