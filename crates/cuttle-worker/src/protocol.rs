//! Messages between the server and a worker: a length, then postcard.
//!
//! Pixels never travel here; both files are passed as descriptors. The server trusts nothing that
//! comes back: lengths are bounded before a byte is read, text is cut and cleaned, and numbers are
//! only claims until the pool has checked them against the result itself.

use std::time::Duration;

use cuttle_image::{Kind, Limits, RenderError, RenderOptions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::sandbox::{Act, Layer};

/// Raised with every change of a message. Both sides are the same file, except where it was replaced
/// on a system without `/proc`.
pub(crate) const VERSION: u32 = 4;

/// Bytes of the length before each message, little-endian.
pub(crate) const HEADER: usize = 4;

/// Most renditions of one job: a page asks for eight widths of a picture, some twice as dense, and
/// whoever waits for the last of a job waits for all of it.
pub const MAX_RENDITIONS: usize = 16;

/// Ceiling of a request: limits are under 100 bytes, the options of each rendition under 20.
pub(crate) const MAX_REQUEST: usize = 1 << 10;

/// Ceiling of a reply: the self-test's report, the longest, is about 2 KiB.
pub(crate) const MAX_REPLY: usize = 16 << 10;

/// Characters kept of any text that a worker wrote.
const MAX_TEXT: usize = 300;

/// What the server asks of a worker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Render; two descriptors come with it, the source and the result. Each rendition is answered with
    /// [`Reply::Rendered`] as soon as it is done, in any order.
    Render {
        /// Bytes of the source.
        source_len: u64,
        /// What to make: 1 to [`MAX_RENDITIONS`] times.
        options: Vec<RenderOptions>,
        /// What each may cost.
        limits: Limits,
        /// Bytes of memory that it is estimated at.
        memory: u64,
        /// Bytes of the longest result.
        result: u64,
    },
    /// The last rendition was read, and the next may be written over it: one result file, so that a job
    /// of many gives a hostile worker no more memory to fill than a job of one.
    Collected,
    /// Try every forbidden act but the next one.
    TryForbiddenActs,
    /// Try to become another program. Apart, because success leaves nobody to report the rest.
    TryExec,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Reply {
    /// Once, when it is confined and ready.
    Hello {
        /// Protocol version.
        version: u32,
        /// What confines it.
        layers: Vec<Layer>,
    },
    /// To a job, once for each rendition.
    Rendered(Rendered),
    /// The engine panicked; the worker leaves after saying so.
    Panicked(String),
    /// To a request to break out.
    Acts(Vec<Act>),
}

/// The answer to one of a job's renditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// Its place in the job.
    pub index: u32,
    /// How it went.
    pub outcome: Outcome,
    /// User and system time since the last answer. For statistics only: a worker can lie.
    pub cpu: Duration,
}

/// How a rendition went, as the worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Outcome {
    /// The result file holds a picture.
    Finished {
        /// Its format.
        kind: Kind,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Bytes from the start of the result file.
        len: u64,
    },
    /// The engine refused or failed.
    Failed(RenderError),
}

/// How a worker broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A message over its ceiling.
    #[error("a message of {len} bytes, more than {limit}")]
    TooLong {
        /// Bytes announced.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Bytes that are no message.
    #[error("a malformed message")]
    Malformed,
    /// A message that was not asked for.
    #[error("an unexpected message")]
    Unexpected,
    /// Another version of the protocol.
    #[error("protocol version {found}, not {VERSION}")]
    Version {
        /// What it speaks.
        found: u32,
    },
    /// A result longer than its file may be, or empty.
    #[error("a result of {len} bytes, outside 1 to {limit}")]
    Length {
        /// Bytes announced.
        len: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A result that is not what it is said to be.
    #[error("a result announced as {announced:?} is {found:?}")]
    Kind {
        /// What the worker said.
        announced: Kind,
        /// What its first bytes say.
        found: Option<Kind>,
    },
    /// A format or size that the job did not ask for.
    #[error("a result that was not asked for: {kind:?}, {width} × {height}")]
    Unasked {
        /// Format announced.
        kind: Kind,
        /// Pixels announced.
        width: u32,
        /// Pixels announced.
        height: u32,
    },
}

/// Serialises a message with its length in front.
pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let frame = postcard::to_extend(message, vec![0; HEADER]);
    let mut frame = frame.expect("our messages hold nothing that postcard refuses");
    let len = u32::try_from(frame.len() - HEADER).expect("our messages are under 16 KiB");
    frame[..HEADER].copy_from_slice(&len.to_le_bytes());
    frame
}

/// Reads the length in front of a message.
pub(crate) fn message_len(header: [u8; HEADER], limit: usize) -> Result<usize, ProtocolError> {
    let len = usize::try_from(u32::from_le_bytes(header)).unwrap_or(usize::MAX);
    if len > limit {
        return Err(ProtocolError::TooLong { len, limit });
    }
    Ok(len)
}

/// Reads a whole message and nothing after it.
pub(crate) fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, ProtocolError> {
    match postcard::take_from_bytes(message) {
        Ok((value, [])) => Ok(value),
        _ => Err(ProtocolError::Malformed),
    }
}

/// Reads what a worker sent, without its length. Hostile bytes are the expected input.
///
/// # Errors
/// [`ProtocolError::TooLong`] or [`ProtocolError::Malformed`].
pub fn decode_reply(message: &[u8]) -> Result<Reply, ProtocolError> {
    if message.len() > MAX_REPLY {
        return Err(ProtocolError::TooLong { len: message.len(), limit: MAX_REPLY });
    }
    let mut reply = decode(message)?;
    // SECURITY: these strings go to logs and terminals; a worker must not write lines or escapes there.
    match &mut reply {
        Reply::Hello { layers, .. } => layers.iter_mut().for_each(|layer| clean(&mut layer.detail)),
        Reply::Acts(acts) => acts.iter_mut().for_each(|act| clean(&mut act.detail)),
        Reply::Panicked(text)
        | Reply::Rendered(Rendered {
            outcome: Outcome::Failed(RenderError::Decode(text) | RenderError::Encode(text)),
            ..
        }) => clean(text),
        Reply::Rendered(_) => {}
    }
    Ok(reply)
}

/// Cuts a text and replaces what is not printable.
pub(crate) fn clean(text: &mut String) {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    *text = text.chars().take(MAX_TEXT).map(printable).collect();
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
