//! How busy the ways to origins are, for metrics. It limits nothing: [`Client`](super::client::Client) does.

use std::ops::Add;

/// Of one client, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests that wait for a place at their host.
    pub waiting_for_host: usize,
    /// Requests whose answer waits for a decoder.
    pub waiting_for_decoder: usize,
    /// Bodies that are being decoded.
    pub decoding: usize,
    /// How many may be; one that has taken a second counts a quarter.
    pub decoders: usize,
    /// Connections that stay open between two requests.
    pub connections: usize,
    /// How many may.
    pub connections_limit: usize,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            waiting_for_host: self.waiting_for_host + other.waiting_for_host,
            waiting_for_decoder: self.waiting_for_decoder + other.waiting_for_decoder,
            decoding: self.decoding + other.decoding,
            decoders: self.decoders + other.decoders,
            connections: self.connections + other.connections,
            connections_limit: self.connections_limit + other.connections_limit,
        }
    }
}
