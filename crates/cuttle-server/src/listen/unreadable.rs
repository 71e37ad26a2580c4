//! Bytes that hyper cannot read as a request: why, in a sentence for whoever sent them, a line for the operator, and a counter.
//!
//! Nothing is repaired, and nothing is put in front of hyper that would have to find where a message ends: two readers that
//! disagree about that are how requests are smuggled. Why it was refused is hyper's word, and what a connection begins with.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::StatusCode;

use super::head::{LARGEST_HEAD_BYTES, MOST_HEAD_LINES};
use crate::notices::Notices;

/// So much of a connection's beginning says which protocol it speaks.
pub(super) const BEGINNING: usize = 16;
/// The binary form of the PROXY protocol (version 2) begins with this.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Proxy,
    Tls,
    Http2,
    Target,
    TooLarge,
    Head,
}

impl Why {
    pub(crate) const ALL: [Self; 6] =
        [Self::Proxy, Self::Tls, Self::Http2, Self::Target, Self::TooLarge, Self::Head];

    /// `None`: hyper had another reason to end than what was sent.
    fn of(error: &hyper::Error, beginning: &[u8]) -> Option<Self> {
        if !error.is_parse() {
            return None;
        }
        Some(match error.to_string().as_str() {
            _ if beginning.starts_with(b"PROXY ") || beginning.starts_with(PROXY_V2) => Self::Proxy,
            // A handshake record of TLS.
            _ if beginning.starts_with(&[0x16, 3]) => Self::Tls,
            _ if beginning.starts_with(b"PRI * HTTP/2.0") => Self::Http2,
            "invalid URI" => Self::Target,
            _ if error.is_parse_too_large() => Self::TooLarge,
            _ => Self::Head,
        })
    }

    /// The value of the label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy_protocol",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::Target => "target",
            Self::TooLarge => "too_large",
            Self::Head => "head",
        }
    }

    fn sentence(self) -> String {
        match self {
            Self::Proxy => "This server does not read the PROXY protocol.".to_owned(),
            Self::Tls => "This server speaks plain HTTP on this port, not TLS.".to_owned(),
            Self::Http2 => "This server speaks HTTP/1.1, not HTTP/2.".to_owned(),
            Self::Target => "The address has a character that must be percent-encoded: <, > or ` in a path, \", < or > in a query.".to_owned(),
            Self::TooLarge => format!(
                "The head of the request has more than {MOST_HEAD_LINES} header lines or {LARGEST_HEAD_BYTES} bytes."
            ),
            Self::Head => "This is not an HTTP/1.1 request: its first line or a header is malformed.".to_owned(),
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Proxy => {
                "turn the PROXY protocol off in the proxy or balancer, and let it send X-Forwarded-For"
            }
            Self::Tls => "let the proxy speak http:// to this port, or the client ask the proxy",
            Self::Http2 => "let the proxy speak HTTP/1.1 to this port",
            Self::Target => "percent-encode these characters where the address is written",
            Self::TooLarge => "make the cookies of this site fewer or smaller",
            Self::Head => "look at what sends this: it may be no HTTP client at all",
        }
    }

    /// The whole answer, after which the connection ends.
    fn answer(self) -> String {
        let status = match self {
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let text = self.sentence();
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
             cache-control: private, no-store\r\nx-content-type-options: nosniff\r\n\
             x-cuttle-error: bad_request\r\ncontent-length: {}\r\n\r\n{text}\n",
            text.len() + 1
        )
    }
}

/// How many there were of each, and of whom one was told a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    counts: [AtomicU64; Why::ALL.len()],
    notices: Notices,
}

impl Unreadable {
    /// Counts and tells of it. What is to be said to `peer`, if it was at fault.
    pub(super) fn refuse(
        &self,
        error: &hyper::Error,
        beginning: &[u8],
        peer: IpAddr,
    ) -> Option<String> {
        let why = Why::of(error, beginning)?;
        self.counts[why as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(untold) = self.notices.tell(why.name(), &peer.to_string(), Instant::now()) {
            tracing::warn!(
                %peer,
                reason = "bad_request",
                why = why.name(),
                cause = %error,
                remedy = why.remedy(),
                untold = Some(untold).filter(|&n| n > 0),
                "refused: this is no HTTP request that Cuttle can read"
            );
        }
        Some(why.answer())
    }

    /// So far.
    pub(crate) fn counts(&self) -> [(&'static str, u64); Why::ALL.len()] {
        Why::ALL.map(|why| (why.name(), self.counts[why as usize].load(Ordering::Relaxed)))
    }
}
