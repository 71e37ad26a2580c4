//! The routes of all applications: whose a request is.
//!
//! The most particular wins, whatever the order of declaration: an exact host over a wildcard over none, then the path, then whoever
//! names the method. A path whose method one application does not list falls through to the next that covers it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Route, RouteHost, RouteMethod, RoutePattern};

/// Hosts, paths and methods of all applications, the most particular first.
#[derive(Debug, Clone, Default)]
pub struct RouteTable(Vec<Line>);

#[derive(Debug, Clone)]
struct Line {
    host: Option<RouteHost>,
    pattern: RoutePattern,
    /// Empty: every method.
    methods: Vec<RouteMethod>,
    app: usize,
}

/// Whose a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteChoice {
    /// An application's, by its place among them.
    App {
        /// From 0.
        index: usize,
        /// It names this very path in its `routes`.
        by_name: bool,
    },
    /// Nobody's: where the path is somebody's, its methods are others ([`RouteTable::methods`]).
    NoMethod,
    /// Nobody's: where the host is somebody's, its paths are others.
    NoPath,
    /// Nobody's host.
    NoHost,
}

impl RouteTable {
    /// Of the applications in their order.
    pub fn new<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Self {
        let mut lines: Vec<Line> =
            routes.into_iter().enumerate().flat_map(|(app, route)| lines(app, route)).collect();
        lines.sort_by_cached_key(|line| {
            let host = line.host.as_ref().map_or((0, 0), RouteHost::particularity);
            Reverse((host, line.pattern.rank(), !line.methods.is_empty()))
        });
        Self(lines)
    }

    /// Whose a request is, by its host as a URL has it and without its port, its path without its query, and its method. A request
    /// without a host is for applications without hosts.
    #[must_use]
    pub fn choose(&self, host: Option<&str>, path: &str, method: &str) -> RouteChoice {
        let mut best = RouteChoice::NoHost;
        for Line { host: own, pattern, methods, app } in &self.0 {
            let has_host =
                own.as_ref().is_none_or(|own| host.is_some_and(|host| own.matches(host)));
            if !has_host {
                continue;
            }
            if best == RouteChoice::NoHost {
                best = RouteChoice::NoPath;
            }
            if !pattern.matches(path) {
                continue;
            }
            if methods.is_empty() || methods.iter().any(|own| own.takes(method)) {
                return RouteChoice::App { index: *app, by_name: pattern.is_one_path() };
            }
            best = RouteChoice::NoMethod;
        }
        best
    }
}

impl RouteTable {
    /// The methods by which somebody answers a path, as `Allow` lists them.
    #[must_use]
    pub fn methods(&self, host: Option<&str>, path: &str) -> String {
        let lines = self
            .0
            .iter()
            .filter(|line| has_host(line.host.as_ref(), host) && line.pattern.matches(path));
        let methods: BTreeSet<String> =
            lines.flat_map(|line| &line.methods).map(ToString::to_string).collect();
        methods.into_iter().collect::<Vec<_>>().join(", ")
    }
}

fn has_host(own: Option<&RouteHost>, host: Option<&str>) -> bool {
    own.is_none_or(|own| host.is_some_and(|host| own.matches(host)))
}

