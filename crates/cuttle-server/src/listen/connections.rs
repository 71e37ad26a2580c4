//! The connections of one door. What lasts by its nature, an event stream or a tunnel, is counted apart from what is asked and
//! answered, so that visitors who only listen do not keep others from asking.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use tokio::time::interval;

use super::advice::Advice;
use super::places::{Occupancy, Places};
use super::unreadable::Unreadable;

/// As often as nobody notices.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Of all but the following.
    pub connections: usize,
    /// Event streams and tunnels.
    pub streams: usize,
    /// How long one is kept on which nothing is asked.
    pub idle: Duration,
}

/// Both kinds.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) requests: Arc<Places>,
    pub(crate) streams: Arc<Places>,
    pub(crate) unreadable: Unreadable,
    pub(crate) advice: Advice,
    pub(crate) idle: Duration,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            requests: Places::new("request", limits.connections),
            streams: Places::new("stream", limits.streams),
            unreadable: Unreadable::default(),
            advice: Advice::default(),
            idle: limits.idle,
        })
    }

    pub(crate) fn occupancy(&self) -> [Occupancy; 2] {
        [self.requests.occupancy(), self.streams.occupancy()]
    }

    /// Nothing is under way but streams.
    pub(crate) fn only_streams(&self) -> bool {
        self.requests.under_way() == 0
    }

    /// Returns when nothing is under way.
    pub(crate) async fn quiet(&self) {
        until(|| self.only_streams() && self.streams.occupancy().taken == 0).await;
    }

    /// Not even idle ones.
    pub(crate) fn none(&self) -> bool {
        self.occupancy().iter().all(|kind| kind.taken == 0)
    }
}

/// Whether an answer is one that lasts.
pub(super) fn is_stream<B>(response: &Response<B>) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = media_type.and_then(|value| value.split(|&byte| byte == b';').next());
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        || essence.is_some_and(|it| it.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// Returns when it is seen at a look.
pub(super) async fn until(seen: impl Fn() -> bool) {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if seen() {
            return;
        }
    }
}
