//! What a render will cost in memory, from the headers alone.
//!
//! The estimate is an upper bound, so that admission can add it to a budget and a hostile file gains
//! nothing by its claims; it says nothing about time. Bytes per pixel of stills are measured peaks of
//! resident memory over photographs and noise (9 to 49 Mpx, one thread), rounded up; those of
//! animations are derived from what the codecs keep, and not measured yet.

use crate::geometry::{BATCH_ROWS, DctScale, Framing, STRIP_ROWS};
use crate::{Crop, Fit, Kind, Probe, RenderOptions, Size, Target};

/// Codec tables, colour tables, stacks and allocator slack, whatever the picture.
pub(crate) const FIXED: u64 = 16 << 20;

/// Headers, tables and a colour profile of a file, or of a frame.
const FILE_OVERHEAD: u64 = 64 << 10;

/// libwebp's animation encoder, per pixel of a frame: three canvases and the frame in ARGB, a rectangle of
/// it as YUV with the encoder's state, our own copy before and after turning.
const ANIMATION_ENCODER: u64 = 44;

/// rav1d's state beside its frames: what it knows of each block, rows for its filters. Measured: 0.9 bytes a pixel (5 Mpx, 8 bits, 4:2:0).
const AV1_STATE: u64 = 1;

/// Frames of a sequence that rav1d may keep: eight to predict from (AV1 §7.20), the one that is decoded, and its grain.
const AV1_FRAMES: u64 = 10;

impl Probe {
    /// Worst-case bytes that a worker needs to render this picture, its own code excluded: the source,
    /// and the dearest of three stages.
    ///
    /// * **decode**: of JPEG and PNG the rows that the filter sees (of a JPEG at its DCT scale), unless a smart
    ///   crop must see it all; of others the frame; and the decoder's state. A progressive JPEG may
    ///   keep every coefficient, VP8L every pixel as 32 bits, AV1 a frame before and after its grain.
    /// * **resize**: the frame, its premultiplied copy if there is alpha, the rows between the horizontal
    ///   and the vertical pass, the result; of rows in order, those of a batch and of a strip.
    /// * **encode**: the rendition, a turned or converted copy, the encoder's state and its output.
    ///
    /// 0 for kinds that are not decoded.
    #[must_use]
    pub fn decode_bytes(&self, options: &RenderOptions) -> u64 {
        self.decode_bytes_many(std::slice::from_ref(options))
    }

    /// As [`Probe::decode_bytes`], for several renditions by one job, which are resized together and encoded one
    /// after the other. Animations are made one after the other.
    #[must_use]
    pub fn decode_bytes_many(&self, options: &[RenderOptions]) -> u64 {
        let (Some(stored), Some(display)) = (self.stored, self.display_size()) else { return 0 };
        let framing = |options: &RenderOptions| {
            Framing::new(display, options.width, options.fit).oriented(self.orientation)
        };
        if self.animated {
            let bytes = |options| self.animation_bytes(stored, framing(options).target);
            return options.iter().map(bytes).max().unwrap_or(0);
        }
        let channels = if self.alpha { 4 } else { 3 };
        // Frames that are held whole, by scale; then what decoding, resizing and encoding take beside them.
        let (mut frames, mut finished) = (Vec::new(), 0);
        let (mut strips, mut resize, mut decode, mut encode) = (0, 0, 0, 0);
        for options in options {
            let framing = framing(options);
            let Some((decoder, decoded)) = self.decoder_bytes(stored, framing) else { return 0 };
            let target = framing.target;
            let rendition = channels * target.pixels();
            let encoder = encoder_bytes_per_pixel(options.target) * target.pixels();
            let smart = matches!(options.fit, Fit::Cover { crop: Crop::Smart, .. });
            let copies = if self.alpha { 2 } else { 1 };
            if self.by_row() && !smart {
                strips += channels * held_pixels(decoded, framing);
            } else {
                let frame = channels * decoded.pixels();
                let between = channels * u64::from(target.width) * u64::from(decoded.height);
                resize = ((copies - 1) * frame + between).max(resize);
                if !frames.contains(&frame) {
                    frames.push(frame);
                }
            }
            // Only a JPEG has a decoder for each scale, and all of them read one set of coefficients.
            decode = decoder.max(decode);
            encode = (2 * rendition + encoder).max(encode);
            finished += rendition;
        }
        let held = frames.iter().sum::<u64>() + finished;
        FIXED + self.source_bytes + (held + (decode + strips).max(resize)).max(finished + encode)
    }

    /// Worst-case bytes of the longest of these renditions as a file, which is beside all of the above.
    ///
    /// No encoder here makes more than 6 bytes of a pixel: a PNG that cannot be compressed has 4 and a filter a row, a
    /// JPEG of noise at quality 100 under 3. Of an animation every frame may be one.
    #[must_use]
    pub fn result_bytes(&self, options: &[RenderOptions]) -> u64 {
        let Some(display) = self.display_size() else { return 0 };
        let frames = if self.animated { u64::from(self.frames.unwrap_or(1)) } else { 1 };
        let bytes = |options: &RenderOptions| {
            let framing = Framing::new(display, options.width, options.fit);
            let frame = framing.target.pixels().saturating_mul(6);
            frame.saturating_add(FILE_OVERHEAD).saturating_mul(frames)
        };
        options.iter().map(bytes).max().unwrap_or(0)
    }

