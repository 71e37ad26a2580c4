//! The folder itself: its plain files, and a page for people for each of its directories.

use std::io::BufReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cuttle_contract::LocalPath;
use cuttle_image::{Kind, ProbeError};
use cuttle_source::{FileEntry, Folder, LoadError, OpenFile};
use futures_util::TryStreamExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, StreamBody};
use hyper::body::{Frame, Incoming};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

use crate::Server;
use crate::app::App;
use crate::gallery::{self, Entry, FolderLink, Listing, Unshown};
use crate::respond::{self, Body, CHUNK_BYTES, NOSNIFF, list};
use crate::static_site::{self, Page};

/// More would make a page that nobody scrolls and a listing that takes seconds to probe.
const PICTURES_ON_A_PAGE: usize = 200;
/// Most files of a folder that are opened to see whether they are pictures, and how long that may
/// take, for one page. What is left is counted as omitted.
const FILES_PROBED: usize = 1000;
const PROBING_TIME: Duration = Duration::from_secs(2);
/// Everything but unreserved characters (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a file opened as a page of its own may do: show itself.
const PLAIN_FILE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox",
);

/// A plain file, or the page of a directory.
pub(crate) async fn answer(
    server: &Server,
    app: &App,
    folder: &Arc<Folder>,
    request: &Request<Incoming>,
) -> Response<Body> {
    let Ok(path) = LocalPath::parse(request.uri().path()) else { return respond::not_found() };
    let directory = path.path().ends_with('/');
    let mut segments: Vec<String> = path.segments().map(Into::into).collect();
    if directory {
        segments.pop_if(|last| last.is_empty());
    }
    let (folder, asked, turns) = (Arc::clone(folder), path.clone(), Arc::clone(&server.pages));
    let looked_up =
        tokio::task::spawn_blocking(move || look_up(&folder, &asked, &segments, directory, &turns))
            .await;
    match looked_up {
        Ok(Ok(Found::File(file))) => plain_file(request, &path, file, Whose::Anyone),
        Ok(Ok(Found::Listing(listing))) => page(server, app, &listing),
        Ok(Ok(Found::Elsewhere)) => moved(&format!("{}/", path.path())),
        Ok(Ok(Found::Busy)) => respond::busy(),
        Ok(Ok(Found::OfSite(Page::File(file)))) => plain_file(request, &path, file, Whose::Site),
        Ok(Ok(Found::OfSite(Page::Html(file)))) => plain_file(request, &path, file, Whose::Page),
        Ok(Ok(Found::OfSite(Page::At(path)))) => moved(&path),
        Ok(Ok(Found::OfSite(Page::Missing(file)))) => {
            let mut response = plain_file(request, &path, file, Whose::Page);
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
        Ok(Err(LoadError::Failed(error))) => {
            tracing::warn!(path = path.path(), %error, "a file cannot be read");
            respond::internal()
        }
        Ok(Err(_)) => respond::not_found(),
        Err(_panicked) => respond::internal(),
    }
}

/// Script and style of the page.
pub(crate) fn gallery_asset(app: &App, request: &Request<Incoming>, path: &str) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed();
    }
    let name = path.strip_prefix("/gallery/").unwrap_or_default();
    let Some((media_type, text)) = gallery::asset(name) else { return respond::not_found() };
    own_page(app, media_type, text)
}

enum Found {
    File(OpenFile),
    Listing(Listing),
    /// A directory asked for without its slash: relative links in it would point beside it.
    Elsewhere,
    /// Too many listings are being made.
    Busy,
    OfSite(Page),
}

/// Who wrote a file, as far as its pages and scripts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Anyone,
    /// Whoever has this origin.
    Site,
    /// The same; it is a page, whatever the address looks like.
    Page,
}

