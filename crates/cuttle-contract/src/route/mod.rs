//! Which application a request is for: by the name under which it is made, by its path, and by its method.

mod error;
mod host;
mod method;
mod path;
mod table;

pub use error::RouteError;
pub use host::RouteHost;
pub use method::RouteMethod;
pub use path::{RoutePattern, RoutePrefix};
pub use table::{RouteChoice, RouteTable};

/// Hosts, paths and methods of one application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// None: every name that no other application has.
    pub hosts: Vec<RouteHost>,
    /// Where its paths begin.
    pub prefix: RoutePrefix,
    /// Which of them it answers; none: all.
    pub routes: Vec<RoutePattern>,
    /// By which methods; none: by all.
    pub methods: Vec<RouteMethod>,
}

/// What two applications both have, so that neither could win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConflict {
    /// Nothing: both have no hosts.
    pub host: Option<RouteHost>,
    /// As the one that was asked has it.
    pub path: String,
    /// Nothing: every method.
    pub method: Option<RouteMethod>,
}

impl Route {
    /// Whether every request is for it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    fn patterns(&self) -> Vec<RoutePattern> {
        match &self.routes[..] {
            [] => vec![RoutePattern::below(&self.prefix)],
            routes => routes.to_vec(),
        }
    }

    /// What both answer and nothing tells apart.
    #[must_use]
    pub fn conflict(&self, other: &Self) -> Option<RouteConflict> {
        let host = match (&self.hosts[..], &other.hosts[..]) {
            ([], []) => None,
            (own, theirs) => Some(own.iter().find(|host| theirs.contains(host))?.clone()),
        };
        let method = match (&self.methods[..], &other.methods[..]) {
            ([], []) => None,
            (own, theirs) => Some(own.iter().find(|method| theirs.contains(method))?.clone()),
        };
        let theirs = other.patterns();
        let mut own = self.patterns().into_iter();
        let same = own.find(|own| theirs.iter().any(|other| own.is_same(other)))?;
        Some(RouteConflict { host, path: same.to_string(), method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn route(hosts: &[&str], prefix: &str, routes: &[&str], methods: &[&str]) -> Route {
        Route {
            hosts: hosts.iter().map(|host| RouteHost::parse(host).expect(host)).collect(),
            prefix: RoutePrefix::parse(prefix).expect(prefix),
            routes: routes.iter().map(|it| RoutePattern::parse(it).expect(it)).collect(),
            methods: methods.iter().map(|it| RouteMethod::parse(it).expect(it)).collect(),
        }
    }

    #[test]
    fn two_that_nothing_tells_apart_are_a_conflict() {
        let below = |host: Option<&str>, path: &str, method: Option<&str>| {
            let host = host.map(|host| RouteHost::parse(host).expect(host));
            let method = method.map(|method| RouteMethod::parse(method).expect(method));
            Some(RouteConflict { host, path: path.to_owned(), method })
        };
        let a = route(&["a.example", "*.b.example"], "/docs", &[], &[]);
        let expected = below(Some("*.b.example"), "/docs", None);
        assert_eq!(a.conflict(&route(&["*.b.example"], "/docs/", &[], &[])), expected);
        assert_eq!(a.conflict(&route(&["*.b.example"], "/", &[], &[])), None);
        assert_eq!(a.conflict(&route(&["x.b.example"], "/docs", &[], &[])), None);
        assert_eq!(a.conflict(&route(&[], "/docs", &[], &[])), None);
        assert_eq!(a.conflict(&route(&["a.example"], "/docs", &[], &["GET"])), None);
        let all = route(&[], "/", &[], &[]);
        assert_eq!(all.conflict(&all), below(None, "", None));
        let get = |path| route(&[], "/", &[path], &["GET", "POST"]);
        let same = below(None, "/a/:id", Some("POST"));
        assert_eq!(get("/a/:id").conflict(&route(&[], "/", &["/a/:name"], &["POST"])), same);
        assert_eq!(get("/a/b").conflict(&route(&[], "/", &["/a/:name"], &["POST"])), None);
        assert_eq!(get("/a").conflict(&route(&[], "/", &["/a"], &["PUT"])), None);
    }
}
