//! A request with what only its own client brings.

use cuttle_contract::ImageRequest;
use cuttle_source::Forwarded;

/// What the pipeline is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the URL and `Accept` say.
    pub request: ImageRequest,
    /// Nothing unless the operator has the application told who asks, for this path.
    pub personal: Option<Personal>,
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
        Self { request, personal: None }
    }
}

impl Asked {
    pub(crate) fn forwarded(&self) -> &Forwarded {
        static NOTHING: std::sync::LazyLock<Forwarded> =
            std::sync::LazyLock::new(Forwarded::default);
        self.personal.as_ref().map_or(&NOTHING, |personal| &personal.forwarded)
    }
}
