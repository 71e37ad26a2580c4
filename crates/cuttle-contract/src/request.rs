//! What a valid request asks for, the same for both contracts, and the key under which the answer is kept.

use std::fmt;

use crate::{Accepted, Modern, Source};

/// Which of the two URL languages a request spoke. Also decides how it is refused: see [`Contract::refuse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contract {
    /// `/_next/image`, as Next.js defines it.
    Next,
    /// `<prefix>/image`, our own.
    Strict,
}

/// How a picture meets a box of width × height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fit {
    /// Fills the box; what sticks out is cut off. Also the value of every request without a height, where it means nothing.
    #[default]
    Cover,
    /// Whole inside the box; nothing is cut off and nothing is added.
    Contain,
}

/// Which part of the picture [`Fit::Cover`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Crop {
    /// The middle.
    #[default]
    Center,
    /// The part with the most in it.
    Smart,
}

/// Who decides the format of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FormatChoice {
    /// The URL: the same answer for every client, so no `Vary`.
    Explicit(Modern),
    /// The client's `Accept`: `Vary: Accept`.
    Negotiated(Accepted),
}

/// One valid request for a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The language of the URL.
    pub contract: Contract,
    /// The original.
    pub source: Source,
    /// Pixels; one of the configured widths.
    pub width: u32,
    /// Pixels; one of the configured heights. `None`: follows from the width.
    pub height: Option<u32>,
    /// How the picture meets the box when there is a height.
    pub fit: Fit,
    /// What [`Fit::Cover`] keeps.
    pub crop: Crop,
    /// 1 to 100; one of the configured qualities.
    pub quality: u8,
    /// Who decides the format.
    pub format: FormatChoice,
    /// The version of the source that the URL claims (`v`): one to 64 of `[A-Za-z0-9._-]`. Only a true one makes the answer
    /// immutable; it selects nothing.
    pub version: Option<String>,
    /// The source is a build output of Next with a hash in its name, so the answer is immutable. Only the Next contract.
    pub is_static: bool,
}

/// The identity of a request: two requests share a key exactly when the same answer serves both.
///
/// Every field has a fixed length or is preceded by its length, so no two requests can run together as in Next, where
/// `url=/coll&w=2048` and `url=/coll20&w=48` are one entry and the second client gets the first one's picture.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey(Box<[u8]>);

impl ImageRequest {
    /// The key. `version` and `is_static` are not part of it: they change a header, not the picture.
    #[must_use]
    pub fn key(&self) -> RequestKey {
        // Destructured, so that a new field cannot be forgotten here.
        let Self {
            contract,
            source,
            width,
            height,
            fit,
            crop,
            quality,
            format,
            version: _,
            is_static: _,
        } = self;
        let name = source.as_str();
        let mut bytes = Vec::with_capacity(name.len() + 32);
        bytes.push(*contract as u8);
        bytes.push(source.kind() as u8);
        bytes.extend_from_slice(&(name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&width.to_le_bytes());
        bytes.push(u8::from(height.is_some()));
        bytes.extend_from_slice(&height.unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&[*fit as u8, *crop as u8, *quality]);
        bytes.extend_from_slice(&match format {
            FormatChoice::Explicit(format) => [0, *format as u8, 0],
            FormatChoice::Negotiated(accepted) => {
                let [best, named] = accepted.key();
                [1, best, named]
            }
        });
        RequestKey(bytes.into())
    }

    /// Whether the answer depends on the request's `Accept` header.
    #[must_use]
    pub fn varies_by_accept(&self) -> bool {
        matches!(self.format, FormatChoice::Negotiated(_))
    }
}

impl RequestKey {
    /// The canonical encoding, for hashing and storing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestKey({})", self.0.escape_ascii())
    }
}
