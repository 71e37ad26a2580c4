//! AVIF image sequences to 8-bit RGBA, frame after frame.

use std::time::Duration;

use super::super::av1::{Choice, Decoder};
use super::decode::{Development, failed, opacity, pieces};
use super::planes::Planes;
use crate::animation::frames::Frames;
use crate::picture::{Channels, Picture};
use crate::probe::avif::{Film, Shown, Stream, describe};
use crate::{RenderError, Size};

/// The pictures of the track of colours, with the alpha of the track that goes with it.
pub(crate) struct Sequence<'a> {
    source: &'a [u8],
    film: Film,
    colour: Decoder,
    alpha: Option<Decoder>,
    /// Which frame is next.
    at: usize,
    canvas: Picture,
}

impl<'a> Sequence<'a> {
    pub(crate) fn open(source: &'a [u8], size: Size) -> Result<Self, RenderError> {
        let Shown::Film(film) = describe(source).map_err(failed)? else {
            return Err(failed("it is no sequence"));
        };
        if film.look.cut(film.size) != size {
            return Err(failed("the size is not the one that was announced"));
        }
        let operating_point = film.look.operating_point;
        let decoder = |stream: &Stream| {
            let frame_pixels = stream.header.size.pixels();
            Decoder::open(Choice { operating_point, layer: None, frame_pixels }).map_err(failed)
        };
        let colour = decoder(&film.colour)?;
        let alpha = film.alpha.as_ref().map(decoder).transpose()?;
        let canvas = Picture::blank(size, Channels::Rgba);
        Ok(Self { source, film: *film, colour, alpha, at: 0, canvas })
    }

    fn draw(&mut self) -> Result<(), RenderError> {
        let size = self.film.size;
        let frame = |decoder: &mut Decoder, stream: &Stream| {
            let sample = stream.samples.get(self.at).ok_or("there is no sample")?;
            decoder.frame(&pieces(self.source, std::slice::from_ref(sample))?).map(Planes::Frame)
        };
        let alpha = match (&mut self.alpha, &self.film.alpha) {
            (Some(decoder), Some(stream)) => {
                Some(opacity(&frame(decoder, stream).map_err(failed)?, size)?)
            }
            _ => None,
        };
        let planes = frame(&mut self.colour, &self.film.colour).map_err(failed)?;
        if planes.size() != size {
            return Err(failed("a frame has not the size that was announced"));
        }
        let development = Development {
            colours: self.film.look.nclx.unwrap_or(self.film.colour.header.colours),
            alpha: alpha.as_ref(),
            premultiplied: self.film.premultiplied,
            converter: None,
        };
        development.of(&planes, &mut self.canvas).map_err(failed)
    }
}

impl Frames for Sequence<'_> {
    fn advance(&mut self) -> Result<Option<Duration>, RenderError> {
        let Some(shown) = self.film.durations.get(self.at).copied() else { return Ok(None) };
        self.draw()?;
        self.at += 1;
        Ok(Some(shown))
    }

    fn canvas(&self) -> &Picture {
        &self.canvas
    }

    fn plays(&self) -> u32 {
        self.film.plays
    }
}
