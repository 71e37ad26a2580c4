//! A still picture: the primary item, what it is put together from, and its alpha (ISO/IEC 23008-12 §6).

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::super::window::{Fault, Window};
use super::boxes::Span;
use super::tables::{MAX_PIECES, Tables, at_most};
use super::{Extent, Look, SequenceHeader, gather, sequence_header};
use crate::Size;

/// Bytes of a file that is not long.
const SHORT: u64 = 1 << 20;

/// A picture that stands still.
#[derive(Debug)]
pub(crate) struct Still {
    pub(crate) colour: Grid,
    pub(crate) alpha: Option<Grid>,
    /// Its colours are multiplied by its alpha.
    pub(crate) premultiplied: bool,
    pub(crate) look: Look,
}

/// Coded pictures of one size side by side, mostly one.
#[derive(Debug)]
pub(crate) struct Grid {
    /// Of the whole, whose last column and row may be cut.
    pub(crate) size: Size,
    pub(crate) columns: u32,
    pub(crate) cell: Size,
    /// By row, from the left.
    pub(crate) cells: Vec<Coded>,
    /// Of the first cell.
    pub(crate) header: SequenceHeader,
}

/// One coded picture.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) extents: Vec<Extent>,
    pub(crate) operating_point: u8,
    pub(crate) layer: Option<u8>,
}

impl Grid {
    /// How many cells there are, unless it is one picture.
    pub(super) fn more_than_one(&self) -> Option<u32> {
        u32::try_from(self.cells.len()).ok().filter(|cells| *cells > 1)
    }
}

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, meta: Span) -> Result<Still, Fault> {
    let tables = Tables::read(file, meta)?;
    let primary = tables.primary;
    let look = tables
        .look(file, primary)?
        .ok_or(Fault::Broken("the primary item has an essential property that is not known"))?;
    let colour = grid(file, &tables, primary, &look)?;
    let (alpha, premultiplied) = match alpha(file, &tables)? {
        Some((item, alpha)) => (Some(alpha), tables.targets(*b"prem", primary).contains(&item)),
        None => (None, false),
    };
    // SECURITY: no limit looks at its size.
    if let Some(Grid { size, .. }) = &alpha
        && (size.width > colour.size.width || size.height > colour.size.height)
    {
        return Err(Fault::Broken("its alpha is larger than itself"));
    }
    Ok(Still { colour, alpha, premultiplied, look })
}

/// The auxiliary item that says it is the alpha of the primary one, or one for each cell of it.
fn alpha<R: Read + Seek>(
    file: &mut Window<R>,
    tables: &Tables,
) -> Result<Option<(u32, Grid)>, Fault> {
    let alphas = alphas(file, tables)?;
    if let Some((item, look)) = alphas.get(&tables.primary) {
        return Ok(Some((*item, grid(file, tables, *item, look)?)));
    }
    if tables.kind(tables.primary) != Some(*b"grid") {
        return Ok(None);
    }
    let cells = tables.targets(*b"dimg", tables.primary).iter();
    let cells: Option<Vec<u32>> =
        cells.map(|cell| alphas.get(cell).map(|(item, _)| *item)).collect();
    let Some(cells) = cells else { return Ok(None) };
    let whole = payload(file, tables, tables.primary)?;
    put_together(file, tables, whole, &cells).map(|grid| cells.first().map(|first| (*first, grid)))
}

/// By item, the first auxiliary one that says it is its alpha. Once for all: thousands may refer to each of thousands.
fn alphas<R: Read + Seek>(
    file: &mut Window<R>,
    tables: &Tables,
) -> Result<BTreeMap<u32, (u32, Look)>, Fault> {
    let mut alphas = BTreeMap::new();
    for (auxiliary, of) in tables.references(*b"auxl") {
        if let Some(look) = tables.look(file, auxiliary)?.filter(|look| look.alpha) {
            for item in of {
                alphas.entry(*item).or_insert_with(|| (auxiliary, look.clone()));
            }
        }
    }
    Ok(alphas)
}

