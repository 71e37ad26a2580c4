//! An exported site (`output: "export"` of Next): where the folder itself has an `index.html`, pages are pages, with clean addresses.
//!
//! SECURITY: there is no page of ours then, and the origin is the site's. In any other folder a page that somebody put there is a stranger on
//! our page's origin, and stays an attachment.

use cuttle_contract::LocalPath;
use cuttle_source::{Folder, LoadError, OpenFile};

const INDEX: &str = "index.html";
const NOT_FOUND: &str = "404.html";

/// What a site has at an address.
pub(crate) enum Page {
    /// This file, under its own name.
    File(OpenFile),
    /// This page, whatever the address looks like.
    Html(OpenFile),
    /// The page is there, with a slash at the end or without one.
    At(String),
    /// The site's own page for what is not there.
    Missing(OpenFile),
}

/// What is at `path`; nothing where the folder is no site.
pub(crate) fn look_up(
    folder: &Folder,
    path: &LocalPath,
    segments: &[String],
    directory: bool,
) -> Result<Option<Page>, LoadError> {
    let at = |segments: &[String]| found(folder.open(segments.iter()));
    let Some(home) = at(&[INDEX.to_owned()])? else { return Ok(None) };
    let inside = || at(&[segments, &[INDEX.to_owned()]].concat());
    let beside = || match segments.split_last() {
        Some((last, before)) => at(&[before, &[format!("{last}.html")]].concat()),
        None => Ok(None),
    };
    let page = match directory {
        _ if segments.is_empty() => Some(Page::Html(home)),
        true => match inside()? {
            Some(file) => Some(Page::Html(file)),
            None => beside()?.map(|_| Page::At(path.path().trim_end_matches('/').to_owned())),
        },
        false => match (at(segments)?, beside()?) {
            (Some(file), _) => Some(Page::File(file)),
            (None, Some(file)) => Some(Page::Html(file)),
            (None, None) => inside()?.map(|_| Page::At(format!("{}/", path.path()))),
        },
    };
    match page {
        Some(page) => Ok(Some(page)),
        None => match at(&[NOT_FOUND.to_owned()])? {
            Some(file) => Ok(Some(Page::Missing(file))),
            None => Err(LoadError::NotFound),
        },
    }
}

/// Not to be there is an answer; not to be readable is none.
fn found(opened: Result<OpenFile, LoadError>) -> Result<Option<OpenFile>, LoadError> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(LoadError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
