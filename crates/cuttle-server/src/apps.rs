//! The table of applications: a request is for the one that its host and its path fit best.
//!
//! Replaced as a whole, so that a request finds one table from its beginning to its end.

use std::borrow::Cow;
use std::sync::Arc;

use http::Request;

use crate::app::App;
use crate::hosts;

/// All applications of a server.
#[derive(Debug, Default)]
pub(crate) struct Apps(Vec<Arc<App>>);

/// Whom a request is for.
#[derive(Debug)]
pub(crate) enum Chosen<'a> {
    App(&'a Arc<App>),
    /// No application has its path.
    NoPath,
    /// No application has its host.
    NoHost,
}

impl Apps {
    pub(crate) fn new(apps: Vec<Arc<App>>) -> Self {
        Self(apps)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.0.iter()
    }

    /// The application of a request.
    pub(crate) fn choose<B>(&self, request: &Request<B>) -> Chosen<'_> {
        // The usual one, without looking at names.
        if let [only] = &self.0[..]
            && only.parts.route.hosts.is_empty()
            && only.parts.route.prefix.as_str().is_empty()
        {
            return Chosen::App(only);
        }
        let host = hosts::named_by(request).map(name);
        let (host, path) = (host.as_deref(), request.uri().path());
        let fitting =
            self.0.iter().filter_map(|app| Some((app.parts.route.matches(host, path)?, app)));
        match fitting.max_by_key(|(particularity, _)| *particularity) {
            Some((_, app)) => Chosen::App(app),
            None if self.0.iter().any(|app| app.parts.route.has_host(host)) => Chosen::NoPath,
            None => Chosen::NoHost,
        }
    }
}

/// The name of a host as a URL has it: in lower case, without its port and the dot that ends it.
fn name(host: &str) -> Cow<'_, str> {
    let end = match host.rfind(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let name = host[..end].trim_end_matches('.');
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_name_without_port_case_and_last_dot() {
        for (host, expected) in [
            ("shop.example", "shop.example"),
            ("Shop.Example:4000", "shop.example"),
            ("shop.example.", "shop.example"),
            ("shop.example.:80", "shop.example"),
            ("[::1]:4000", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(name(host), expected, "{host}");
        }
    }
}