    /// Worst-case bytes of an animation, whose stages take turns with every frame and keep all they hold: the
    /// decoder and its canvas, the resize, the encoder and everything encoded so far, twice at the end.
    fn animation_bytes(&self, stored: Size, target: Size) -> u64 {
        let Some(decoder) = self.frame_bytes(stored) else { return 0 };
        let between = 4 * u64::from(target.width) * u64::from(stored.height);
        let resize = 4 * stored.pixels() + between + 4 * target.pixels();
        let encoded = u64::from(self.frames.unwrap_or(0)) * target.pixels();
        let encode = ANIMATION_ENCODER * target.pixels() + 2 * encoded;
        FIXED + self.source_bytes + decoder + resize + encode
    }

    /// Canvas and state of a decoder of frames.
    fn frame_bytes(&self, stored: Size) -> Option<u64> {
        let per_pixel = match self.kind {
            // The canvas and what a frame covered of it, of PNG also the frame itself.
            Kind::Gif => 8,
            Kind::Png => 12,
            // Ours, libwebp's two, and a frame in VP8L's 32 bits or VP8's planes.
            Kind::Webp => 18,
            Kind::Avif => {
                let planes = if self.alpha { 2 } else { 1 };
                return Some(4 * stored.pixels() + planes * AV1_FRAMES * self.av1_frame_bytes);
            }
            _ => return None,
        };
        Some(per_pixel * stored.pixels())
    }

    /// Whether it is decoded by the row, and no frame is held.
    fn by_row(&self) -> bool {
        matches!(self.kind, Kind::Png | Kind::Jpeg) && self.frames.is_none()
    }

    /// Whether the frame may be decoded to 16 bits.
    fn deep(&self) -> bool {
        self.bits_per_sample > 8 || self.colour.cicp.is_some()
    }

    /// State of the decoder, and the size of what it decodes.
    fn decoder_bytes(&self, stored: Size, framing: Framing) -> Option<(u64, Size)> {
        let pixels = stored.pixels();
        match self.kind {
            _ if self.frames.is_some() => Some((self.frame_bytes(stored)?, stored)),
            Kind::Jpeg => {
                // A sequential file needs a few rows of blocks of each component.
                let rows = u64::from(stored.width) * 3 * 64;
                // So does a progressive one, if it is as most are. Which is for its scan headers to say, and
                // those are deep inside the file: libjpeg, which reads the rest, keeps every coefficient.
                let state = if self.keeps_coefficients { self.coefficient_bytes } else { rows };
                let scale = DctScale::for_target(framing.region, framing.target);
                Some((state, scale.apply(stored)))
            }
            // A row of four 16-bit samples and its predecessor, and once more while it is converted. A deep
            // frame whose rows do not come in order is held whole. A broken animation is copied without itself.
            Kind::Png => {
                let samples = if self.deep() { 8 } else { 4 };
                let frame = if self.interlaced { samples * pixels } else { 0 };
                let copy = if self.broken_film { self.source_bytes } else { 0 };
                Some((u64::from(stored.width) * 48 + frame + copy, stored))
            }
            Kind::Webp => Some((6 * pixels, stored)),
            Kind::Avif => {
                // A frame without its grain and with it, one item decoded after the other; a copy of its bytes; alpha, as it
                // is stored and as large as the picture.
                let alpha = if self.alpha { 2 * pixels } else { 0 };
                let state = AV1_STATE * self.av1_frame_bytes.max(pixels);
                let frames = 2 * self.av1_frame_bytes + self.mosaic_bytes;
                Some((frames + state + self.source_bytes + alpha, stored))
            }
            // The samples of the page and what is made of them; of a block, which may be as large and a million
            // pixels more, its bytes, those as 16 bits and those as 8; a copy of it as it is packed.
            Kind::Tiff if self.supported => Some((24 * pixels + FIXED + self.source_bytes, stored)),
            _ => None,
        }
    }
}

/// State of an encoder and its output, per pixel of the rendition.
fn encoder_bytes_per_pixel(target: Target) -> u64 {
    match target {
        Target::Avif | Target::Webp => 20,
        Target::Jpeg | Target::JpegOrPng => 12,
        // Two candidates, one of them by palette: its indices and the sorted colours.
        Target::Png => 20,
    }
}

/// Most pixels of rows that a resize by the strip holds of a picture that is `decoded` at some scale: those of
/// a strip, three rows of the rendition to either side, what rounding may add, and a batch of rows that are as wide.
pub(crate) fn held_pixels(decoded: Size, framing: Framing) -> u64 {
    let Framing { region, target, .. } = framing;
    let rows = u64::from(STRIP_ROWS) + 8;
    // A region is at most the picture, so this is at least its rows per row of the rendition.
    let per_row = u64::from(region.height).div_ceil(u64::from(target.height.max(1)));
    let strip = (rows * per_row + 4).min(u64::from(decoded.height));
    u64::from(decoded.width) * (strip + u64::from(BATCH_ROWS.min(target.height)))
}
