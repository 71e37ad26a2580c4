//! Entropy decoding of progressive JPEG (T.81 annex G), a row of MCUs at a time.
//!
//! libjpeg reads scan after scan of the whole picture into an array of all its coefficients, 2 bytes each,
//! which it clears, fills and reads from main memory. Here every scan has a reader of its own and all move
//! down the picture together, so that the coefficients of one row of MCUs are all that is ever held, and
//! the nearest caches hold them. Which scans are read at all is up to [`rule`]. Inverse DCT, upsampling
//! and colour are libjpeg's: see `codec::jpeg`.
//!
//! Values are those of libjpeg for every valid file. Where libjpeg guesses on (with a warning, that this
//! engine takes for a failure), there is an error.
//!
//! This takes half of libjpeg's time. From a fourfold reduction on, scans that the image does not show are left out, which
//! takes it to two fifths. Which scans follows from the source and the scale alone: the bytes are the same whoever asks, and
//! several scales come from one reading.

mod bits;
mod huffman;
mod markers;
mod rule;
mod scan;
mod script;

use bits::Bits;
use huffman::Table;
pub(crate) use rule::Need;
use scan::{Pass, Places, ScanReader};
pub(crate) use script::Script;
use script::{Component, Scan};

/// Coefficients by row, not yet multiplied by their quantisation steps.
pub(crate) type Block = [i16; 64];

/// What is wrong with the entropy-coded data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corrupt(pub(crate) &'static str);

/// The blocks of one row of MCUs, MCU by MCU.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) blocks: Vec<Block>,
    /// For each, the set of coefficients that are known not to be zero, but for DC.
    known: Vec<u64>,
}

/// A file on its way down.
#[derive(Debug)]
pub(crate) struct Progressive<'a> {
    /// By stage, in the order of the file.
    stages: Vec<Vec<ScanReader<'a>>>,
    /// MCUs of a row, and blocks of each.
    mcus: usize,
    step: usize,
    /// Rows of MCUs.
    pub(crate) rows: usize,
}

impl<'a> Progressive<'a> {
    /// `needs` go from the least to the most; what [`Progressive::read`] calls stage n adds what need n has
    /// over those before it. `None` if a table is missing or wrong.
    pub(crate) fn open(script: &Script<'a>, needs: &[Option<Need>]) -> Option<Self> {
        let frame = &script.components[..];
        let across = frame.iter().map(|component| component.across).max()?;
        let down = frame.iter().map(|component| component.down).max()?;
        let [width, height] = [script.size.width, script.size.height].map(|side| side as usize);
        let step = frame.iter().map(blocks).sum();
        let mcus = width.div_ceil(8 * across);
        let places = |at: usize| Places {
            first: frame[..at].iter().map(blocks).sum(),
            step,
            across: frame[at].across,
            down: frame[at].down,
            columns: (width * frame[at].across).div_ceil(8 * across),
            rows: (height * frame[at].down).div_ceil(8 * down),
        };
        let mut stages: Vec<Vec<ScanReader<'a>>> = Vec::new();
        let mut read = vec![false; script.scans.len()];
        for need in needs {
            let mut stage = Vec::new();
            for (at, needed) in script.needed(*need).into_iter().enumerate() {
                if needed && !read[at] {
                    read[at] = true;
                    let scan = &script.scans[at];
                    let components = scan.components.iter().map(|(at, _)| places(*at)).collect();
                    stage.push(reader(scan, components)?);
                }
            }
            stages.push(stage);
        }
        Some(Self { stages, mcus, step, rows: height.div_ceil(8 * down) })
    }

    /// Makes `row` one of which nothing is known yet.
    pub(crate) fn clear(&self, row: &mut Row) {
        row.blocks.clear();
        row.blocks.resize(self.mcus * self.step, [0; 64]);
        row.known.clear();
        row.known.resize(self.mcus * self.step, 0);
    }

    /// Reads what `stage` adds to row `at`. Rows come in order from 0, and stages within each.
    pub(crate) fn read(&mut self, stage: usize, at: usize, row: &mut Row) -> Result<(), Corrupt> {
        self.stages[stage].iter_mut().try_for_each(|scan| scan.read(at, row))
    }
}

fn blocks(component: &Component) -> usize {
    component.across * component.down
}

fn reader<'a>(scan: &Scan<'a>, components: Vec<Places>) -> Option<ScanReader<'a>> {
    let mut tables = scan.components.iter().map(|(_, table)| {
        let definition = (*scan.tables.get(*table)?)?;
        Table::new(definition, scan.band.0 == 0)
    });
    let pass = match (scan.band.0, scan.before) {
        (0, 0) => Pass::DcFirst(tables.map(|table| Some((table?, 0))).collect::<Option<_>>()?),
        (0, _) => Pass::DcRefine,
        (_, 0) => Pass::AcFirst(tables.next()??),
        (_, _) => Pass::AcRefine(tables.next()??),
    };
    Some(ScanReader {
        bits: Bits::new(scan.data),
        pass,
        components,
        band: scan.band,
        after: scan.after,
        interval: scan.interval,
        until_restart: scan.interval,
        restarts: 0,
        ended: 0,
    })
}

/// Reads all of `source` in as many stages as there are, for the fuzzer. Whether it was one to be read.
#[cfg(feature = "fuzz")]
pub fn read_all(source: &[u8]) -> bool {
    use crate::geometry::DctScale;
    // Less than in production, where the limits of a picture come first.
    const PIXELS: u64 = 1 << 18;
    let Some(script) = Script::read(source, 16) else { return false };
    let needs = [1, 3, 8].map(|eighths| Need::of(DctScale { eighths }));
    if script.size.pixels() > PIXELS || script.size.width > 4096 {
        return false;
    }
    let Some(mut picture) = Progressive::open(&script, &needs) else { return false };
    let mut row = Row::default();
    (0..picture.rows).all(|at| {
        picture.clear(&mut row);
        (0..needs.len()).all(|stage| picture.read(stage, at, &mut row).is_ok())
    })
}
