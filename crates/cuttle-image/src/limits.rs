//! What one picture may cost, checked against its header before anything is decoded.

use serde::{Deserialize, Serialize};

use crate::{Excess, Probe};

/// Strict ceilings: a picture over any of them is refused before its memory is spent.
///
/// Defaults are those of `docs/formats.md`, "Limits".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of the encoded source.
    pub source_bytes: u64,
    /// Pixels of either side.
    pub side: u32,
    /// Pixels (width × height) of one frame.
    pub pixels: u64,
    /// Frames of an animation.
    pub frames: u32,
    /// Pixels of all frames of an animation together.
    pub frames_pixels: u64,
    /// Cells of the grid that an AVIF picture is put together from.
    pub grid_cells: u32,
    /// Bytes of an embedded colour profile, after decompression.
    pub icc_bytes: usize,
    /// Bytes of all other metadata that is kept or decompressed. What is passed over where it lies does not
    /// count: comments, text, XMP, and EXIF of all formats but PNG.
    pub metadata_bytes: usize,
    /// Scans of a JPEG, counted before it is decoded.
    pub jpeg_scans: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes: 20_000_000,
            side: 65_535,
            pixels: 50_000_000,
            frames: 500,
            frames_pixels: 100_000_000,
            grid_cells: 1024,
            icc_bytes: 4 << 20,
            metadata_bytes: 1 << 20,
            jpeg_scans: 100,
        }
    }
}

impl Limits {
    /// Refuses a picture whose headers alone are over a ceiling. What only decompression can tell (a
    /// deflated profile, the scans of a JPEG) is checked by `render`.
    ///
    /// # Errors
    /// The first [`Excess`] of source, sides, pixels, frames, grid, profile, metadata.
    pub fn check(&self, probe: &Probe) -> Result<(), Excess> {
        self.check_source(probe.source_bytes)?;
        if let Some(stored) = probe.stored {
            self.check_frame(stored.width, stored.height)?;
        }
        self.check_frames(probe)?;
        if probe.grid_cells > self.grid_cells {
            return Err(Excess::GridCells { found: probe.grid_cells, limit: self.grid_cells });
        }
        for (found, limit) in
            [(probe.icc_bytes(), self.icc_bytes), (probe.metadata_bytes, self.metadata_bytes)]
        {
            if usize::try_from(found).map_or(true, |found| found > limit) {
                return Err(Excess::Metadata { limit });
            }
        }
        Ok(())
    }

    /// Refuses a frame whose sides or area are over the ceiling.
    ///
    /// # Errors
    /// [`Excess::Side`] or [`Excess::Pixels`].
    pub fn check_frame(&self, width: u32, height: u32) -> Result<(), Excess> {
        let longest = width.max(height);
        if longest > self.side {
            return Err(Excess::Side { found: longest, limit: self.side });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.pixels {
            return Err(Excess::Pixels { found: pixels, limit: self.pixels });
        }
        Ok(())
    }

    /// Refuses an animation that is too long or too large as a whole, or whose frames could not be counted.
    ///
    /// # Errors
    /// [`Excess::Frames`] or [`Excess::FramesPixels`]; for the one frame of a still picture, which may be
    /// larger than what it is shown on, [`Excess::Pixels`].
    pub fn check_frames(&self, probe: &Probe) -> Result<(), Excess> {
        let found = probe.frames_pixels;
        if !probe.animated {
            return if found > self.pixels {
                Err(Excess::Pixels { found, limit: self.pixels })
            } else {
                Ok(())
            };
        }
        if probe.frames.is_none_or(|frames| frames > self.frames) {
            return Err(Excess::Frames { limit: self.frames });
        }
        if found > self.frames_pixels {
            return Err(Excess::FramesPixels { found, limit: self.frames_pixels });
        }
        Ok(())
    }

    /// Refuses a source whose encoded size is over the ceiling.
    ///
    /// # Errors
    /// [`Excess::SourceBytes`].
    pub fn check_source(&self, bytes: u64) -> Result<(), Excess> {
        if bytes > self.source_bytes {
            return Err(Excess::SourceBytes { found: bytes, limit: self.source_bytes });
        }
        Ok(())
    }
}
