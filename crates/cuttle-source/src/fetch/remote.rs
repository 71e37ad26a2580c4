//! Somebody else's server, named by a URL that a client wrote and a pattern allows.
//!
//! A redirect is a new URL by a third party: it is checked against the patterns like the first, and the guard in the
//! connector judges its host like the first.

use std::sync::Arc;

use cuttle_contract::Source;
use cuttle_net::{Guard, Resolve};
use http::{HeaderMap, Uri};
use url::Url;

use super::client::{Client, Exchange, HttpSettings, Reply};
use super::retry::Attempt;
use super::traffic::Traffic;
use crate::intake::{Intake, Pour};
use crate::state::State;
use crate::{LoadError, Terms, without_query};

/// Loads remote originals through the guard.
#[derive(Debug)]
pub struct Remote {
    client: Client,
}

impl Remote {
    /// One client for all remote origins.
    #[must_use]
    pub fn new(guard: Guard, resolver: Arc<dyn Resolve>, settings: HttpSettings) -> Self {
        Self { client: Client::new(Some(guard), resolver, settings) }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.client.traffic()
    }

    pub(crate) async fn load<I: Intake>(
        &self,
        url: &Url,
        previous: Option<&State>,
        terms: &Terms<'_>,
        pour: &mut Pour<I>,
    ) -> Result<Reply, LoadError> {
        let mut following = Following { remote: self, url, previous, terms, pour };
        self.client.retry.run(terms.deadline, &mut following).await
    }
}

/// One attempt is the whole chain: where it broke, it may be another chain next time.
struct Following<'a, I> {
    remote: &'a Remote,
    url: &'a Url,
    previous: Option<&'a State>,
    terms: &'a Terms<'a>,
    pour: &'a mut Pour<I>,
}

impl<I: Intake> Attempt for Following<'_, I> {
    type Output = Reply;

    async fn attempt(&mut self) -> Result<Reply, LoadError> {
        self.pour.restart()?;
        let Terms { limits, deadline, allowed, .. } = self.terms;
        let mut url = self.url.clone();
        let mut followed = 0;
        loop {
            let exchange = Exchange {
                uri: uri(&url)?,
                client: self.terms.client,
                via: self.terms.via,
                headers: HeaderMap::new(),
                previous: self.previous,
                limits,
                deadline: *deadline,
            };
            match self.remote.client.exchange(exchange, self.pour).await? {
                Reply::Redirect { status, location } => {
                    if followed == limits.redirects {
                        return Err(LoadError::TooManyRedirects { limit: limits.redirects });
                    }
                    followed += 1;
                    let status = status.as_u16();
                    let nowhere = |_| LoadError::Status { status, retry_after: None };
                    url = target(url.join(&location).map_err(nowhere)?, *allowed)?;
                }
                reply => return Ok(reply),
            }
        }
    }
}

/// The place that a redirect leads to, if it is one that a client might have named itself.
fn target(mut url: Url, allowed: &(dyn Fn(&Source) -> bool + Sync)) -> Result<Url, LoadError> {
    url.set_fragment(None);
    // SECURITY: user information would become credentials that a third party chose.
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none();
    let source = Source::Remote(url.clone());
    match plain && allowed(&source) {
        true => Ok(url),
        false => Err(LoadError::RedirectNotAllowed { to: without_query(&source) }),
    }
}

fn uri(url: &Url) -> Result<Uri, LoadError> {
    // What `Url` writes is a valid URI but for a few characters that it leaves alone and `http` does not.
    url[..url::Position::AfterQuery].parse().map_err(|_invalid| LoadError::NotAllowed)
}
