//! The pictures that are measured: every JPEG and PNG of a folder, read once.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use cuttle_image::{Kind, probe};

/// One picture.
#[derive(Clone)]
pub(crate) struct Photo {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) kind: Kind,
    pub(crate) progressive: bool,
}

pub(crate) fn read(folder: &Path) -> Vec<Photo> {
    let mut photos: Vec<Photo> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let bytes = fs::read(entry.path()).ok()?;
            let probe = probe(Cursor::new(&bytes)).ok()?;
            let size = probe.display_size()?;
            matches!(probe.kind, Kind::Jpeg | Kind::Png).then(|| Photo {
                name: entry.file_name().to_string_lossy().into_owned(),
                width: size.width,
                height: size.height,
                kind: probe.kind,
                progressive: probe.progressive,
                bytes,
            })
        })
        .collect();
    photos.sort_by(|a, b| a.name.cmp(&b.name));
    photos
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The middle of ratios: a factor and its inverse cancel.
pub(crate) fn geometric_mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = ratios.fold((0.0, 0.0), |(sum, n), ratio| (sum + ratio.ln(), n + 1.0));
    f64::exp(sum / count)
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / count
}
