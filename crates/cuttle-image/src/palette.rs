//! Pictures as indices into at most 256 colours.
//!
//! Exact where a picture has no more of them. Else the colours are parted where they differ most: the part
//! with the largest squared error is cut in two at its mean, along the channel that varies most, until there
//! are 256 (Wan, Wong and Prusinkiewicz 1988 without their search for the best cut). No dithering: what is
//! quantised here was a palette before it was resized, and noise would cost more bytes than it hides. Order
//! of pixels and hashing play no part, so equal pictures give equal palettes.

use std::collections::BTreeSet;

use crate::picture::{Channels, Picture};

/// What one byte can number.
const MAX_COLOURS: usize = 256;

/// A picture by palette.
#[derive(Debug)]
pub(crate) struct Indexed {
    /// RGBA, the least opaque first, so that PNG's list of alphas is short.
    pub(crate) colours: Vec<[u8; 4]>,
    /// One per pixel.
    pub(crate) indices: Vec<u8>,
}

impl Indexed {
    /// The same pixels, if they have no more than 256 colours.
    pub(crate) fn exact(picture: &Picture) -> Option<Self> {
        let mut seen = BTreeSet::new();
        let mut last = None;
        for colour in keys(picture) {
            if last != Some(colour) {
                seen.insert(colour);
                last = Some(colour);
                if seen.len() > MAX_COLOURS {
                    return None;
                }
            }
        }
        let colours: Vec<u32> = seen.into_iter().collect();
        let numbers: Vec<usize> = (0..colours.len()).collect();
        Some(Self { indices: look_up(picture, &colours, &numbers), colours: rgba(&colours) })
    }

    /// Nearly the same pixels, in at most 256 colours.
    pub(crate) fn nearest(picture: &Picture) -> Self {
        let mut all: Vec<u32> = keys(picture).collect();
        all.sort_unstable();
        let samples: Vec<Sample> = all.chunk_by(|a, b| a == b).map(Sample::new).collect();
        let order = (0..samples.len()).collect();
        let mut parts = vec![Part::new(order, &samples)];
        while parts.len() < MAX_COLOURS {
            let worst = (0..parts.len()).max_by(|a, b| parts[*a].error.total_cmp(&parts[*b].error));
            let Some(worst) = worst.filter(|worst| parts[*worst].error > 0.0) else { break };
            let (low, high) = parts.swap_remove(worst).cut(&samples);
            parts.extend([low, high]);
        }
        // By colour, so that palettes compress and alphas come first.
        parts.sort_by_key(|part| key(part.mean(&samples)));
        let mut numbers = vec![0; samples.len()];
        for (number, part) in parts.iter().enumerate() {
            for member in &part.members {
                numbers[*member] = number;
            }
        }
        let colours: Vec<u32> = samples.iter().map(|sample| key(sample.colour)).collect();
        Self {
            indices: look_up(picture, &colours, &numbers),
            colours: parts.iter().map(|part| part.mean(&samples)).collect(),
        }
    }
}

/// One colour and how often it is there.
struct Sample {
    colour: [u8; 4],
    count: f64,
    /// Colour weighted by alpha, then alpha: what is transparent differs little, whatever its colour.
    place: [f64; 4],
}

impl Sample {
    fn new(same: &[u32]) -> Self {
        let colour @ [r, g, b, a] = rgba(&same[..1])[0];
        let alpha = f64::from(a) / 255.0;
        let weigh = |sample: u8| f64::from(sample) * alpha;
        Self {
            colour,
            count: same.len() as f64,
            place: [weigh(r), weigh(g), weigh(b), f64::from(a)],
        }
    }
}

/// Colours that will be one.
struct Part {
    members: Vec<usize>,
    mean: [f64; 4],
    /// The channel that varies most.
    widest: usize,
    /// Sum of squared distances to the mean along it.
    error: f64,
}

impl Part {
    fn new(members: Vec<usize>, samples: &[Sample]) -> Self {
        let (mut count, mut sum, mut squares) = (0.0, [0.0; 4], [0.0; 4]);
        for sample in members.iter().map(|member| &samples[*member]) {
            count += sample.count;
            for channel in 0..4 {
                sum[channel] += sample.count * sample.place[channel];
                squares[channel] += sample.count * sample.place[channel].powi(2);
            }
        }
        let mean = sum.map(|sum: f64| sum / count);
        let error = |channel: usize| squares[channel] - sum[channel] * mean[channel];
        let widest = (0..4).max_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(0);
        // A single colour has none; what is left of it is rounding.
        let error = if members.len() > 1 { error(widest) } else { 0.0 };
        Self { members, mean, widest, error }
    }

    fn cut(self, samples: &[Sample]) -> (Self, Self) {
        let below = |member: &usize| samples[*member].place[self.widest] <= self.mean[self.widest];
        let (low, high): (Vec<_>, Vec<_>) = self.members.into_iter().partition(below);
        // Rounding may put a mean on its largest member; then there is nothing left to part.
        if low.is_empty() || high.is_empty() {
            let mut members = if low.is_empty() { high } else { low };
            let last = members.split_off(members.len() - 1);
            return (Self::new(members, samples), Self::new(last, samples));
        }
        (Self::new(low, samples), Self::new(high, samples))
    }

