//! The answer to a request that gets no picture.
//!
//! What the public reads and what the operator reads are different fields, so that an address or an upstream's text cannot
//! reach a client by mistake.

use std::borrow::Cow;

use crate::Source;

/// Whose fault it is. Decides the log level and what is counted as our own error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request was wrong; asking again will not help.
    Client,
    /// The server that holds the original.
    Origin,
    /// We were busy, stopping or broken.
    Us,
}

/// A refusal, ready to be written as an HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose fault it is.
    pub fault: Fault,
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// `X-Cuttle-Error`: the same closed set for both contracts.
    pub code: &'static str,
    /// The body: one plain sentence, or the text that Next gives.
    pub message: Cow<'static, str>,
    /// For the log only.
    pub detail: Option<String>,
    /// What was asked for, where that could be read; for the log only.
    pub source: Option<Box<Source>>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// Whether `Allow: GET, HEAD` belongs to it.
    pub allow: bool,
}

impl Refusal {
    pub(crate) fn new(
        fault: Fault,
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            fault,
            status,
            code,
            message: message.into(),
            detail: None,
            source: None,
            retry_after: None,
            allow: false,
        }
    }

    /// A 400 that is the client's fault.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Client, 400, code, message)
    }

    /// Adds what only the operator may read.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The source is understood, and none of the operator's patterns has it.
    pub(crate) fn of_no_pattern(mut self, source: &Source) -> Self {
        self.source = Some(Box::new(source.clone()));
        self.with_detail(match source {
            Source::Local(_) => "no local pattern allows it",
            Source::Remote(_) => "no remote pattern allows it",
        })
    }
}
