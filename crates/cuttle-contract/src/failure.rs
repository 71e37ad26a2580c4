//! Everything that can go wrong once a request was understood, and the one place that turns it into an answer.
//!
//! The other crates report a [`Failure`]; they never choose a status or a text. The two contracts differ here on purpose:
//! Next's clients know Next's texts, the strict endpoint says what was wrong.
//!
//! The app's `401` and `403` are passed on by the strict endpoint too, as the answer of the app's own guard; those of a remote
//! server are a source that failed (502). A request that spent its whole budget is 503 `queue_timeout`: the strict table has no
//! code of its own for it.

use crate::{Contract, Fault, Refusal, SourceKind};

/// Seconds. The queue lets nobody wait longer than 5 s, so by then everyone who waits now is served or gone.
const RETRY_AFTER_S: u32 = 5;

/// What went wrong after parsing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The origin has no such source, or no regular file has that name.
    SourceNotFound,
    /// The origin answered with `status` instead of a picture, or, without one, could not be reached or read.
    SourceFailed {
        /// The status that the origin gave. Next passes 400 and above on.
        status: Option<u16>,
    },
    /// The origin did not answer in its time.
    SourceTimeout,
    /// The origin's answer is larger than the limit.
    SourceTooLarge,
    /// The origin answered with nothing.
    SourceEmpty,
    /// The origin redirected more often than allowed, or at all where that is off.
    TooManyRedirects,
    /// A redirect of the origin leads to a source that no pattern allows.
    SourceNotAllowed,
    /// The source's host has an address that we do not connect to.
    AddressNotAllowed,
    /// The picture is above a limit: what it has too much of, for people, such as `pixels`.
    ImageTooLarge(&'static str),
    /// The bytes are no picture.
    NotAnImage,
    /// The bytes are SVG, which is off.
    SvgNotAllowed,
    /// The bytes are a picture of a kind that this client cannot have; its media type.
    UnsupportedKind(&'static str),
    /// The queue is full.
    QueueFull,
    /// The place in the queue was not reached in time.
    QueueTimeout,
    /// The system lets this process open nothing more.
    OutOfDescriptors,
    /// The server drains.
    ShuttingDown,
    /// The whole time budget of the request is used up.
    RequestTimeout,
    /// The request came to us through us.
    Loop,
    /// Neither `GET` nor `HEAD`.
    MethodNotAllowed,
    /// Our own error; nothing that the client or the origin did.
    Internal,
}

impl Failure {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::SourceNotFound
            | Self::SourceNotAllowed
            | Self::AddressNotAllowed
            | Self::ImageTooLarge(_)
            | Self::NotAnImage
            | Self::SvgNotAllowed
            | Self::UnsupportedKind(_)
            | Self::SourceTooLarge
            | Self::Loop
            | Self::MethodNotAllowed => Fault::Client,
            Self::SourceFailed { .. }
            | Self::SourceTimeout
            | Self::SourceEmpty
            | Self::TooManyRedirects => Fault::Origin,
            Self::QueueFull
            | Self::QueueTimeout
            | Self::OutOfDescriptors
            | Self::ShuttingDown
            | Self::RequestTimeout
            | Self::Internal => Fault::Us,
        }
    }

    /// `X-Cuttle-Error`, the same in both contracts.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.strict(SourceKind::Remote).1
    }

    fn retry_after(self) -> Option<u32> {
        matches!(
            self,
            Self::QueueFull
                | Self::QueueTimeout
                | Self::OutOfDescriptors
                | Self::ShuttingDown
                | Self::RequestTimeout
        )
        .then_some(RETRY_AFTER_S)
    }

    /// Status, code and sentence of `docs/strict-endpoint.md`, "When there is no image".
    fn strict(self, source: SourceKind) -> (u16, &'static str, String) {
        let (status, code, sentence) = match self {
            Self::SourceNotFound => (404, "source_not_found", "There is no such source."),
            // The application's own guard: its picture is refused here as it would be there.
            Self::SourceFailed { status: Some(status @ (401 | 403)) }
                if source == SourceKind::Local =>
            {
                (status, "source_failed", "The app refuses this source.")
            }
            Self::SourceFailed { .. } => (502, "source_failed", "The source could not be loaded."),
            Self::SourceTimeout => (504, "source_timeout", "The source did not answer in time."),
            Self::SourceTooLarge => {
                (413, "source_too_large", "The source has more bytes than this server loads.")
            }
            Self::SourceEmpty => (502, "source_failed", "The source is empty."),
            Self::TooManyRedirects => {
                (502, "source_failed", "The source redirects more often than this server follows.")
            }
            Self::SourceNotAllowed => (
                403,
                "source_not_allowed",
                "The source leads to a place that this server does not allow.",
            ),
            Self::AddressNotAllowed => (
                403,
                "address_not_allowed",
                "The source's host has an address that this server does not connect to.",
            ),
            Self::ImageTooLarge(what) => {
                let sentence = format!("The image has more {what} than this server decodes.");
                return (413, "image_too_large", sentence);
            }
            Self::NotAnImage => {
                (415, "unsupported_source", "The source is not an image of a known kind.")
            }
            Self::SvgNotAllowed => {
                (415, "unsupported_source", "The source is SVG, which this server does not serve.")
            }
            Self::UnsupportedKind(kind) => {
                // What phones store is the one of these that people publish by mistake.
                let advice = if kind == "image/heic" {
                    " Of the browsers only Safari shows it: save it as JPEG, and publish that."
                } else {
                    ""
                };
                let sentence = format!(
                    "The source is {kind}, which is served only to a client whose Accept header names that type.{advice}"
                );
                return (415, "unsupported_source", sentence);
            }
            Self::QueueFull => (503, "queue_full", "The server is busy; its queue is full."),
            Self::QueueTimeout => (
                503,
                "queue_timeout",
                "The server is busy; the request waited too long in the queue.",
            ),
            Self::OutOfDescriptors => (
                503,
                "out_of_descriptors",
                "The server is busy; it can open no further file or connection.",
            ),
            Self::ShuttingDown => (503, "shutting_down", "The server is shutting down."),
            Self::RequestTimeout => {
                (503, "queue_timeout", "The server is busy; the image was not ready in time.")
            }
            Self::Loop => {
                (508, "loop_detected", "The request is a loop: it went through this server before.")
            }
            Self::MethodNotAllowed => {
                (405, "method_not_allowed", "Only GET and HEAD are allowed here.")
            }
            Self::Internal => {
                (500, "internal_error", "Something went wrong in this server; its log says what.")
            }
        };
        (status, code, sentence.to_owned())
    }

    /// Status and body of `docs/next-endpoint.md`, "When there is no image".
    fn next(self, source: SourceKind) -> (u16, &'static str) {
        let (response_is_invalid, response_timed_out) = match source {
            SourceKind::Local => (
                r#""url" parameter is valid but internal response is invalid"#,
                r#""url" parameter is valid but internal response timed out"#,
            ),
            SourceKind::Remote => (
                r#""url" parameter is valid but upstream response is invalid"#,
                r#""url" parameter is valid but upstream response timed out"#,
            ),
        };
        match self {
            Self::SourceNotFound => (404, response_is_invalid),
            Self::SourceFailed { status: Some(status @ 400..=599) } => {
                (status, response_is_invalid)
            }
            Self::SourceFailed { status: Some(_) } => (500, response_is_invalid),
            Self::SourceFailed { status: None } => (502, response_is_invalid),
            Self::SourceTimeout => (504, response_timed_out),
            Self::SourceTooLarge | Self::ImageTooLarge(_) => (413, response_is_invalid),
            Self::SourceEmpty => (400, response_is_invalid),
            Self::TooManyRedirects => (508, response_is_invalid),
            Self::SourceNotAllowed | Self::AddressNotAllowed => {
                (400, r#""url" parameter is not allowed"#)
            }
            Self::NotAnImage => (400, "The requested resource isn't a valid image."),
            Self::SvgNotAllowed | Self::UnsupportedKind(_) => {
                (400, r#""url" parameter is valid but image type is not allowed"#)
            }
            Self::QueueFull
            | Self::QueueTimeout
            | Self::OutOfDescriptors
            | Self::ShuttingDown
            | Self::RequestTimeout => (503, r#""url" parameter is valid but the server is busy"#),
            Self::Loop => (508, r#""url" parameter cannot be recursive"#),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::Internal => (500, "Internal Server Error"),
        }
    }
}

impl Contract {
    /// The answer to `failure` in the words of this contract. `source` matters only where the source was at fault; pass [`SourceKind::Local`] when no source is known yet.
    #[must_use]
    pub fn refuse(self, failure: Failure, source: SourceKind) -> Refusal {
        let (strict_status, code, sentence) = failure.strict(source);
        let (status, message) = match self {
            Self::Strict => (strict_status, sentence.into()),
            Self::Next => {
                let (status, text) = failure.next(source);
                (status, text.into())
            }
        };
        Refusal {
            fault: failure.fault(),
            status,
            code,
            message,
            detail: None,
            source: None,
            retry_after: failure.retry_after(),
            allow: failure == Failure::MethodNotAllowed,
        }
    }
}