/// An item as a grid, if only of one.
fn grid<R: Read + Seek>(
    file: &mut Window<R>,
    tables: &Tables,
    item: u32,
    look: &Look,
) -> Result<Grid, Fault> {
    match tables.kind(item).as_ref() {
        Some(b"av01") => {
            let size = look.size.ok_or(Fault::Broken("a coded item has no size"))?;
            let cells = vec![coded(file, tables, item, look)?];
            let header = sequence_header(file, &cells[0].extents, size)?;
            Ok(Grid { size, columns: 1, cell: size, cells, header })
        }
        Some(b"grid") => {
            let whole = payload(file, tables, item)?;
            if look.size.is_some_and(|size| size != whole.size) {
                return Err(Fault::Broken("a grid has two sizes"));
            }
            put_together(file, tables, whole, tables.targets(*b"dimg", item))
        }
        _ => Err(Fault::Broken("an item is neither AV1 nor a grid of it")),
    }
}

fn coded<R: Read + Seek>(
    file: &Window<R>,
    tables: &Tables,
    item: u32,
    look: &Look,
) -> Result<Coded, Fault> {
    let extents = tables.extents(item)?.to_vec();
    // SECURITY: pieces that overlap make a small file a large item.
    if extents.iter().map(|extent| extent.len).sum::<u64>() > file.len() {
        return Err(Fault::Broken("an item is longer than the file"));
    }
    Ok(Coded { extents, operating_point: look.operating_point, layer: look.layer })
}

/// Columns, rows and the size of the whole.
struct Payload {
    columns: u32,
    rows: u32,
    size: Size,
}

/// ISO/IEC 23008-12 §6.6.2.3.
fn payload<R: Read + Seek>(
    file: &mut Window<R>,
    tables: &Tables,
    item: u32,
) -> Result<Payload, Fault> {
    let bytes = gather(file, tables.extents(item)?, 12)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let (rows, columns, sides) = match bytes.as_slice() {
        [0, flags, rows, columns, sides @ ..] if flags & 1 == 0 => (rows, columns, sides.get(..4)),
        [0, _, rows, columns, sides @ ..] => (rows, columns, sides.get(..8)),
        _ => return Err(Fault::Broken("a grid is not described")),
    };
    let sides = sides.ok_or(Fault::Broken("a grid is not described"))?;
    let (width, height) = sides.split_at(sides.len() / 2);
    let size = Size { width: number(width), height: number(height) };
    Ok(Payload { columns: u32::from(*columns) + 1, rows: u32::from(*rows) + 1, size })
}

/// Cells lie in the order in which they are referred to, whatever their numbers.
fn put_together<R: Read + Seek>(
    file: &mut Window<R>,
    tables: &Tables,
    Payload { columns, rows, size }: Payload,
    items: &[u32],
) -> Result<Grid, Fault> {
    if items.len() as u64 != u64::from(columns) * u64::from(rows) {
        return Err(Fault::Broken("a grid has not as many cells as it says"));
    }
    let (mut cells, mut pieces, mut bytes) = (Vec::with_capacity(items.len()), 0, 0_u64);
    let mut cell = None;
    for item in items {
        let look = tables.look(file, *item)?.filter(|_| tables.kind(*item) == Some(*b"av01"));
        let look = look.ok_or(Fault::Broken("a cell is not AV1"))?;
        let size = look.size.ok_or(Fault::Broken("a cell has no size"))?;
        if *cell.get_or_insert(size) != size {
            return Err(Fault::Broken("the cells of a grid differ in size"));
        }
        // SECURITY: cells may share their bytes, as blank ones do, but not all of a long file.
        let extents = tables.extents(*item)?;
        pieces += extents.len();
        at_most(pieces, MAX_PIECES)?;
        bytes += extents.iter().map(|extent| extent.len).sum::<u64>();
        if bytes > file.len().max(SHORT).saturating_mul(4) {
            return Err(Fault::Broken("the cells of a grid are longer than the file"));
        }
        cells.push(coded(file, tables, *item, &look)?);
    }
    let cell = cell.ok_or(Fault::Broken("a grid has no cells"))?;
    for (whole, cell, count) in
        [(size.width, cell.width, columns), (size.height, cell.height, rows)]
    {
        let covered = u64::from(cell) * u64::from(count);
        if covered < whole.into() || covered - u64::from(cell) >= whole.into() {
            return Err(Fault::Broken("the cells of a grid do not cover it"));
        }
    }
    let header = sequence_header(file, &cells[0].extents, cell)?;
    Ok(Grid { size, columns, cell, cells, header })
}
