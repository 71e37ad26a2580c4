//! Whether the application is there, asked when somebody asks for the readiness report.
//!
//! A connection is opened and closed, nothing is sent: what an application would answer, and to which of its paths, is not
//! ours to know, and a request would stand in its log. So one that accepts and never answers counts as being there; its
//! visitors' 504 are in the metrics. Asked at most once a second, and never for longer than the probe of a balancer waits.

use std::time::Duration;

use cuttle_net::{SystemResolver, is_out_of_descriptors};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

/// Kubernetes gives a probe one second by default.
const WITHIN: Duration = Duration::from_millis(500);
/// How long an answer is believed.
const FRESH: Duration = Duration::from_secs(1);

/// Where the application listens, and what was last found there.
#[derive(Debug)]
pub struct Reach {
    host: String,
    port: u16,
    /// Held while it is looked, so that however many ask at a time, one connection is opened.
    found: Mutex<Option<(Instant, bool)>>,
}

impl Reach {
    /// Of the server at `origin`; `None` if that is no URL of a server.
    #[must_use]
    pub fn of(origin: &Url) -> Option<Self> {
        // Without the brackets that a URL needs around an IPv6 address.
        let host = origin.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: origin.port_or_known_default()?, found: Mutex::default() })
    }

    /// Whether a connection can be opened.
    pub async fn is_there(&self) -> bool {
        let mut found = self.found.lock().await;
        if let Some((when, is_there)) = *found
            && when.elapsed() < FRESH
        {
            return is_there;
        }
        let resolver = SystemResolver::default();
        let connecting = resolver.connect(&self.host, self.port);
        let is_there = match timeout(WITHIN, connecting).await {
            Ok(Ok(_)) => true,
            // That says nothing of the application.
            Ok(Err(error)) => is_out_of_descriptors(&error),
            Err(_) => false,
        };
        *found = Some((Instant::now(), is_there));
        is_there
    }
}
