//! An origin as an operator writes it: scheme, host and port, and nothing more.
//!
//! A path, a query or a password in it would be left out of some requests and not of others, so there is none.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Uri, uri};
use url::Url;

/// The scheme, host and port that requests go to, whatever their targets say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host, and the port where it is not that of the scheme.
    pub authority: Authority,
}

/// A URL that cannot be an origin. The operator's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Neither http nor https, or no host.
    #[error("must be an http or https URL")]
    NotHttp,
    /// More than scheme, host and port.
    #[error("has more than scheme, host and port: write --upstream http://127.0.0.1:3000")]
    NotAnOrigin,
}

impl Origin {
    /// The origin that `url` is.
    ///
    /// # Errors
    /// [`OriginError`] if it is more or less than scheme, host and port.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(OriginError::NotHttp),
        };
        let named = url.username().is_empty() && url.password().is_none();
        if !named || url.path() != "/" || url.query().or(url.fragment()).is_some() {
            return Err(OriginError::NotAnOrigin);
        }
        let authority = url.authority().parse().map_err(|_| OriginError::NotHttp)?;
        Ok(Self { scheme, authority })
    }

    /// The URI of `path` there; `None` where that makes no URI.
    #[must_use]
    pub fn at(&self, path: PathAndQuery) -> Option<Uri> {
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (written, expected) in [
            ("http://app:3000", Ok("http://app:3000/a?b")),
            ("https://app/", Ok("https://app/a?b")),
            ("http://[::1]:80", Ok("http://[::1]/a?b")),
            ("ftp://app", Err(OriginError::NotHttp)),
            ("http://app/base", Err(OriginError::NotAnOrigin)),
            ("http://app/?q", Err(OriginError::NotAnOrigin)),
            ("http://app/#f", Err(OriginError::NotAnOrigin)),
            ("http://user@app", Err(OriginError::NotAnOrigin)),
            ("http://:password@app", Err(OriginError::NotAnOrigin)),
        ] {
            let origin = Origin::of(&Url::parse(written).expect(written));
            let at =
                origin.map(|it| it.at(PathAndQuery::from_static("/a?b")).map(|it| it.to_string()));
            assert_eq!(at, expected.map(|uri| Some(uri.to_owned())), "{written}");
        }
    }
}
