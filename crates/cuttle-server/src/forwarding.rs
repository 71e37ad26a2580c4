//! What of a client's request the application is told when an original is loaded: nothing, unless the operator names a
//! header or a cookie for a path. There it is told who asks as well, as it is for its pages: it may guard by address.
//!
//! SECURITY: under such a path every answer is one client's, also to clients that send none of it: whether a picture depends
//! on who asks is known by its path alone, never by what somebody happened to send.

use cuttle_contract::{Pattern, Source};
use cuttle_pipeline::Credentials;
use cuttle_source::{Forwarded, NotForwardable};
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};

use cuttle_net::Peer;

/// The operator's rules, compiled once.
#[derive(Debug, Default)]
pub struct Forwarding(Vec<Rule>);

/// For some paths: which headers, which cookies.
#[derive(Debug)]
pub struct Rule {
    paths: Vec<Pattern>,
    headers: Vec<HeaderName>,
    cookies: Vec<String>,
}

impl Rule {
    /// Under `paths`, the headers and the cookies of these names.
    ///
    /// # Errors
    /// [`NotForwardable`] for headers that decide about the connection or about what a load means.
    pub fn new(
        paths: Vec<Pattern>,
        headers: Vec<HeaderName>,
        cookies: Vec<String>,
    ) -> Result<Self, NotForwardable> {
        match headers.iter().find(|name| !Forwarded::allows(name)) {
            Some(name) => Err(NotForwardable(name.clone())),
            None => Ok(Self { paths, headers, cookies }),
        }
    }
}

impl Forwarding {
    /// All rules that match a path hold for it.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// What goes along with a load of `source`; nothing at all where no rule speaks of it.
    pub(crate) fn personal(
        &self,
        source: &Source,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Option<Credentials> {
        let mut named = Vec::new();
        let mut cookies = Vec::new();
        let mut spoken_of = false;
        for rule in self.0.iter().filter(|rule| rule.covers(source)) {
            spoken_of = true;
            for name in &rule.headers {
                named.extend(
                    headers.get_all(name).iter().map(|value| (name.clone(), value.clone())),
                );
            }
            cookies.extend(rule.cookies.iter().filter_map(|name| cookie(headers, name)));
        }
        if !cookies.is_empty()
            && let Ok(value) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
        {
            named.push((COOKIE, value));
        }
        let asker = peer.map(|peer| peer.asker(headers)).unwrap_or_default();
        let forwarded = Forwarded::new(named).unwrap_or_default().by(asker);
        spoken_of.then_some(Credentials { forwarded })
    }
}

impl Rule {
    fn covers(&self, source: &Source) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(source))
    }
}

/// `name=value` of the first cookie of that name, byte for byte.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let lines = headers.get_all(COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).map(<[u8]>::trim_ascii).find(
        |pair| pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'=')),
    )
}

#[cfg(test)]
mod tests {
    use cuttle_contract::{Client, LocalPath};

    use super::*;

    fn forwarding() -> Forwarding {
        let pattern = |written| Pattern::local(written).expect(written).0;
        let tenant = HeaderName::from_static("x-tenant");
        Forwarding::new(vec![
            Rule::new(vec![pattern("/private/**")], vec![], vec!["session".to_owned()])
                .expect("a rule"),
            Rule::new(vec![pattern("/private/tenants/*")], vec![tenant], vec![]).expect("a rule"),
        ])
    }

    fn source(path: &str) -> Source {
        Source::Local(LocalPath::parse(path).expect(path))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_path_without_a_rule_is_everyones() {
        let sent = headers(&[("cookie", "session=1"), ("x-tenant", "a")]);
        assert!(forwarding().personal(&source("/public/a.jpg"), &sent, None).is_none());
        let remote = Source::Remote("https://example.com/private/a.jpg".parse().expect("a URL"));
        assert!(forwarding().personal(&remote, &sent, None).is_none());
    }

    #[test]
    fn who_sends_something_else_that_is_named_has_another_key() {
        let forwarding = forwarding();
        let key = |path: &str, sent: &[(&'static str, &'static str)]| {
            let personal =
                forwarding.personal(&source(path), &headers(sent), None).expect("a rule");
            personal.forwarded.digest()
        };
        let path = "/private/a.jpg";
        let nobody = key(path, &[]);
        let somebody = key(path, &[("cookie", "theme=dark; session=1; x=y")]);
        assert_ne!(nobody, somebody);
        assert_ne!(somebody, key(path, &[("cookie", "session=2")]));
        assert_eq!(somebody, key(path, &[("cookie", "theme=light;session=1")]));
        assert_eq!(somebody, key(path, &[("cookie", "a=b"), ("cookie", "session=1")]));
        for other in ["sessions=1", "xsession=1", "session", "a=session=1"] {
            assert_eq!(nobody, key(path, &[("cookie", other)]), "{other}");
        }
        // A header that is named for other paths only.
        assert_eq!(somebody, key(path, &[("cookie", "session=1"), ("x-tenant", "a")]));
        let tenants = "/private/tenants/a.jpg";
        assert_ne!(key(tenants, &[]), key(tenants, &[("x-tenant", "a")]));
    }

    #[test]
    fn another_address_has_another_key_and_a_stranger_s_word_is_not_in_it() {
        let peer = |ip: [u8; 4], is_trusted| {
            let address = (ip, 1).into();
            Peer { address, is_trusted, client: Client::unknown() }
        };
        let key = |peer: Peer, sent: &[(&'static str, &'static str)]| {
            let sent = headers(sent);
            let personal = forwarding().personal(&source("/private/a.jpg"), &sent, Some(&peer));
            personal.expect("a rule").forwarded.digest()
        };
        let stranger = peer([192, 0, 2, 1], false);
        let mine = key(stranger, &[]);
        assert_ne!(mine, key(peer([192, 0, 2, 2], false), &[]));
        for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            let says = [(name, "198.51.100.7")];
            assert_eq!(mine, key(stranger, &says), "{name}");
            let proxy = peer([127, 0, 0, 1], true);
            assert_ne!(key(proxy, &[]), key(proxy, &says), "{name}");
        }
    }
}
