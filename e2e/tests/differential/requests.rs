//! Every request that both servers are sent, in the order in which they are sent.
//!
//! The order matters: the second of two equal requests finds a picture in the cache. Nothing here is random; a
//! row that fails today fails tomorrow.

mod query;
mod remote;
mod sources;

use std::sync::Arc;

use cuttle_e2e::NextApp;
use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

use crate::public::{Source, Sources};

/// Stands for the address of the scripted origin, of which each server has one of its own.
pub(crate) const ORIGIN: &str = "{origin}";
/// The same on the port that a pattern names.
pub(crate) const PORTED: &str = "{ported}";
/// Stands for the entity tag of the server's own answer to the same request, without quotes.
pub(crate) const TAG: &str = "{tag}";

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// `basePath` of the application.
    pub(crate) base: &'static str,
    /// What it is there for.
    pub(crate) about: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The `url` parameter, decoded, where there is one.
    pub(crate) url: String,
    /// What lies there.
    pub(crate) source: Option<Arc<Source>>,
}

impl Case {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value)
    }

    /// Of the image endpoint, in either spelling of its path, whatever its parameters.
    pub(crate) fn asks_for_an_image(&self) -> bool {
        let path = self.target.split('?').next().unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        path == format!("{}/_next/image", self.base)
    }

    fn with(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A parameter of the query, decoded; of several the first, and "" where there is none.
    pub(crate) fn parameter(&self, name: &str) -> String {
        parameter(self.target.split_once('?').map_or("", |(_, query)| query), name)
    }

    /// The same for the same request, whichever application it is sent to.
    pub(crate) fn key(&self) -> String {
        let mut target = self.target.clone();
        // Every build gives imported pictures another name.
        for (name, extension) in [("hero.", ".jpg"), ("badge.", ".png")] {
            if let Some((start, end)) = target.split_once(name) {
                let rest = end.split_once(extension).map_or(end, |(_, rest)| rest);
                target = format!("{start}{name}{rest}");
            }
        }
        format!("{} {target} {:?}", self.method, self.headers)
    }

    /// As a person would write it down.
    pub(crate) fn shown(&self) -> String {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!(" {name}: {value}")).collect();
        let target: String = self.target.chars().take(180).collect();
        format!("[{}] {} {target}{headers}", self.about, self.method)
    }
}

fn parameter(query: &str, name: &str) -> String {
    let decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value));
    values.next().unwrap_or_default()
}

/// Builds cases for one application.
pub(crate) struct Requests<'a> {
    app: &'a NextApp,
    /// `basePath`.
    base: &'static str,
    /// What `trailingSlash` puts at the end of a path.
    slash: &'static str,
    sources: &'a Sources,
    cases: Vec<Case>,
}

/// All requests for this application.
pub(crate) fn requests(app: &NextApp, sources: &Sources) -> Vec<Case> {
    let (base, slash) = if rich(app) { ("/docs", "/") } else { ("", "") };
    let mut requests = Requests { app, base, slash, sources, cases: Vec::new() };
    query::add(&mut requests);
    sources::add(&mut requests);
    remote::add(&mut requests);
    requests.cases
}

pub(crate) fn rich(app: &NextApp) -> bool {
    app.configuration == "rich"
}

impl Requests<'_> {
    fn rich(&self) -> bool {
        rich(self.app)
    }

    /// Any target of the server.
    fn send(&mut self, about: &'static str, method: &'static str, target: String) -> &mut Case {
        self.cases.push(Case {
            base: self.base,
            about,
            method,
            target,
            headers: Vec::new(),
            url: String::new(),
            source: None,
        });
        self.cases.last_mut().expect("one was pushed")
    }

    /// The image endpoint with a query that is sent as it stands.
    fn query(&mut self, about: &'static str, query: &str) -> &mut Case {
        let target = format!("{}/_next/image{}?{query}", self.base, self.slash);
        let url = parameter(query, "url");
        let source = self.sources.get("photo.jpg").filter(|_| query.contains("photo.jpg")).cloned();
        let case = self.send(about, "GET", target);
        (case.url, case.source) = (url, source);
        case
    }

    /// A picture by its source. `lies` is the name of the file that is there.
    fn image(&mut self, about: &'static str, url: &str, lies: &str, w: u32, q: u32) -> &mut Case {
        let encoded = utf8_percent_encode(url, COMPONENT).to_string();
        let encoded = encoded.replace("%7Borigin%7D", ORIGIN).replace("%7Bported%7D", PORTED);
        let source = self.sources.get(lies).cloned();
        let case = self.query(about, &format!("url={encoded}&w={w}&q={q}"));
        case.source = source;
        case.url = url.to_owned();
        case
    }

    /// A file of `public/`, by the path that a browser would write.
    fn file(&mut self, about: &'static str, name: &str, w: u32, q: u32) -> &mut Case {
        let path: Vec<String> = name
            .split('/')
            .map(|segment| utf8_percent_encode(segment, SEGMENT).to_string())
            .collect();
        let url = format!("{}/{}", self.base, path.join("/"));
        self.image(about, &url, name, w, q)
    }
}

/// What a browser encodes in a segment of a path, and `%`, `?` and `#`, which would end it.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'#')
    .add(b'?')
    .add(b'%')
    .add(b'{')
    .add(b'}');

/// `encodeURIComponent`, with which `next/image` writes its URLs.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
