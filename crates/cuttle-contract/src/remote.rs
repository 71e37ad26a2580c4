//! The name of a remote source at the strict endpoint: an absolute `http` or `https` URL, written plainly.
//!
//! The URL standard repairs a great deal (`http:\host`, tabs, missing slashes, user info in front of the host). Each repair is
//! a place where two readers disagree about the host, so here it is refused instead. Whether the host's addresses are public
//! is not decided here: only the connector sees them all, and a pattern must spell out a registrable domain or an exact host.

use url::{Host, Url};

use crate::{
    local_path::{is_under, leads_to_next_image},
    percent,
};

/// Why text is not the name of a remote source. The client's fault, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RemoteUrlError {
    #[error("must be an absolute http or https URL, or a path that starts with /")]
    NotHttp,
    #[error("must not contain a backslash, white space or a control character")]
    Character,
    #[error("must not contain a fragment (#)")]
    Fragment,
    #[error("must not contain user information (@)")]
    UserInfo,
    #[error("must be a valid URL")]
    Invalid,
    #[error("must be valid percent-encoded UTF-8")]
    Encoding,
    #[error("must not contain an encoded dot segment, NUL or line break")]
    ForbiddenEscape,
}

/// Parses and normalises. Unlike in a local path, duplicate slashes and encoded slashes stay: object stores have keys with
/// both in them.
pub(crate) fn parse(written: &str) -> Result<Url, RemoteUrlError> {
    let (scheme, rest) = written.split_once("://").ok_or(RemoteUrlError::NotHttp)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(RemoteUrlError::NotHttp);
    }
    if written.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err(RemoteUrlError::Character);
    }
    if written.contains('#') {
        return Err(RemoteUrlError::Fragment);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(RemoteUrlError::Invalid);
    }
    if authority.contains('@') {
        return Err(RemoteUrlError::UserInfo);
    }
    let mut url = Url::parse(written).map_err(|_| RemoteUrlError::Invalid)?;
    let path = percent::normalize_path(url.path()).map_err(|_| RemoteUrlError::Encoding)?;
    let query = url.query().filter(|query| !query.is_empty()).map(percent::normalize_query);
    let query = query.transpose().map_err(|_| RemoteUrlError::Encoding)?;
    let hides_line_break = query.iter().chain([&path]).any(|text| percent::hides_line_break(text));
    if hides_line_break || hides_dot_segment(&path) {
        return Err(RemoteUrlError::ForbiddenEscape);
    }
    url.set_path(&path);
    url.set_query(query.as_deref());
    Ok(url)
}

/// Whether `url` is an image endpoint of a host that we serve: loading it would only come back to us.
pub(crate) fn leads_to_us(url: &Url, hosts: &[Host], prefix: &str) -> bool {
    let ours = url.host().is_some_and(|host| hosts.iter().any(|ours| host == *ours));
    ours && (is_under(url.path(), prefix) || leads_to_next_image(url.path()))
}

/// SECURITY: an origin that decodes `%2F` before it resolves dots reads `/public/..%2Fsecret` as `/secret`, which a pattern
/// for `/public/*` never meant.
pub(crate) fn hides_dot_segment(path: &str) -> bool {
    percent::decode(path).split(['/', '\\']).any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_canonical_url_per_source() {
        for (written, canonical) in [
            ("https://Example.COM", "https://example.com/"),
            ("HTTPS://example.com:443/a", "https://example.com/a"),
            ("http://example.com:8080/%61%2d?x=%7e", "http://example.com:8080/a-?x=~"),
            ("https://example.com/a?", "https://example.com/a"),
            ("https://example.com/a/../b//c", "https://example.com/b//c"),
            ("https://example.com/o/dir%2ffile.jpg", "https://example.com/o/dir%2Ffile.jpg"),
            ("https://müller.example/ä", "https://xn--mller-kva.example/%C3%A4"),
            ("http://127.1/", "http://127.0.0.1/"),
        ] {
            assert_eq!(parse(written).map(String::from).as_deref(), Ok(canonical), "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_url_is_its_own_canonical_url(rest in "[a-z./%25efF?&='|\\[ä-]{0,40}|\\PC{0,40}") {
            if let Ok(url) = parse(&format!("https://example.com/{rest}")) {
                let again = parse(url.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&url));
                prop_assert_eq!(url.host_str(), Some("example.com"));
            }
        }
    }

    #[test]
    fn what_the_url_standard_would_repair_is_refused() {
        use RemoteUrlError::*;
        for (written, error) in [
            ("photo.jpg", NotHttp),
            ("ftp://example.com/a", NotHttp),
            ("data:image/png;base64,AA", NotHttp),
            ("http:/example.com/a", NotHttp),
            ("http:example.com/a", NotHttp),
            (" http://example.com/a", NotHttp),
            ("http:///example.com/a", Invalid),
            ("http://", Invalid),
            ("http://exa mple.com/", Character),
            ("http://example.com\\@evil.example/", Character),
            ("http://exam\tple.com/", Character),
            ("http://example.com/a#b", Fragment),
            ("http://user:pass@example.com/", UserInfo),
            ("http://@example.com/", UserInfo),
            ("http://example.com:99999/", Invalid),
            ("http://example.com/%zz", Encoding),
            ("http://example.com/%FF", Encoding),
            ("http://example.com/?x=%", Encoding),
            ("http://example.com/public/..%2Fsecret", ForbiddenEscape),
            ("http://example.com/public/..%5csecret", ForbiddenEscape),
            ("http://example.com/a%0Ab", ForbiddenEscape),
            ("http://example.com/a?b=%00", ForbiddenEscape),
        ] {
            assert_eq!(parse(written), Err(error), "{written:?}");
        }
    }

    #[test]
    fn a_url_that_leads_back_to_us_is_recognised() {
        let hosts = [Host::parse("shop.example").expect("a host")];
        for (written, expected) in [
            ("https://shop.example/_cuttle/image?src=/a", true),
            ("http://SHOP.example:8080/docs/%5Fnext/image?url=/a", true),
            ("https://shop.example/photo.jpg", false),
            ("https://other.example/_next/image?url=/a", false),
        ] {
            let url = parse(written).expect(written);
            assert_eq!(leads_to_us(&url, &hosts, "/_cuttle"), expected, "{written}");
        }
    }
}