fn look_up(
    folder: &Folder,
    path: &LocalPath,
    segments: &[String],
    directory: bool,
    turns: &Arc<Semaphore>,
) -> Result<Found, LoadError> {
    if let Some(page) = static_site::look_up(folder, path, segments, directory)? {
        return Ok(Found::OfSite(page));
    }
    if directory {
        // SECURITY: a listing opens hundreds of files and goes on when its client leaves, so only so many are
        // made at a time; visitors who ask for more would otherwise take every thread that reads files.
        let Ok(_turn) = Arc::clone(turns).try_acquire_owned() else { return Ok(Found::Busy) };
        return listing(folder, segments).map(Found::Listing);
    }
    match folder.open(segments.iter()) {
        Ok(file) => Ok(Found::File(file)),
        Err(LoadError::NotFound) if folder.list(segments.iter()).is_ok() => Ok(Found::Elsewhere),
        Err(error) => Err(error),
    }
}

fn listing(folder: &Folder, segments: &[String]) -> Result<Listing, LoadError> {
    let found = folder.list(segments.iter())?;
    let here = href(segments, true);
    let (mut pictures, mut unshown) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let files = found.files.len();
    let mut probed = 0;
    for file in found.files.into_iter().take(FILES_PROBED) {
        if pictures.len() == PICTURES_ON_A_PAGE || began.elapsed() > PROBING_TIME {
            break;
        }
        probed += 1;
        match entry(folder, segments, &here, &file) {
            Ok(entry) => pictures.push(entry),
            Err(Some(why)) => unshown.push(Unshown { name: file.name, why }),
            Err(None) => {}
        }
    }
    let omitted = files - probed;
    let link = |name: &str, segments: &[String]| FolderLink {
        name: name.to_owned(),
        href: href(segments, true),
    };
    let crumbs = (0..=segments.len())
        .map(|depth| link(if depth == 0 { "" } else { &segments[depth - 1] }, &segments[..depth]))
        .collect();
    let folders = found
        .folders
        .iter()
        .map(|name| FolderLink {
            name: name.clone(),
            href: format!("{here}{}/", utf8_percent_encode(name, ESCAPED)),
        })
        .collect();
    Ok(Listing { folder: here, crumbs, folders, pictures, unshown, omitted })
}

/// A picture of the folder, or why it is none; nothing where nobody would take the file for one.
fn entry(
    folder: &Folder,
    segments: &[String],
    here: &str,
    file: &FileEntry,
) -> Result<Entry, Option<&'static str>> {
    let name = file.name.as_str();
    let is_named_so =
        mime_guess::from_path(name).first().is_some_and(|kind| kind.type_() == "image");
    let if_named_so = |why| is_named_so.then_some(why);
    let href = format!("{here}{}", utf8_percent_encode(name, ESCAPED));
    // A name that no request can ask for, such as one with a line break, would be a dead link.
    LocalPath::parse(&href).map_err(|_| if_named_so("no address can have this name"))?;
    let open = folder.open(segments.iter().map(String::as_str).chain([name]));
    let open = open.map_err(|_| if_named_so("cannot be read: look at its permissions"))?;
    // Signature and dimensions only, in safe Rust: no codec runs in this process.
    let probe =
        cuttle_image::probe(BufReader::new(open.into_file())).map_err(|error| match error {
            ProbeError::Malformed { .. } => Some("broken: its header cannot be read"),
            ProbeError::Unrecognised if file.bytes == 0 => if_named_so("empty"),
            ProbeError::Unrecognised => if_named_so("not an image, whatever its name says"),
            _ => if_named_so("cannot be read"),
        })?;
    let size = probe.display_size().ok_or(match probe.kind {
        Kind::Heic => Some("HEIC, which only Safari shows: save it as JPEG"),
        Kind::Svg => Some("SVG, which is sent as it is"),
        Kind::Pdf => None,
        Kind::Ico | Kind::Icns => Some("an icon, which is sent as it is"),
        Kind::Jxl => Some("JPEG XL, which is sent as it is"),
        _ => Some("of a format that is sent as it is"),
    })?;
    let (bytes, kind) = (file.bytes, probe.kind.name());
    let (width, height) = (size.width, size.height);
    Ok(Entry { name: name.to_owned(), href, bytes, width, height, kind })
}

