//! The application behind us, or the `fallback` of an optimizer that stands alone: the operator's own origin.
//!
//! Scheme, host and port are always the configured ones: the URL is assembled from them and a canonical path, never joined.
//! Redirects are not followed: where they lead is for a browser to see, not for us to fetch. The guard does not apply.

use std::fmt;
use std::sync::Arc;

use cuttle_contract::LocalPath;
use cuttle_net::{Origin, OriginError, Resolve, Restarts};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use url::Url;

use super::client::{Client, Exchange, HttpSettings, Reply};
use super::retry::Attempt;
use super::traffic::Traffic;
use crate::intake::{Intake, Pour};
use crate::state::State;
use crate::{LoadError, Terms};

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An origin of the operator's.
#[derive(Debug)]
pub struct Upstream {
    client: Client,
    origin: Origin,
    /// The same for every load: nothing of a client is in it.
    headers: HeaderMap,
    restarts: Restarts,
}

impl Upstream {
    /// The origin at `url`. `public_url` is where browsers see the application, if it is to be told.
    ///
    /// # Errors
    /// [`OriginError`] for either URL.
    pub fn new(
        url: &Url,
        public_url: Option<&Url>,
        resolver: Arc<dyn Resolve>,
        settings: HttpSettings,
    ) -> Result<Self, OriginError> {
        let origin = Origin::of(url)?;
        let mut headers = HeaderMap::new();
        headers.insert(SEC_FETCH_DEST, HeaderValue::from_static("image"));
        if let Some(Origin { scheme, authority }) = public_url.map(Origin::of).transpose()? {
            for (name, value) in
                [(X_FORWARDED_PROTO, scheme.as_str()), (X_FORWARDED_HOST, authority.as_str())]
            {
                let value = HeaderValue::from_str(value).map_err(|_| OriginError::NotHttp)?;
                headers.insert(name, value);
            }
        }
        let client = Client::new(None, resolver, settings);
        Ok(Self { client, origin, headers, restarts: Restarts::default() })
    }

    /// Has `restarts` told of connections that failed.
    #[must_use]
    pub fn telling(self, restarts: Restarts) -> Self {
        Self { restarts, ..self }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.client.traffic()
    }

    pub(crate) async fn load<I: Intake>(
        &self,
        path: &LocalPath,
        previous: Option<&State>,
        terms: &Terms<'_>,
        pour: &mut Pour<I>,
    ) -> Result<Reply, LoadError> {
        let path: PathAndQuery = path.as_str().parse().map_err(|_| LoadError::NotAllowed)?;
        let uri = self.origin.at(path).ok_or(LoadError::NotAllowed)?;
        let mut asking = Asking { upstream: self, uri, previous, terms, pour };
        self.client.retry.run(terms.deadline, &mut asking).await
    }
}

struct Asking<'a, I> {
    upstream: &'a Upstream,
    uri: Uri,
    previous: Option<&'a State>,
    terms: &'a Terms<'a>,
    pour: &'a mut Pour<I>,
}

impl<I: Intake> Attempt for Asking<'_, I> {
    type Output = Reply;

    async fn attempt(&mut self) -> Result<Reply, LoadError> {
        self.pour.restart()?;
        let mut headers = self.terms.forwarded.0.clone();
        headers.extend(self.upstream.headers.clone());
        let exchange = Exchange {
            uri: self.uri.clone(),
            client: self.terms.client,
            via: self.terms.via,
            headers,
            previous: self.previous,
            limits: &self.terms.limits,
            deadline: self.terms.deadline,
        };
        let exchanged = self.upstream.client.exchange(exchange, self.pour).await;
        match exchanged.inspect_err(|error| self.upstream.restarts.judge(error))? {
            Reply::Redirect { status, .. } => {
                Err(LoadError::Status { status: status.as_u16(), retry_after: None })
            }
            reply => Ok(reply),
        }
    }
}

/// Headers of one client that the operator lets through to the application, and only there.
#[derive(Clone, Default)]
pub struct Forwarded(HeaderMap);

/// A header that is never forwarded, whatever is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header {0} cannot be forwarded")]
pub struct NotForwardable(pub HeaderName);

impl Forwarded {
    /// The `headers` that were named in the configuration, with a client's values.
    ///
    /// # Errors
    /// [`NotForwardable`] for headers that belong to a connection, or that decide what a load means: of a range, of another
    /// host, of a state that the client has and we have not.
    pub fn new(
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Result<Self, NotForwardable> {
        let mut map = HeaderMap::new();
        for (name, mut value) in headers {
            if !Self::allows(&name) {
                return Err(NotForwardable(name));
            }
            value.set_sensitive(true);
            map.append(name, value);
        }
        Ok(Self(map))
    }

    /// With what says who asks, in place of all that clients may have said of themselves. It is part of the digest: what an
    /// application shows to an address is for that address.
    #[must_use]
    pub fn by(mut self, asker: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        for (name, value) in asker {
            self.0.append(name, value);
        }
        self
    }

    /// Whether a header of that name may be configured. What says who asks may not: it goes along anyway, as far as it is
    /// believed.
    #[must_use]
    pub fn allows(name: &HeaderName) -> bool {
        let name = name.as_str();
        let prefixes = ["proxy-", "if-", "x-forwarded-", "sec-fetch-", "content-", "accept-enc"];
        !prefixes.iter().any(|prefix| name.starts_with(prefix))
            && !matches!(
                name,
                "accept"
                    | "connection"
                    | "expect"
                    | "forwarded"
                    | "host"
                    | "keep-alive"
                    | "range"
                    | "te"
                    | "trailer"
                    | "transfer-encoding"
                    | "upgrade"
                    | "user-agent"
                    | "x-real-ip"
                    | "via"
                    | "cdn-loop"
            )
    }

    /// BLAKE3 of them in a form in which no two sets are one, for keys.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut named: Vec<(&[u8], &[u8])> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
            .collect();
        // Stable: the order of the values of one name is part of their meaning, that of names is not.
        named.sort_by_key(|(name, _)| *name);
        let mut hasher = blake3::Hasher::new();
        for part in named.into_iter().flat_map(|(name, value)| [name, value]) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    /// Whether a load with these is the same for everyone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECURITY: credentials; their names are enough for a log.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_name_a_person_are_forwarded() {
        for (name, allowed) in [
            ("cookie", true),
            ("authorization", true),
            ("x-tenant", true),
            ("accept-language", true),
            ("host", false),
            ("connection", false),
            ("range", false),
            ("if-none-match", false),
            ("x-forwarded-host", false),
            ("x-real-ip", false),
            ("transfer-encoding", false),
            ("proxy-authorization", false),
            ("cdn-loop", false),
        ] {
            let value = HeaderValue::from_static("secret");
            let forwarded = Forwarded::new([(HeaderName::from_static(name), value)]);
            assert_eq!(forwarded.is_ok(), allowed, "{name}");
            assert!(!format!("{forwarded:?}").contains("secret"));
        }
    }
}