fn lines(app: usize, route: &Route) -> Vec<Line> {
    let hosts = match &route.hosts[..] {
        [] => vec![None],
        hosts => hosts.iter().cloned().map(Some).collect(),
    };
    let line = |host: Option<RouteHost>| {
        route.patterns().into_iter().map(move |pattern| {
            let (host, methods) = (host.clone(), route.methods.clone());
            Line { host, pattern, methods, app }
        })
    };
    hosts.into_iter().flat_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::route;
    use super::*;

    fn chosen(table: &RouteTable, host: Option<&str>, path: &str, method: &str) -> Option<usize> {
        match table.choose(host, path, method) {
            RouteChoice::App { index, .. } => Some(index),
            _ => None,
        }
    }

    #[test]
    fn the_most_particular_host_and_then_prefix_wins() {
        let table = RouteTable::new(&[
            route(&[], "/", &[], &[]),
            route(&["shop.example"], "/", &[], &[]),
            route(&["*.example"], "/", &[], &[]),
            route(&["*.shop.example", "other.example"], "/", &[], &[]),
            route(&["shop.example"], "/docs", &[], &[]),
            route(&[], "/docs", &[], &[]),
        ]);
        for (host, path, expected) in [
            (Some("shop.example"), "/", 1),
            (Some("shop.example"), "/docs", 4),
            (Some("shop.example"), "/docs/a", 4),
            (Some("shop.example"), "/docs2", 1),
            (Some("shop.example"), "/%64ocs", 1),
            (Some("a.shop.example"), "/docs", 3),
            (Some("a.b.shop.example"), "/", 3),
            (Some("other.example"), "/", 3),
            (Some("b.example"), "/docs", 2),
            (Some("example"), "/", 0),
            (Some("evilexample"), "/docs/", 5),
            (Some("127.0.0.1"), "/", 0),
            (None, "/docs", 5),
        ] {
            assert_eq!(chosen(&table, host, path, "GET"), Some(expected), "{host:?} {path}");
        }
    }

    #[test]
    fn paths_by_text_by_name_and_by_star_and_methods_fall_through() {
        // Against the order of declaration.
        let mut routes = vec![
            route(&[], "/", &[], &[]),
            route(&[], "/", &["/first/*"], &["GET"]),
            route(&[], "/", &["/first/x"], &["POST"]),
            route(&[], "/", &["/first/:id"], &["DELETE", "GET"]),
            route(&[], "/", &["/first/x/y"], &[]),
            route(&[], "/", &["/first/x"], &["GET"]),
        ];
        for _ in 0..routes.len() {
            let table = RouteTable::new(&routes);
            let of = |path, method| {
                let index = chosen(&table, Some("a.example"), path, method).expect("somebody's");
                let Route { methods, .. } = &routes[index];
                (
                    routes[index].patterns()[0].to_string(),
                    methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                )
            };
            for (method, path, pattern, methods) in [
                ("GET", "/first/x", "/first/x", "GET"),
                ("HEAD", "/first/x", "/first/x", "GET"),
                ("POST", "/first/x", "/first/x", "POST"),
                ("DELETE", "/first/x", "/first/:id", "DELETE GET"),
                ("PUT", "/first/x", "", ""),
                ("GET", "/first/z", "/first/:id", "DELETE GET"),
                ("GET", "/first/z/y", "/first/*", "GET"),
                ("PATCH", "/first/x/y", "/first/x/y", ""),
                ("GET", "/first", "", ""),
            ] {
                let expected = (pattern.to_owned(), methods.to_owned());
                assert_eq!(of(path, method), expected, "{method} {path}");
            }
            routes.rotate_left(1);
        }
    }

    #[test]
    fn what_is_nobody_s_says_whether_host_path_or_method_is_the_reason() {
        let table = RouteTable::new(&[
            route(&["a.example"], "/", &["/api/*"], &["GET"]),
            route(&["b.example"], "/docs", &[], &[]),
        ]);
        let choice = |host, path, method| table.choose(Some(host), path, method);
        assert_eq!(choice("c.example", "/", "GET"), RouteChoice::NoHost);
        assert_eq!(table.choose(None, "/", "GET"), RouteChoice::NoHost);
        assert_eq!(choice("b.example", "/", "GET"), RouteChoice::NoPath);
        assert_eq!(choice("a.example", "/api/x", "POST"), RouteChoice::NoMethod);
        assert_eq!(table.methods(Some("a.example"), "/api/x"), "GET");
        assert_eq!(choice("a.example", "/x", "POST"), RouteChoice::NoPath);
    }

    #[test]
    fn only_a_pattern_without_a_variable_part_names_a_path() {
        let table = RouteTable::new(&[
            route(&[], "/", &["/_next/image"], &["GET"]),
            route(&[], "/", &["/_next/*"], &[]),
        ]);
        let image = |method| table.choose(None, "/_next/image", method);
        assert_eq!(image("GET"), RouteChoice::App { index: 0, by_name: true });
        assert_eq!(image("POST"), RouteChoice::App { index: 1, by_name: false });
    }
}
