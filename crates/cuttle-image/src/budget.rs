//! What a render will cost in memory, from the headers alone.
//!
//! The estimate is an upper bound, so that admission can add it to a budget and a hostile file gains
//! nothing by its claims; it says nothing about time. Bytes per pixel of stills are measured peaks of
//! resident memory over photographs and noise (9 to 49 Mpx, one thread), rounded up; those of
//! animations are derived from what the codecs keep, and not measured yet.

use crate::geometry::DctScale;
use crate::{Kind, Probe, RenderOptions, Size, Target};

/// Codec tables, colour tables, stacks and allocator slack, whatever the picture.
const FIXED: u64 = 16 << 20;

/// libwebp's animation encoder, per pixel of a frame: three canvases and the frame in ARGB, a rectangle of
/// it as YUV with the encoder's state, our own copy before and after turning.
const ANIMATION_ENCODER: u64 = 44;

impl Probe {
    /// Worst-case bytes that a worker needs to render this picture, its own code excluded: the source,
    /// and the dearest of three stages.
    ///
    /// * **decode**: the frame (at the DCT scale for JPEG) and the decoder's state. A progressive JPEG
    ///   may keep every coefficient, VP8L every pixel as 32 bits, libaom 18 bytes a pixel (24 above 8 bit)
    ///   and as much again for alpha.
    /// * **resize**: the frame, its premultiplied copy if there is alpha, the rows between the horizontal
    ///   and the vertical pass, the result.
    /// * **encode**: the rendition, a turned or converted copy, the encoder's state and its output.
    ///
    /// 0 for kinds that are not decoded.
    #[must_use]
    pub fn decode_bytes(&self, options: &RenderOptions) -> u64 {
        let (Some(stored), Some(display)) = (self.stored, self.display_size()) else { return 0 };
        let seen = display.fit_width(options.width);
        let target = seen.oriented(self.orientation);
        if self.animated {
            return self.animation_bytes(stored, target);
        }
        let Some((decoder, decoded)) = self.decoder_bytes(stored, target) else { return 0 };
        let channels = if self.alpha { 4 } else { 3 };
        let frame = channels * decoded.pixels();
        let rendition = channels * target.pixels();

        let premultiplied = if self.alpha { frame } else { 0 };
        let between = channels * u64::from(target.width) * u64::from(decoded.height);
        let decode = frame + decoder;
        let resize = frame + premultiplied + between + rendition;
        let encode = 2 * rendition + encoder_bytes_per_pixel(options.target) * target.pixels();
        FIXED + self.source_bytes + decode.max(resize).max(encode)
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
                4 + planes * if self.bits_per_sample > 8 { 24 } else { 18 }
            }
            _ => return None,
        };
        Some(per_pixel * stored.pixels())
    }

    /// State of the decoder, and the size of what it decodes.
    fn decoder_bytes(&self, stored: Size, target: Size) -> Option<(u64, Size)> {
        let pixels = stored.pixels();
        match self.kind {
            _ if self.frames.is_some() => Some((self.frame_bytes(stored)?, stored)),
            Kind::Jpeg => {
                // A sequential file needs a few rows of blocks of each component.
                let rows = u64::from(stored.width) * 3 * 64;
                // So does a progressive one, if it is as most are. Which is for its scan headers to say, and
                // those are deep inside the file: libjpeg, which reads the rest, keeps every coefficient.
                let state = if self.keeps_coefficients { self.coefficient_bytes } else { rows };
                Some((state, DctScale::for_target(stored, target).apply(stored)))
            }
            // A row of four 16-bit samples and its predecessor.
            Kind::Png => Some((u64::from(stored.width) * 16, stored)),
            Kind::Webp => Some((6 * pixels, stored)),
            Kind::Avif => {
                let planes = if self.alpha { 2 } else { 1 };
                let deep = if self.bits_per_sample > 8 { 24 } else { 18 };
                Some((planes * deep * pixels, stored))
            }
            _ => None,
        }
    }
}

/// State of an encoder and its output, per pixel of the rendition.
fn encoder_bytes_per_pixel(target: Target) -> u64 {
    match target {
        Target::Avif | Target::Webp => 20,
        Target::Jpeg | Target::JpegOrPng => 12,
        Target::Png => 8,
    }
}
