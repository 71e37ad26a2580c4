//! Which format some bytes are, by signature alone. Declared types and file names are never believed.

use serde::{Deserialize, Serialize};

/// A format that Cuttle recognises. Recognising is not decoding: most of these only pass through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the formats")]
pub enum Kind {
    Jpeg,
    Png,
    Gif,
    Webp,
    Avif,
    Svg,
    Ico,
    Icns,
    Tiff,
    Bmp,
    Jxl,
    Heic,
    Jp2,
    Pdf,
}

impl Kind {
    /// Media type for `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Svg => "image/svg+xml",
            Self::Ico => "image/x-icon",
            Self::Icns => "image/x-icns",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Jxl => "image/jxl",
            Self::Heic => "image/heic",
            Self::Jp2 => "image/jp2",
            Self::Pdf => "application/pdf",
        }
    }

    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
            Self::Avif => "AVIF",
            Self::Svg => "SVG",
            Self::Ico => "ICO",
            Self::Icns => "ICNS",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Jxl => "JPEG XL",
            Self::Heic => "HEIC",
            Self::Jp2 => "JPEG 2000",
            Self::Pdf => "PDF",
        }
    }

    /// File name extension, without the dot, as `Content-Disposition` gives it (`jpeg`, not `jpg`).
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Svg => "svg",
            Self::Ico => "ico",
            Self::Icns => "icns",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Jxl => "jxl",
            Self::Heic => "heic",
            Self::Jp2 => "jp2",
            Self::Pdf => "pdf",
        }
    }
}
