//! Whether two pictures are the same picture, as far as two encoders allow.

use std::collections::{BTreeMap, HashMap};

use cuttle_oracles::{Raster, Sharp};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use crate::public::Source;

/// From this width up SSIMULACRA2 is asked; it knows little about thumbnails.
const LARGE: u32 = 256;
/// Of 255: how far a small picture may be from Next's.
const APART: f64 = 6.0;

/// Of 100: how much worse than Next's our picture may be, seen from the source.
///
/// Quality is a look with us: q is what libwebp makes of q, in every format, and JPEG and AVIF are 4:2:0. mozjpeg makes more
/// of the same number (5.6 in the mean of `bench/RESULTS.md`, at 1.2 times the bytes), and libaom at 4:4:4 much more of
/// text and lines (not of photographs).
fn worse(kind: &str) -> f64 {
    match kind {
        // The JPEG of 14 is another encoder: 11 better.
        "image/jpeg" => 12.0,
        "image/avif" => 20.0,
        _ => 3.0,
    }
}

/// Of 255: how much further than Next's from the source a small picture may be that is far from Next's. What one sample
/// says counts for more the fewer there are.
fn further(kind: &str, width: u32) -> f64 {
    let few = 64.0 / f64::from(width.max(1));
    match kind {
        "image/avif" => 6.0,
        "image/jpeg" => 3.0 + few,
        _ => 1.0 + few,
    }
}

/// Decodes and judges. sharp shares no code with the engine, and is what Next encodes with.
pub(crate) struct Judge {
    sharp: Sharp,
    references: BTreeMap<(*const Source, u32, u32), Raster>,
    /// By the two bodies: many requests are answered with one picture.
    judged: HashMap<[blake3::Hash; 2], Option<String>>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { sharp: Sharp::start(), references: BTreeMap::new(), judged: HashMap::new() }
    }

    /// How far `ours` is from `next`, in words, if that is too far. Of two types,
    /// one may keep what the other cannot, and only cells of 4 × 4 pixels are compared.
    pub(crate) fn apart(
        &mut self,
        source: &Source,
        next: &[u8],
        ours: &[u8],
        kinds: [&str; 2],
    ) -> Option<String> {
        let bodies = [next, ours].map(blake3::hash);
        if let Some(apart) = self.judged.get(&bodies) {
            return apart.clone();
        }
        let apart = self.judge(source, next, ours, kinds).unwrap_or_else(Some);
        self.judged.insert(bodies, apart.clone());
        apart
    }

    fn judge(
        &mut self,
        source: &Source,
        next: &[u8],
        ours: &[u8],
        kinds: [&str; 2],
    ) -> Result<Option<String>, String> {
        let alike = kinds[0] == kinds[1];
        let read = |who: &str, error: String| format!("{who} cannot be decoded: {error}");
        let ours = self.sharp.still(ours, None).map_err(|error| read("ours", error))?;
        let (width, height) = ours.size();
        // Next may have sent the original, at full size.
        let next =
            self.sharp.still(next, Some((width, height))).map_err(|error| read("Next's", error))?;
        let reference = self.reference(source, width, height)?;
        if width < LARGE {
            let far = |a: &Raster, b: &Raster| {
                if alike { mean(a, b) } else { mean(&a.coarse(4), &b.coarse(4)) }
            };
            let apart = far(&ours, &next);
            // Two lossy pictures of noise are as far apart as their errors together: ours may be, where it is as
            // close to the source as Next's.
            let (own, others) = (far(&ours, reference), far(&next, reference));
            let worse = apart > APART && own > others + further(kinds[1], width);
            return Ok(worse.then(|| {
                format!(
                    "{apart:.1} of 255 from Next's, {own:.1} from the source, Next's {others:.1}"
                )
            }));
        }
        let reference = Ssimulacra2Reference::new(&slice(&on_black(reference), width, height))
            .map_err(|error| error.to_string())?;
        let score = |raster: &Raster| {
            let compared = reference.compare(&slice(&on_black(raster), width, height));
            compared.map_err(|error| error.to_string())
        };
        let (ours, next) = (score(&ours)?, score(&next)?);
        Ok((ours < next - worse(kinds[1])).then(|| format!("ssim2 {ours:.1}, Next's {next:.1}")))
    }

    fn reference(&mut self, source: &Source, width: u32, height: u32) -> Result<&Raster, String> {
        let key = (std::ptr::from_ref(source), width, height);
        if !self.references.contains_key(&key) {
            let raster = self.sharp.still(&source.bytes, Some((width, height)))?;
            self.references.insert(key, raster);
        }
        Ok(&self.references[&key])
    }
}

/// As Next flattens it where it has no transparency.
fn on_black(raster: &Raster) -> Vec<u8> {
    let pixels = raster.rgba.as_chunks::<4>().0.iter();
    pixels
        .flat_map(|[rgb @ .., alpha]| {
            rgb.map(|sample| (u16::from(sample) * u16::from(*alpha) / 255) as u8)
        })
        .collect()
}

fn mean(a: &Raster, b: &Raster) -> f64 {
    let (a, b) = (on_black(a), on_black(b));
    let sum: u64 = a.iter().zip(&b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

fn slice(rgb: &[u8], width: u32, height: u32) -> PixelSlice<'_> {
    let stride = width as usize * 3;
    PixelSlice::new(rgb, width, height, stride, PixelDescriptor::RGB8_SRGB)
        .expect("three bytes a pixel")
}
