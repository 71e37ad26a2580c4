//! What all tables of the matrix share: where pictures come from, how a rendition is read, what is kept.

use std::fmt::Write as _;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use cuttle_demo::fixtures::{
    self, Fixture, PngOptions, contained, fixtures, odd, png, several_tracks,
};
use cuttle_image::{Kind, Limits, Profile, RenderOptions, Rendition, Target, probe, render};
use cuttle_oracles::{Distance, Film, Raster};

/// A picture and the name of its row.
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// As displayed.
    pub(crate) width: u32,
    pub(crate) moves: bool,
    /// What it was drawn from, if that is known.
    pub(crate) film: Option<fixtures::Film>,
}

/// All fixtures that the engine renders, then whatever lies in the folder.
pub(crate) fn pictures() -> Vec<Picture> {
    let ours = fixtures().into_iter().filter(|fixture| fixture.renderable).map(
        |Fixture { name, bytes, width, animated, film, .. }| Picture {
            name: name.to_owned(),
            bytes,
            width,
            moves: animated,
            film,
        },
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures");
    let mut dropped: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    dropped.retain(|path| path.extension().is_none_or(|extension| extension != "md"));
    dropped.sort();
    ours.chain(dropped.iter().map(|path| from_file(path))).collect()
}

/// Whatever is drawn for any test, and what lies in the folder.
pub(crate) fn everything() -> Vec<(String, Vec<u8>)> {
    let ours = fixtures().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let odd = odd().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let contained = contained().into_iter().map(|file| (file.name.to_owned(), file.bytes));
    let tracks = several_tracks().into_iter().map(|(name, bytes, _)| (name.to_owned(), bytes));
    let dropped = pictures().into_iter().map(|file| (file.name, file.bytes));
    let mut all: Vec<_> = ours.chain(odd).chain(contained).chain(tracks).chain(dropped).collect();
    all.sort();
    all.dedup();
    all
}

/// Canvases that differ from the one before, and for how many milliseconds each is seen: neighbours that do not differ are
/// one to whoever looks, and a page shows a time of 10 ms or less for 100, where decoders say what the file says.
pub(crate) fn canvases(film: &Film) -> Vec<(&Raster, f64)> {
    let mut canvases: Vec<(&Raster, f64)> = Vec::new();
    for (frame, said) in film.frames.iter().zip(&film.durations) {
        let time = if *said < 11.0 { 100.0 } else { said.floor() };
        match canvases.last_mut() {
            Some((last, shown)) if *last == frame => *shown += time,
            _ => canvases.push((frame, time)),
        }
    }
    canvases
}

fn from_file(path: &Path) -> Picture {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let bytes = fs::read(path).unwrap();
    let found = probe(Cursor::new(&bytes)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let width = found.display_size().map_or(0, |size| size.width);
    Picture { name, bytes, width, moves: found.animated, film: None }
}

/// At a quality where the coding is not what is seen.
pub(crate) fn rendition(bytes: &[u8], width: u32, target: Target) -> Result<Rendition, String> {
    let options = RenderOptions::new(width, target, 90, Profile::Balanced);
    render(bytes, &options, &Limits::default()).map_err(|error| error.to_string())
}

/// What the engine sees in a picture: its PNG, which loses nothing, read by the `png` crate.
pub(crate) fn seen(picture: &Picture, width: u32) -> Result<Raster, String> {
    let rendition = rendition(&picture.bytes, width, Target::Png)?;
    assert_eq!(rendition.kind, Kind::Png);
    Ok(read_png(&rendition.bytes))
}

pub(crate) fn read_png(bytes: &[u8]) -> Raster {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    Raster::new(info.width, info.height, to_rgba(info.color_type.samples(), &samples))
}

/// From grey, grey with alpha, RGB or RGBA.
pub(crate) fn to_rgba(channels: usize, samples: &[u8]) -> Vec<u8> {
    let pixel = |pixel: &[u8]| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha] => [r, g, b, alpha],
        _ => unreachable!("one to four channels"),
    };
    samples.chunks_exact(channels).flat_map(pixel).collect()
}

/// As a file, without loss.
pub(crate) fn to_png(picture: &Raster) -> Vec<u8> {
    let options = PngOptions::new(png::ColorType::Rgba, png::BitDepth::Eight);
    png(&picture.rgba, picture.width, picture.height, &options)
}

/// What a row may differ by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    pub(crate) mean: f64,
    pub(crate) p99: f64,
    /// Mean of alpha, of 255.
    pub(crate) alpha: f64,
}

impl Bound {
    pub(crate) fn holds(self, found: Distance) -> bool {
        found.mean <= self.mean && found.p99 <= self.p99 && found.alpha <= self.alpha
    }
}

/// The rows of one table: written down as they come, judged at the end, so that a run shows all of them.
pub(crate) struct Table {
    name: &'static str,
    rows: String,
    failed: Vec<String>,
}

impl Table {
    pub(crate) fn new(name: &'static str) -> Self {
        let rows = "picture\tmean\tp99\talpha\n".to_owned();
        Self { name, rows, failed: Vec::new() }
    }

    /// Notes how far `ours` is from `theirs`; further than `bound` allows is a failure.
    pub(crate) fn compare(&mut self, row: &str, ours: &Raster, theirs: &Raster, bound: Bound) {
        let verdict = match ours.distance(theirs) {
            Ok(found) => {
                let Distance { mean, p99, alpha } = found;
                writeln!(self.rows, "{row}\t{mean:.3}\t{p99:.3}\t{alpha:.3}").unwrap();
                let fails = !bound.holds(found);
                fails.then(|| format!("mean {mean:.2}, p99 {p99:.2}, alpha {alpha:.2}"))
            }
            Err(sizes) => Some(sizes),
        };
        if let Some(verdict) = &verdict {
            let ours = self.keep(row, "ours", ours);
            self.keep(row, "theirs", theirs);
            self.fail(row, &format!("{verdict}; both are beside {}", ours.display()));
        }
    }

    pub(crate) fn fail(&mut self, row: &str, reason: &str) {
        self.failed.push(format!("{row}: {reason}"));
    }

    fn keep(&self, row: &str, side: &str, picture: &Raster) -> PathBuf {
        let bytes = to_png(picture);
        let row = row.replace(", ", "-").replace([' ', '/'], "-");
        let path = folder().join("failed").join(format!("{}-{row}-{side}.png", self.name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// # Panics
    /// When a row failed.
    pub(crate) fn judge(self) {
        write_down(self.name, &self.rows);
        let rows = self.rows.lines().count() - 1;
        assert!(
            self.failed.is_empty(),
            "of {rows} rows of {}:\n{}",
            self.name,
            self.failed.join("\n")
        );
    }
}

/// Keeps the rows of a table.
pub(crate) fn write_down(name: &str, rows: &str) {
    fs::create_dir_all(folder()).unwrap();
    fs::write(folder().join(name).with_extension("tsv"), rows).unwrap();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/oracles")
}
