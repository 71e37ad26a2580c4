//! One decoder of baseline and progressive JPEG to grey or RGB, at a scale of n/8.
//!
//! Only the picture up to its end-of-image marker counts: gain maps, depth maps and films that phones
//! append stay unread. Arithmetic coding, 12-bit and lossless files are not compiled into the codec and
//! fail to decode.

use std::cell::RefCell;
use std::ffi::c_ulong;
use std::rc::Rc;

use mozjpeg_sys::J_COLOR_SPACE::{JCS_CMYK, JCS_GRAYSCALE, JCS_RGB, JCS_YCCK};
use mozjpeg_sys::{
    J_DCT_METHOD, jpeg_create_decompress, jpeg_finish_decompress, jpeg_has_multiple_scans,
    jpeg_mem_src, jpeg_read_header, jpeg_read_scanlines, jpeg_start_decompress,
};

use super::feed::install;
use super::state::{Owned, State, Window};
use super::{guarded, raise};
use crate::geometry::DctScale;
use crate::ink::Inks;
use crate::picture::{Channels, Picture};
use crate::sink::Sink;
use crate::{RenderError, Size};

/// What was asked for at one scale.
pub(super) type Outcome = Result<Vec<Picture>, RenderError>;

/// What is decoded, whatever the scale.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) source: &'a [u8],
    /// As the limits were checked against.
    pub(crate) stored: Size,
    pub(crate) scan_limit: u32,
    /// Converts inks to sRGB, if it is one of inks; profiles of others are not applied here.
    pub(crate) inks: &'a Inks,
}

/// A decoder that has read its header, and where its rows go.
pub(super) struct Decoder<'a> {
    state: Owned,
    /// What the state points into.
    _source: &'a [u8],
    sink: Sink<'a>,
    row: Vec<u8>,
    /// Rows that are still to come.
    left: u32,
    /// And a row of them.
    inks: Option<(Inks, Vec<u8>)>,
}

impl<'a> Decoder<'a> {
    pub(super) fn open(
        task: Task<'a>,
        scale: DctScale,
        mut sink: Sink<'a>,
    ) -> Result<Self, RenderError> {
        let state = Owned::new(task.scan_limit);
        let size = scale.apply(task.stored);
        // SAFETY: the state is live, and `source` outlives the decoder.
        let (channels, inked) =
            calls(|| unsafe { start(state.0, task.source, task.stored, size, scale) })?;
        let width = size.width as usize;
        let inks = inked.then(|| (task.inks.clone(), vec![0; 4 * width]));
        sink.begin(size, channels);
        let row = vec![0; width * channels.count()];
        Ok(Self { state, _source: task.source, sink, row, left: size.height, inks })
    }

    /// Whether what follows is the only scan.
    pub(super) fn single_scan(&self) -> bool {
        // SAFETY: a header was read.
        unsafe { jpeg_has_multiple_scans(&(*self.state.0).jpeg) == 0 }
    }

    /// From now on coefficients come from `window`, or, if it `notes`, go there. To be said before anything
    /// is decoded, of a file of one scan.
    pub(super) fn share(&mut self, window: &Rc<RefCell<Window>>, notes: bool) {
        assert!(self.single_scan(), "said of other files");
        // SAFETY: as asserted, and the decoder was started when it was opened.
        unsafe { install(self.state.0, Rc::clone(window), notes) };
    }

    /// Decodes the next row; false: there is none, or its coefficients are still to come.
    pub(super) fn advance(&mut self) -> Result<bool, RenderError> {
        let Self { state, sink, row, left, inks, .. } = self;
        if *left == 0 {
            return Ok(false);
        }
        let advanced = calls(|| {
            let mut into = inks.as_mut().map_or(row.as_mut_ptr(), |(_, row)| row.as_mut_ptr());
            // SAFETY: the state is live and only used by this thread; a row has room for the samples that
            // were planned when it was opened.
            unsafe { jpeg_read_scanlines(&mut (*state.0).jpeg, &mut into, 1) == 1 }
        })?;
        if advanced {
            *left -= 1;
            if let Some((inks, inked)) = inks {
                inks.to_rgb(inked, row);
            }
            sink.row(row)?;
        }
        Ok(advanced)
    }

    /// Reads what follows the last row, which has been decoded.
    pub(super) fn finish(self) -> Outcome {
        // SAFETY: the state is live; libjpeg raises an error if it was too early.
        calls(|| unsafe { jpeg_finish_decompress(&mut (*self.state.0).jpeg) })?;
        self.into_pictures()
    }

    /// What a decoder made that was given its coefficients, and has nothing to read.
    pub(super) fn into_pictures(self) -> Outcome {
        self.sink.finish()
    }
}

/// Calls into libjpeg.
fn calls<T>(calls: impl FnOnce() -> T) -> Result<T, RenderError> {
    guarded(calls).map_err(RenderError::Decode)
}

/// Reads the header and gets ready for the first row; gives what a pixel is, and whether its samples are
/// inks before. Must run below [`guarded`].
///
/// # Safety
/// `state` is live, new and only used by this thread; `source` outlives it.
unsafe fn start(
    state: *mut State,
    source: &[u8],
    stored: Size,
    scaled: Size,
    scale: DctScale,
) -> (Channels, bool) {
    // SAFETY: error manager and progress monitor live as long as the decoder; fields are set in the order
    // that libjpeg asks for.
    unsafe {
        (*state).jpeg.common.err = &raw mut (*state).errors;
        jpeg_create_decompress(&raw mut (*state).jpeg);
        (*state).jpeg.common.client_data = state.cast();
        (*state).jpeg.common.progress = &raw mut (*state).progress;
        let jpeg = &mut (*state).jpeg;
        let len = c_ulong::try_from(source.len())
            .unwrap_or_else(|_| raise("the source is too long".into()));
        jpeg_mem_src(jpeg, source.as_ptr(), len);
        jpeg_read_header(jpeg, 1);
        (*state).one_scan = jpeg_has_multiple_scans(jpeg) == 0;
        // SECURITY: the memory budget and the limits were checked against the probe's reading.
        if (jpeg.image_width, jpeg.image_height) != (stored.width, stored.height) {
            raise("the size is not the one that was announced".into());
        }
        let (space, components, channels) = match jpeg.jpeg_color_space {
            JCS_CMYK | JCS_YCCK => (JCS_CMYK, 4, Channels::Rgb),
            JCS_GRAYSCALE => (JCS_GRAYSCALE, 1, Channels::Grey),
            _ => (JCS_RGB, 3, Channels::Rgb),
        };
        jpeg.out_color_space = space;
        jpeg.scale_num = scale.eighths;
        jpeg.scale_denom = 8;
        jpeg.dct_method = J_DCT_METHOD::JDCT_ISLOW;
        jpeg_start_decompress(jpeg);
        let size = Size { width: jpeg.output_width, height: jpeg.output_height };
        if size != scaled || jpeg.output_components != components {
            raise("the scaled size is not the one that was planned".into());
        }
        (channels, space == JCS_CMYK)
    }
}