fn href(segments: &[String], directory: bool) -> String {
    let mut href = String::from("/");
    for (n, segment) in segments.iter().enumerate() {
        href.extend(utf8_percent_encode(segment, ESCAPED));
        if directory || n + 1 < segments.len() {
            href.push('/');
        }
    }
    href
}

fn page(server: &Server, app: &App, listing: &Listing) -> Response<Body> {
    let releases = app.releases();
    let lists = releases.newest().parts.rules.strict_lists();
    let settings = gallery::Settings {
        prefix: app.parts.prefix.clone(),
        widths: lists.widths.to_vec(),
        qualities: lists.qualities.to_vec(),
        formats: lists.formats.iter().map(|format| format.name()).collect(),
        version: server.parts.info.version,
        sandbox_complete: server.parts.info.sandbox_complete,
        workers: server.parts.info.workers,
        address: server.parts.info.address.clone(),
    };
    own_page(app, "text/html; charset=utf-8", gallery::page(listing, &settings))
}

/// Text of our own making, fresh at every visit: the folder may have changed.
fn own_page(app: &App, media_type: &'static str, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let text = text.into();
    let length = text.len();
    let mut response = Response::new(respond::full(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    let policy = gallery::content_security_policy(&app.parts.prefix);
    // A prefix is letters, digits and the like.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// `path` is a canonical one.
fn moved(path: &str) -> Response<Body> {
    let text = "The address of a folder ends with a slash, and the address of a page does not.\n";
    let mut response = respond::sentence(StatusCode::PERMANENT_REDIRECT, "folder", text);
    // SECURITY: a canonical path starts with exactly one slash, so this never names another host.
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn plain_file(
    request: &Request<Incoming>,
    path: &LocalPath,
    file: OpenFile,
    whose: Whose,
) -> Response<Body> {
    let tag = file.validator().entity_tag();
    let modified = file.modified();
    let length = file.len();
    let unchanged = list(request.headers(), IF_NONE_MATCH)
        .is_some_and(|sent| cuttle_contract::etag::matches(&sent, &tag));
    let body = if unchanged || *request.method() == Method::HEAD {
        respond::full("")
    } else {
        streamed(file, length)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    // The names of these change with what is in them.
    let is_hashed = whose == Whose::Site && path.path().contains("/_next/static/");
    let cached =
        if is_hashed { "public, max-age=31536000, immutable" } else { "public, max-age=0" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if let Some(date) =
        modified.and_then(|at| HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok())
    {
        headers.insert(LAST_MODIFIED, date);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let media_type = match whose {
        Whose::Page => mime_guess::mime::TEXT_HTML_UTF_8,
        _ => mime_guess::from_path(path.file_name().as_deref().unwrap_or_default())
            .first_or_octet_stream(),
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(value) = HeaderValue::from_str(media_type.as_ref()) {
        headers.insert(CONTENT_TYPE, value);
    }
    if whose != Whose::Anyone {
        return response;
    }
    // SECURITY: a page, a script, or a drawing with scripts in the folder must not run on this origin. Browsers heed this where
    // somebody goes to the address; what a page of the operator's own loads from here is loaded as before.
    let essence = media_type.essence_str();
    if ["html", "xml", "script"].iter().any(|kind| essence.contains(kind)) {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, PLAIN_FILE_POLICY);
    response
}

/// At most the announced length, so that a file that grows while it is sent cannot break the framing.
fn streamed(file: OpenFile, length: u64) -> Body {
    let reader = tokio::fs::File::from_std(file.into_file()).take(length);
    let frames = ReaderStream::with_capacity(reader, CHUNK_BYTES).map_ok(Frame::data);
    Either::Right(StreamBody::new(frames).boxed_unsync())
}
