//! What a picture is, read from its headers in safe Rust.
//!
//! Nothing is decoded, nothing is decompressed and no more is read than the headers: at most
//! [`window::READ_CAP`] bytes in all, a block at a time, however the file lies about its structure.
//! It refuses no picture for its size; that is [`Limits::check`](crate::Limits::check).

#[cfg_attr(
    not(feature = "codecs"),
    allow(dead_code, unused_imports, reason = "what only a decoder asks")
)]
pub(crate) mod avif;
mod exif;
#[cfg_attr(not(feature = "codecs"), allow(dead_code, reason = "the decoder reads more of it"))]
pub(crate) mod gif;
mod jpeg;
mod png;
#[cfg_attr(not(feature = "codecs"), allow(dead_code, reason = "the decoder reads more of it"))]
pub(crate) mod tiff;
mod webp;
pub(crate) mod window;

use std::io::{Read, Seek};

use crate::{Kind, Orientation, SNIFF_BYTES, Size, sniff};
use window::{Fault, Window};

/// SECURITY: frames that are counted. The default limit is 500; an animation of more than this is said
/// to have an unknown number, which no limit lets through.
const MAX_FRAMES: u32 = 4096;

/// What the headers of a picture say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The format.
    pub kind: Kind,
    /// Bytes of the whole file.
    pub source_bytes: u64,
    /// Sides as stored, before orientation. `None` for formats whose dimensions are not read.
    pub stored: Option<Size>,
    /// How the stored picture must be turned: EXIF, or `irot` and `imir` of AVIF.
    pub orientation: Orientation,
    /// Whether there may be more than one frame. When that would take reading too much, yes.
    pub animated: bool,
    /// Number of frames of a file that can hold several. `None`: it cannot, or there are too many to
    /// count, or the file is cut off.
    pub frames: Option<u32>,
    /// Pixels of all frames together, each as large as what is shown or, where that is larger, as its own
    /// rectangle. Without [`frames`](Self::frames) 0, or those of a picture of which only a part is shown.
    pub frames_pixels: u64,
    /// Whether the format leaves room for transparency in this file. Only the decoder can tell whether
    /// any pixel uses it.
    pub alpha: bool,
    /// Bits of one sample; of a palette index, for a palette.
    pub bits_per_sample: u8,
    /// A JPEG whose coefficients come in several scans.
    pub progressive: bool,
    /// Bytes of metadata that a decoder keeps: EXIF of a PNG, as stored. All other is passed over where it
    /// lies, see [`Limits`](crate::Limits::metadata_bytes).
    pub metadata_bytes: u64,
    /// Whether this variant of the format is decoded: of TIFF only those that `docs/formats.md` lists.
    pub supported: bool,
    /// A PNG whose rows do not come in order.
    pub(crate) interlaced: bool,
    /// A PNG whose animation has no good frame: what is shown is its picture for those who know none.
    pub(crate) broken_film: bool,
    /// A PNG by palette, or a GIF.
    pub(crate) paletted: bool,
    /// Cells of the grid that an AVIF is put together from; 0 without one.
    pub(crate) grid_cells: u32,
    /// Bytes of one frame as the AV1 decoder holds it, and of the planes that a grid is put together in.
    pub(crate) av1_frame_bytes: u64,
    pub(crate) mosaic_bytes: u64,
    /// Where the embedded colour profile lies.
    pub(crate) icc: Icc,
    /// A JPEG whose coefficients must all be kept until the last scan: progressive, or sequential with
    /// a scan for each component.
    pub(crate) keeps_coefficients: bool,
    /// What it says about its colours beside a profile.
    pub(crate) colour: ColourTags,
    /// Bytes that all coefficients of a JPEG take when they must be kept.
    pub(crate) coefficient_bytes: u64,
}

/// What headers say about colours beside a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ColourTags {
    /// `cICP` of PNG, `nclx` of AVIF.
    pub(crate) cicp: Option<Cicp>,
    /// `sRGB` of PNG.
    pub(crate) srgb: bool,
    /// `gAMA` and `cHRM` of PNG.
    pub(crate) gamma: Option<Gamma>,
}

/// Code points of ITU-T H.273 for full-range RGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cicp {
    pub(crate) primaries: u8,
    pub(crate) transfer: u8,
}

