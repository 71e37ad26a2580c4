//! The table of applications: a request is for the one that its host, its path and its method fit best.
//!
//! Replaced as a whole, so that a request finds one table from its beginning to its end.

use std::borrow::Cow;
use std::sync::Arc;

use cuttle_contract::{RouteChoice, RouteTable};
use http::Request;

use crate::app::App;
use crate::hosts;

/// All applications of a server.
#[derive(Debug, Default)]
pub(crate) struct Apps {
    apps: Vec<Arc<App>>,
    table: RouteTable,
    /// There is one, and every request is for it.
    is_one: bool,
}

/// Whom a request is for.
#[derive(Debug)]
pub(crate) enum Chosen<'a> {
    App(&'a Arc<App>),
    /// One that names the path of an image endpoint in its `routes`, so that it is not answered here.
    AppItself(&'a Arc<App>),
    /// No application has the path by its method: those that it is answered by.
    NoMethod(String),
    /// No application has its path.
    NoPath,
    /// No application has its host.
    NoHost,
}

impl Apps {
    pub(crate) fn new(apps: Vec<Arc<App>>) -> Self {
        let table = RouteTable::new(apps.iter().map(|app| &app.parts.route));
        let is_one = matches!(&apps[..], [only] if only.parts.route.is_everything());
        Self { apps, table, is_one }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.iter()
    }

    /// The application of a request.
    pub(crate) fn choose<B>(&self, request: &Request<B>) -> Chosen<'_> {
        // The usual one, without looking at names.
        if let ([only], true) = (&self.apps[..], self.is_one) {
            return Chosen::App(only);
        }
        let host = hosts::named_by(request).map(name);
        let (path, method) = (request.uri().path(), request.method().as_str());
        match self.table.choose(host.as_deref(), path, method) {
            RouteChoice::App { index, by_name: false } => Chosen::App(&self.apps[index]),
            RouteChoice::App { index, by_name: true } => Chosen::AppItself(&self.apps[index]),
            RouteChoice::NoMethod => Chosen::NoMethod(self.table.methods(host.as_deref(), path)),
            RouteChoice::NoPath => Chosen::NoPath,
            RouteChoice::NoHost => Chosen::NoHost,
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
