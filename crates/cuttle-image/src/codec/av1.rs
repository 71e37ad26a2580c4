//! AV1 by `rav1d`, dav1d in Rust, of which only the functions that C would call are public.
//!
//! One thread and no frame of delay: others would be refused by the sandbox. It says nothing on standard error, and it
//! makes no frame that is larger than was announced. What it cannot survive (no memory, a panic) ends the process: a
//! worker's, which is there for that. Version 1.1.0 does so over a frame that breaks off in the middle, where it has no
//! threads (memorysafety/rav1d#1497), so nobody else may decode what a stranger sent.
#![expect(unsafe_code, reason = "the functions of rav1d are those of C")]

use std::ffi::{c_int, c_uint};
use std::io::{Error, ErrorKind};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, copy_nonoverlapping};
use std::slice;

use rav1d::Dav1dResult;
use rav1d::include::dav1d::data::Dav1dData;
use rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422,
};
use rav1d::include::dav1d::picture::Dav1dPicture;
use rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture,
    dav1d_open, dav1d_picture_unref, dav1d_send_data,
};

use crate::Size;
use crate::probe::avif::Chroma;

/// What is decoded of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) operating_point: u8,
    /// Of several spatial layers this one, otherwise the best.
    pub(crate) layer: Option<u8>,
    /// SECURITY: pixels of a frame, checked before its memory is asked for.
    pub(crate) frame_pixels: u64,
}

pub(crate) struct Decoder {
    context: Option<Dav1dContext>,
    layer: Option<u8>,
}

impl Decoder {
    pub(crate) fn open(choice: Choice) -> Result<Self, String> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: it writes all of the settings to memory that is ours. A logger without a callback is none.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            let mut settings = settings.assume_init();
            settings.logger = Dav1dLogger::new(None, None);
            settings
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.operating_point = choice.operating_point.into();
        settings.all_layers = c_int::from(choice.layer.is_some());
        // 0 would be no limit.
        settings.frame_size_limit =
            c_uint::try_from(choice.frame_pixels).unwrap_or(c_uint::MAX).max(1);
        let mut decoder = Self { context: None, layer: choice.layer };
        // SAFETY: both are live for the call; the allocator in the settings is the default one.
        let opened = unsafe {
            dav1d_open(
                Some(NonNull::from(&mut decoder.context)),
                Some(NonNull::from(&mut settings)),
            )
        };
        check(opened)?;
        Ok(decoder)
    }

    /// The next frame, of which these are the bytes, in pieces.
    pub(crate) fn frame(&mut self, pieces: &[&[u8]]) -> Result<Frame, String> {
        let mut data = Data::copy(pieces)?;
        loop {
            if data.0.sz > 0 {
                // SAFETY: the context is open, and the data ours until it is taken, which empties it.
                let sent =
                    unsafe { dav1d_send_data(self.context, Some(NonNull::from(&mut data.0))) };
                // It may still have some of the last.
                if !is_again(sent) {
                    check(sent)?;
                }
            }
            let mut picture = Frame(Dav1dPicture::default());
            // SAFETY: the context is open; what was in the picture is nothing.
            let got =
                unsafe { dav1d_get_picture(self.context, Some(NonNull::from(&mut picture.0))) };
            if is_again(got) && data.0.sz > 0 {
                continue;
            }
            check(got)?;
            if self.layer.is_none_or(|layer| layer == picture.layer()) {
                return Ok(picture);
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: opened by `dav1d_open` or `None`, closed once.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.context))) };
    }
}

/// Bytes that rav1d owns together with us.
struct Data(Dav1dData);

impl Data {
    fn copy(pieces: &[&[u8]]) -> Result<Self, String> {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        if len == 0 {
            return Err("there is no data".into());
        }
        let mut data = Self(Dav1dData::default());
        // SAFETY: it gives `len` bytes that are ours to fill, or null; the pieces are together as long.
        unsafe {
            let mut at = dav1d_data_create(Some(NonNull::from(&mut data.0)), len);
            if at.is_null() {
                return Err("out of memory".into());
            }
            for piece in pieces {
                copy_nonoverlapping(piece.as_ptr(), at, piece.len());
                at = at.add(piece.len());
            }
        }
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: made by `dav1d_data_create` or empty; released once.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) };
    }
}

/// A decoded frame, with its grain.
pub(crate) struct Frame(Dav1dPicture);

/// Samples of one plane.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Samples<'a> {
    Eight(&'a [u8]),
    /// In the low bits.
    More(&'a [u16]),
}

impl Frame {
    pub(crate) fn size(&self) -> Size {
        let side = |side: c_int| u32::try_from(side).unwrap_or(0);
        Size { width: side(self.0.p.w), height: side(self.0.p.h) }
    }

    pub(crate) fn depth(&self) -> u8 {
        u8::try_from(self.0.p.bpc).unwrap_or(8)
    }

    pub(crate) fn chroma(&self) -> Chroma {
        match self.0.p.layout {
            DAV1D_PIXEL_LAYOUT_I400 => Chroma::None,
            DAV1D_PIXEL_LAYOUT_I420 => Chroma::Quarter,
            DAV1D_PIXEL_LAYOUT_I422 => Chroma::Half,
            _ => Chroma::Full,
        }
    }

    /// Whether the stream says that samples use all codes.
    pub(crate) fn full_range(&self) -> bool {
        // SAFETY: a picture that was decoded holds the header that it was decoded by.
        self.0.seq_hdr.is_some_and(|header| unsafe { header.as_ref() }.color_range != 0)
    }

    /// Rows of a plane, luma first, and samples from one to the next.
    pub(crate) fn plane(&self, plane: usize) -> (Samples<'_>, usize) {
        let size = if plane == 0 { self.size() } else { self.chroma().plane(self.size()) };
        let (width, rows) = (size.width as usize, size.height as usize);
        let bytes = usize::try_from(self.0.stride[plane.min(1)]).unwrap_or(0);
        let stride = if self.depth() > 8 { bytes / 2 } else { bytes };
        let Some(start) = self.0.data[plane].filter(|_| rows > 0 && stride >= width) else {
            return (Samples::Eight(&[]), 0);
        };
        let len = stride * (rows - 1) + width;
        // SAFETY: the default allocator gave each plane `stride` for each of its rows, aligned to 64 bytes and initialized;
        // nobody writes there once the picture was handed out, and it lives as long as `self`.
        let samples = unsafe {
            if self.depth() > 8 {
                Samples::More(slice::from_raw_parts(start.cast().as_ptr(), len))
            } else {
                Samples::Eight(slice::from_raw_parts(start.cast().as_ptr(), len))
            }
        };
        (samples, stride)
    }

    fn layer(&self) -> u8 {
        // SAFETY: a picture that was decoded holds the header that it was decoded by.
        self.0.frame_hdr.map_or(0, |header| unsafe { header.as_ref() }.spatial_id)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: filled by `dav1d_get_picture` or empty; released once.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
    }
}

/// Whether there is more to be sent, or to be taken, first.
fn is_again(result: Dav1dResult) -> bool {
    result.0 < 0 && Error::from_raw_os_error(-result.0).kind() == ErrorKind::WouldBlock
}

fn check(result: Dav1dResult) -> Result<(), String> {
    match result.0 {
        0 => Ok(()),
        _ if is_again(result) => Err("there is no frame".into()),
        code => Err(format!("it is no valid AV1 (rav1d {code})")),
    }
}