/// In units of 1/100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gamma {
    pub(crate) exponent: Option<u32>,
    /// x and y of white, red, green and blue.
    pub(crate) chromaticities: Option<[u32; 8]>,
}

/// An embedded ICC profile, still in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Icc {
    /// Its pieces, in order.
    pub(crate) extents: Vec<Extent>,
    /// PNG keeps it as a zlib stream.
    pub(crate) deflated: bool,
}

/// A run of bytes of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) at: u64,
    pub(crate) len: u64,
}

impl Probe {
    /// Sides as seen, after orientation.
    #[must_use]
    pub fn display_size(&self) -> Option<Size> {
        self.stored.map(|stored| stored.oriented(self.orientation))
    }

    /// Bytes of the embedded colour profile as stored; 0 without one.
    #[must_use]
    pub fn icc_bytes(&self) -> u64 {
        self.icc.extents.iter().map(|extent| extent.len).sum()
    }

    /// `frames` frames, none larger than what is shown.
    fn count_frames(&mut self, frames: u32) {
        self.animated = frames != 1;
        self.frames = Some(frames);
        self.frames_pixels = self.stored.map_or(0, Size::pixels).saturating_mul(frames.into());
    }

    fn new(kind: Kind, source_bytes: u64) -> Self {
        Self {
            kind,
            source_bytes,
            stored: None,
            orientation: Orientation::Upright,
            animated: false,
            frames: None,
            frames_pixels: 0,
            alpha: false,
            bits_per_sample: 8,
            progressive: false,
            metadata_bytes: 0,
            supported: true,
            interlaced: false,
            broken_film: false,
            paletted: false,
            grid_cells: 0,
            av1_frame_bytes: 0,
            mosaic_bytes: 0,
            icc: Icc::default(),
            keeps_coefficients: false,
            colour: ColourTags::default(),
            coefficient_bytes: 0,
        }
    }
}

/// Why a file could not be probed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// No signature that we know.
    #[error("not an image in any format that Cuttle knows")]
    Unrecognised,
    /// The signature is there, but the headers are cut off or contradict themselves.
    #[error("the {kind:?} headers are broken: {reason}")]
    Malformed {
        /// What the signature says.
        kind: Kind,
        /// What is wrong.
        reason: &'static str,
    },
    /// The reader failed. The only variant that is not the picture's fault.
    #[error("the source cannot be read")]
    Io(#[from] std::io::Error),
}

/// Reads the headers of a picture. The reader may stand anywhere; it is read from its beginning.
///
/// # Errors
/// [`ProbeError`]; [`ProbeError::Malformed`] still names the format.
pub fn probe<R: Read + Seek>(reader: R) -> Result<Probe, ProbeError> {
    let mut file = Window::new(reader)?;
    let head_len = usize::try_from(file.len()).unwrap_or(SNIFF_BYTES).min(SNIFF_BYTES);
    let head = match file.bytes(0, head_len) {
        Ok(head) => head.to_vec(),
        Err(Fault::Io(error)) => return Err(error.into()),
        Err(Fault::Broken(_)) => return Err(ProbeError::Unrecognised),
    };
    let kind = sniff(&head, file.len()).ok_or(ProbeError::Unrecognised)?;
    let mut probe = Probe::new(kind, file.len());
    let outcome = match kind {
        Kind::Jpeg => jpeg::read(&mut file, &mut probe),
        Kind::Png => png::read(&mut file, &mut probe),
        Kind::Gif => gif::read(&mut file, &mut probe),
        Kind::Webp => webp::read(&mut file, &mut probe),
        Kind::Avif => avif::read(&mut file, &head, &mut probe),
        Kind::Tiff => tiff::read(&mut file, &mut probe),
        _ => Ok(()),
    };
    outcome.map_err(|fault| match fault {
        Fault::Io(error) => ProbeError::Io(error),
        Fault::Broken(reason) => ProbeError::Malformed { kind, reason },
    })?;
    if probe.stored.is_some_and(|size| size.pixels() == 0) {
        return Err(ProbeError::Malformed { kind, reason: "a side has no pixels" });
    }
    Ok(probe)
}
