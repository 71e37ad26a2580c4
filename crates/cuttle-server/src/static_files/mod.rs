//! Files of an application that we send ourselves: `.next/static`, and what of `public/` no rule of the application is about.
//!
//! As `next start` would send them, header for header, but for two things that it cannot: a strong entity tag by content, which stays the
//! same over a deploy, and Brotli. Whatever is not certain is no answer here, and the application is asked: what is missing, a
//! method or a body that a file knows nothing about, large text that Next would compress.

mod conditions;
mod contents;
mod file_cache;
mod fixed_headers;
mod media_type;

use std::io::{Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use cuttle_contract::Codings;
use cuttle_source::{OpenFile, StaticFiles};
use futures_util::TryStreamExt as _;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, RANGE, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::respond::{self, Body, CHUNK_BYTES, list};
use conditions::{Sent, sent};
use contents::{Coding, LEAST_COMPRESSED};
pub(crate) use file_cache::FileCache;
use file_cache::Found;

/// The files of the builds that may be running, the last one first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offered {
    of: Arc<[Arc<StaticFiles>]>,
    /// Whether `public/` of the first is certain to be that of the application that runs.
    public: bool,
}

impl Offered {
    pub(crate) fn new(of: impl IntoIterator<Item = Arc<StaticFiles>>, public: bool) -> Self {
        Self { of: of.into_iter().collect(), public }
    }

    /// The answer, if it is a file of these.
    pub(crate) async fn answer<B: hyper::body::Body>(
        &self,
        file_cache: &Arc<FileCache>,
        request: &Request<B>,
    ) -> Option<Response<Body>> {
        let newest = self.of.first()?;
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_read || !request.body().is_end_stream() || request.headers().contains_key(UPGRADE) {
            return None;
        }
        let (number, path) = (newest.number(), request.uri().path());
        if let Some(found) = file_cache.here(number, path) {
            return respond(request, found);
        }
        let (offered, file_cache, path) = (self.clone(), Arc::clone(file_cache), path.to_owned());
        let looking = tokio::task::spawn_blocking(move || offered.look(&file_cache, &path));
        respond(request, looking.await.ok()??)
    }

    fn look(&self, file_cache: &FileCache, path: &str) -> Option<Found> {
        let newest = self.of.first()?;
        let mut found = self.of.iter().enumerate().filter_map(|(n, files)| {
            // Another build's `public/` has the same names for other files.
            Some((files, files.open(path, n == 0 && self.public)?))
        });
        let only = found.next();
        // With a `deploymentId` the name of a build is the same in each, and so is the path of its `_buildManifest.js`, which is not.
        if found.next().is_some() {
            return None;
        }
        let (files, file) = only?;
        file_cache.look(files, path, newest.number(), file).ok()
    }
}

fn respond<B>(request: &Request<B>, found: Found) -> Option<Response<Body>> {
    let Found { seen, contents, file } = found;
    let asked = request.headers();
    let taken = match seen.packed && !asked.contains_key(RANGE) {
        true => Codings::of(list(asked, ACCEPT_ENCODING).as_deref()),
        false => Codings::default(),
    };
    let is_kept = |coding| contents.bytes(coding).is_some();
    let coding = match taken {
        Codings { brotli: true, .. } if is_kept(Coding::Brotli) => Coding::Brotli,
        Codings { gzip: true, .. } if is_kept(Coding::Gzip) => Coding::Gzip,
        // Next compresses it for each request, and we would send it as it is.
        Codings { gzip: true, .. }
            if !is_kept(Coding::Plain) && contents.length >= LEAST_COMPRESSED =>
        {
            return None;
        }
        _ => Coding::Plain,
    };
    let bytes = contents.bytes(coding);
    let length = bytes.map_or(contents.length, |bytes| bytes.len() as u64);
    let tag = seen.etags.then(|| contents.tag(coding));
    let sent = sent(request.method(), asked, tag.as_deref(), seen.modified, length);
    let (status, part) = match sent {
        Sent::Whole => (StatusCode::OK, 0..length),
        Sent::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Sent::Unchanged => (StatusCode::NOT_MODIFIED, 0..0),
        Sent::Changed => (StatusCode::PRECONDITION_FAILED, 0..0),
        Sent::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0..0),
    };
    let is_sent = status.is_success() && *request.method() == Method::GET;
    let body = match (bytes, file) {
        _ if !is_sent => respond::full(""),
        (Some(bytes), _) => respond::full(bytes.slice(in_memory(&part)?)),
        (None, Some(file)) => streamed(file, &part)?,
        (None, None) => return None,
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.clone_from(&seen.headers);
    headers.extend(tag.and_then(|tag| Some((ETAG, tag.try_into().ok()?))));
    let of_part = match status {
        StatusCode::PARTIAL_CONTENT => format!("bytes {}-{}/{length}", part.start, part.end - 1),
        StatusCode::RANGE_NOT_SATISFIABLE => format!("bytes */{length}"),
        _ => String::new(),
    };
    if !of_part.is_empty() {
        headers.insert(CONTENT_RANGE, of_part.try_into().ok()?);
    }
    if status == StatusCode::NOT_MODIFIED {
        headers.remove(CONTENT_TYPE);
        return Some(response);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if !status.is_success() {
        [CONTENT_TYPE, CACHE_CONTROL].iter().for_each(|name| drop(headers.remove(name)));
        return Some(response);
    }
    match coding {
        Coding::Brotli => drop(headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"))),
        Coding::Gzip => drop(headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"))),
        Coding::Plain => {}
    }
    Some(response)
}

fn in_memory(part: &Range<u64>) -> Option<Range<usize>> {
    Some(usize::try_from(part.start).ok()?..usize::try_from(part.end).ok()?)
}

/// At most what was announced, so that a file that grows while it is sent cannot break the framing.
fn streamed(file: OpenFile, part: &Range<u64>) -> Option<Body> {
    let mut file = file.into_file();
    file.seek(SeekFrom::Start(part.start)).ok()?;
    let reader = tokio::fs::File::from_std(file).take(part.end - part.start);
    let frames = ReaderStream::with_capacity(reader, CHUNK_BYTES).map_ok(Frame::data);
    Some(Either::Right(StreamBody::new(frames).boxed_unsync()))
}
