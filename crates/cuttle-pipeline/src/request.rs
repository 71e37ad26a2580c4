//! A request with what only its own client brings, and the job that is begun for it.

use std::sync::Arc;

use cuttle_contract::{Client, ImageRequest};
use cuttle_source::{Forwarded, Via};
use cuttle_store::Epoch;
use tokio::time::Instant;

use crate::site::Site;

/// What the pipeline is asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the URL and `Accept` say.
    pub image: ImageRequest,
    /// Nothing unless the operator has the application told who asks, for this path.
    pub credentials: Option<Credentials>,
    /// Whose turn it is when there is more work than workers.
    pub client: Client,
    /// Through whom it came.
    ///
    /// SECURITY: whether through anyone is in the key of a job and of a load, as a client may write it, and what is refused as a loop
    /// is not refused to others. It is in no key of what is kept: a picture is the same whichever way it came.
    pub via: Via,
}

/// What a job was begun for.
#[derive(Debug)]
pub(crate) struct Job {
    /// By whose rules.
    pub(crate) site: Arc<Site>,
    pub(crate) request: Request,
    /// The purges that were known then: what later ones mean is not kept.
    pub(crate) since: Epoch,
    /// Of the first client that waited.
    pub(crate) deadline: Instant,
}

/// A path whose original may be another for everyone who asks.
///
/// SECURITY: its value is in every key, so that no one is shown what was loaded with someone else's credentials; a client
/// that sends none has a key of its own too.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Of this client, as far as the operator names them.
    pub forwarded: Forwarded,
}

impl Credentials {
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.forwarded.digest()
    }
}

impl From<ImageRequest> for Request {
    fn from(image: ImageRequest) -> Self {
        Self { image, credentials: None, client: Client::unknown(), via: Via::default() }
    }
}

impl Request {
    pub(crate) fn forwarded(&self) -> &Forwarded {
        static NOTHING: std::sync::LazyLock<Forwarded> =
            std::sync::LazyLock::new(Forwarded::default);
        self.credentials.as_ref().map_or(&NOTHING, |credentials| &credentials.forwarded)
    }
}
