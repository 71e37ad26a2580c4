//! The page for people that `cuttle serve DIR` shows for a folder: every picture as it is beside the picture as
//! it is served, so that what the optimizer does can be seen and not only believed.
//!
//! Pure: a [`Listing`] and [`Settings`] in, HTML out. Nothing here reads a folder, speaks HTTP or renders a
//! picture; the page's script asks the public image endpoint, like any other client. Names in a folder are
//! hostile text: they leave this module only through maud's escaping, and the script only through `textContent`.

mod below;
mod page;
#[cfg(test)]
mod tests;

pub(crate) use page::page;

/// Sent with the page.
///
/// SECURITY: a hole in the escaping must not become a script: nothing inline runs, no text turns into markup
/// (trusted types, with no policy allowed), and nothing leaves for or arrives from another origin.
///
/// Two policies, both of which must allow a script: one of this origin, and one below our own path, as a file of the folder
/// may be a script too. In one policy that would take our host's name, which a proxy before us may have replaced, and which
/// cannot be written at all where it is an IPv6 address. `http` stands for `https` as well.
pub(crate) fn content_security_policy(prefix: &str) -> String {
    format!(
        "script-src http://*:*{prefix}/gallery/, default-src 'none'; script-src 'self'; style-src 'self'; \
         img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// A folder as the page shows it.
#[derive(Debug)]
pub(crate) struct Listing {
    /// URL path, `/` or `/sub/`, percent-encoded by segment.
    pub(crate) folder: String,
    /// From the root to this folder, both included. The root may go without a name.
    pub(crate) crumbs: Vec<FolderLink>,
    /// The folders directly below.
    pub(crate) folders: Vec<FolderLink>,
    /// The pictures, in the order in which they are shown.
    pub(crate) pictures: Vec<Entry>,
    /// The files that somebody may take for pictures and that are not shown.
    pub(crate) unshown: Vec<Unshown>,
    /// How many more pictures the folder has than one page lists.
    pub(crate) omitted: usize,
}

/// A folder that can be gone to.
#[derive(Debug)]
pub(crate) struct FolderLink {
    /// For people, not encoded.
    pub(crate) name: String,
    /// URL path with one leading and one trailing slash, percent-encoded by segment.
    pub(crate) href: String,
}

/// A picture of the folder.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The file's name, for people, not encoded.
    pub(crate) name: String,
    /// URL path with one leading slash, percent-encoded by segment.
    pub(crate) href: String,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Pixels across, upright (after the EXIF orientation).
    pub(crate) width: u32,
    /// Pixels down, upright.
    pub(crate) height: u32,
    /// What the bytes are: `JPEG`, `PNG`, …
    pub(crate) kind: &'static str,
}

/// A file that looks like a picture and has no card.
#[derive(Debug)]
pub(crate) struct Unshown {
    /// For people, not encoded.
    pub(crate) name: String,
    /// In words that follow the name.
    pub(crate) why: &'static str,
}

/// What the page has to know of the server.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where our own URLs begin: `/_cuttle`.
    pub(crate) prefix: String,
    /// The widths that the endpoints accept.
    pub(crate) widths: Vec<u32>,
    /// The qualities that the endpoints accept.
    pub(crate) qualities: Vec<u8>,
    /// The modern formats served, `avif` and `webp`, in configured order.
    pub(crate) formats: Vec<&'static str>,
    /// Ours.
    pub(crate) version: &'static str,
    /// Whether the kernel gave the workers every layer of their sandbox.
    pub(crate) sandbox_complete: bool,
    /// Worker processes.
    pub(crate) workers: usize,
    /// Where we listen, as `host:port`; shown in examples only.
    pub(crate) address: String,
}

impl Settings {
    /// The width shown first: 1080 fills a card on a dense screen; else the nearest one, the lower on a tie.
    fn default_width(&self) -> u32 {
        self.widths
            .iter()
            .copied()
            .min_by_key(|width| (width.abs_diff(1080), *width))
            .unwrap_or(1080)
    }

    /// The quality of a request without `q`, by the endpoint's rule: nearest 75, the lower on a tie.
    fn default_quality(&self) -> u8 {
        self.qualities
            .iter()
            .copied()
            .min_by_key(|quality| (quality.abs_diff(75), *quality))
            .unwrap_or(75)
    }
}

/// Content type and body of the page's asset `name`, served at `<prefix>/gallery/<name>`.
pub(crate) fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    Some(match name {
        "gallery.css" => ("text/css; charset=utf-8", include_str!("assets/gallery.css")),
        "gallery.js" => (SCRIPT, include_str!("assets/gallery.js")),
        "card.js" => (SCRIPT, include_str!("assets/card.js")),
        "compare.js" => (SCRIPT, include_str!("assets/compare.js")),
        "choices.js" => (SCRIPT, include_str!("assets/choices.js")),
        "rendition.js" => (SCRIPT, include_str!("assets/rendition.js")),
        "text.js" => (SCRIPT, include_str!("assets/text.js")),
        "viewer.js" => (SCRIPT, include_str!("assets/viewer.js")),
        "mark.svg" => ("image/svg+xml", MARK),
        _ => return None,
    })
}

/// The cuttlefish, in the page's header and as its icon.
const MARK: &str = include_str!("assets/mark.svg");