    fn mean(&self, samples: &[Sample]) -> [u8; 4] {
        if let [only] = self.members.as_slice() {
            return samples[*only].colour;
        }
        let [r, g, b, alpha] = self.mean;
        let straight = |weighted: f64| if alpha > 0.0 { weighted * 255.0 / alpha } else { 0.0 };
        [straight(r), straight(g), straight(b), alpha].map(|sample| sample.round() as u8)
    }
}

/// The colour of each pixel as a number: alpha first, so that they sort by it. Wholly transparent pixels
/// are one colour.
fn keys(picture: &Picture) -> impl Iterator<Item = u32> {
    let channels = picture.channels;
    picture.samples.chunks_exact(channels.count()).map(move |pixel| {
        let colour = match (channels, pixel) {
            (Channels::Grey, [l, ..]) => [*l, *l, *l, 255],
            (Channels::GreyAlpha, [l, a, ..]) => [*l, *l, *l, *a],
            (Channels::Rgb, [r, g, b, ..]) => [*r, *g, *b, 255],
            (Channels::Rgba, [r, g, b, a]) => [*r, *g, *b, *a],
            _ => [0; 4],
        };
        key(colour)
    })
}

fn key([r, g, b, a]: [u8; 4]) -> u32 {
    if a == 0 { 0 } else { u32::from_be_bytes([a, r, g, b]) }
}

fn rgba(keys: &[u32]) -> Vec<[u8; 4]> {
    let colour = |key: &u32| {
        let [a, r, g, b] = key.to_be_bytes();
        [r, g, b, a]
    };
    keys.iter().map(colour).collect()
}

/// The number of each pixel's colour; `colours` are sorted and complete.
fn look_up(picture: &Picture, colours: &[u32], numbers: &[usize]) -> Vec<u8> {
    let mut last = (0, None);
    let number = |colour: u32| match last {
        (known, Some(number)) if known == colour => number,
        _ => {
            let at = colours.binary_search(&colour).unwrap_or(0);
            let number = u8::try_from(numbers[at]).unwrap_or(u8::MAX);
            last = (colour, Some(number));
            number
        }
    };
    keys(picture).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    fn picture(pixels: &[[u8; 4]]) -> Picture {
        let size = Size { width: u32::try_from(pixels.len()).unwrap(), height: 1 };
        Picture { size, channels: Channels::Rgba, samples: pixels.concat() }
    }

    fn painted(indexed: &Indexed) -> Vec<[u8; 4]> {
        indexed.indices.iter().map(|index| indexed.colours[usize::from(*index)]).collect()
    }

    #[test]
    fn up_to_256_colours_are_exact_and_more_are_not() {
        let pixels: Vec<[u8; 4]> = (0..=255).map(|v| [v, 255 - v, v / 2, 255]).collect();
        assert_eq!(painted(&Indexed::exact(&picture(&pixels)).unwrap()), pixels);
        let more = [pixels, vec![[1, 2, 3, 255]]].concat();
        assert!(Indexed::exact(&picture(&more)).is_none());
    }

    #[test]
    fn the_least_opaque_colours_come_first_and_nothing_is_one_colour() {
        let pixels = [[9, 9, 9, 255], [1, 2, 3, 0], [7, 7, 7, 0], [200, 0, 0, 99]];
        let indexed = Indexed::exact(&picture(&pixels)).unwrap();
        assert_eq!(indexed.colours, [[0, 0, 0, 0], [200, 0, 0, 99], [9, 9, 9, 255]]);
        assert_eq!(indexed.indices, [2, 0, 0, 1]);
    }

    #[test]
    fn a_smooth_picture_keeps_its_colours_nearly() {
        let pixels: Vec<[u8; 4]> = (0..64_u32 * 64)
            .map(|at| [(at % 64 * 4) as u8, (at / 64 * 4) as u8, 80, 255])
            .collect();
        let indexed = Indexed::nearest(&picture(&pixels));
        assert_eq!(indexed.colours.len(), 256);
        for (found, expected) in painted(&indexed).iter().zip(&pixels) {
            assert!(
                found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 16),
                "{found:?} {expected:?}"
            );
        }
    }

    #[test]
    fn what_a_picture_mostly_is_stays_exact() {
        let mut pixels = vec![[255, 255, 255, 255]; 10_000];
        pixels.extend((0..1000_u32).map(|at| [(at % 250) as u8, (at / 4) as u8, 30, 255]));
        let indexed = Indexed::nearest(&picture(&pixels));
        assert_eq!(painted(&indexed)[0], [255, 255, 255, 255]);
    }

    #[test]
    fn the_order_of_pixels_changes_no_colour() {
        let mut pixels: Vec<[u8; 4]> = (0..3000_u32)
            .map(|at| [(at * 7) as u8, (at / 11) as u8, (at * 3) as u8, 255])
            .collect();
        let forth = Indexed::nearest(&picture(&pixels)).colours;
        pixels.reverse();
        assert_eq!(Indexed::nearest(&picture(&pixels)).colours, forth);
    }
}
