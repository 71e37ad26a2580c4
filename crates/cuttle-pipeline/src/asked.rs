//! A request with what only its own client brings, and the job that is begun for it.

use std::net::{IpAddr, Ipv6Addr};

use cuttle_contract::ImageRequest;
use cuttle_source::Forwarded;
use cuttle_store::Epoch;
use tokio::time::Instant;

/// What the pipeline is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the URL and `Accept` say.
    pub request: ImageRequest,
    /// Nothing unless the operator has the application told who asks, for this path.
    pub personal: Option<Personal>,
    /// Whose turn it is when there is more work than workers.
    pub client: Client,
}

/// What a job was begun for.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) asked: Asked,
    /// The purges that were known then: what later ones mean is not kept.
    pub(crate) since: Epoch,
    /// Of the first client that waited.
    pub(crate) deadline: Instant,
}

/// Whom work is done for, as far as fairness goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client(Option<IpAddr>);

impl Client {
    /// Someone at this address. Of IPv6 the network counts (64 bits): a household, or one attacker, has all of it.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self(Some(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    /// Someone behind a proxy that does not say who: not to be taken for one client.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(None)
    }

    pub(crate) fn is_known(self) -> bool {
        self.0.is_some()
    }
}

/// A path whose original may be another for everyone who asks.
///
/// SECURITY: its value is in every key, so that no one is shown what was loaded with someone else's credentials; a client
/// that sends none has a key of its own too.
#[derive(Debug, Clone, Default)]
pub struct Personal {
    /// Of this client, as far as the operator names them.
    pub forwarded: Forwarded,
}

impl Personal {
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.forwarded.digest()
    }
}

impl From<ImageRequest> for Asked {
    fn from(request: ImageRequest) -> Self {
        Self { request, personal: None, client: Client::unknown() }
    }
}

impl Asked {
    pub(crate) fn forwarded(&self) -> &Forwarded {
        static NOTHING: std::sync::LazyLock<Forwarded> =
            std::sync::LazyLock::new(Forwarded::default);
        self.personal.as_ref().map_or(&NOTHING, |personal| &personal.forwarded)
    }
}
