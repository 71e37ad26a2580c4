//! The headers of a progressive JPEG, read ahead: its frame, and where its scans are.
//!
//! Only files that are complete and orderly have a script. Everything else is for libjpeg to read or to
//! refuse: garbage between markers, tables that change in the middle, odd sampling, 12 bits.

use super::markers::{after_data, next};
use crate::Size;

/// Blocks of an MCU, at most (T.81 B.2.3).
const MCU_BLOCKS: usize = 10;

/// Low bits that a scan may leave unknown, at most: libjpeg's limit, and the standard's for 8 bits.
const MAX_UNKNOWN: u8 = 13;

/// A component of the frame (T.81 B.2.2).
#[derive(Debug, Clone)]
pub(super) struct Component {
    id: u8,
    /// Its blocks in an MCU.
    pub(super) across: usize,
    pub(super) down: usize,
    table: u8,
}

/// One scan (T.81 B.2.3 and G.1.1).
#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// Its components by their place in the frame, each with the place of its table in `tables`.
    pub(super) components: Vec<(usize, usize)>,
    /// First and last coefficient, in zigzag order.
    pub(super) band: (u8, u8),
    /// Low bits still unknown before it; 0 for the first scan of its coefficients, which knows none.
    pub(super) before: u8,
    /// Low bits still unknown after it.
    pub(super) after: u8,
    /// Huffman tables as they are defined when it begins: four for DC, four for AC.
    pub(super) tables: [Option<&'a [u8]>; 8],
    /// MCUs between restart markers; 0: there are none.
    pub(super) interval: u32,
    /// Entropy-coded.
    pub(super) data: &'a [u8],
}

impl Scan<'_> {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let shares = |place| other.components.iter().any(|(at, _)| *at == place);
        self.components.iter().any(|(at, _)| shares(*at))
            && self.band.0 <= other.band.1
            && other.band.0 <= self.band.1
    }
}

/// A whole progressive file.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    pub(crate) size: Size,
    pub(super) components: Vec<Component>,
    pub(super) scans: Vec<Scan<'a>>,
    /// Quantisation steps of each component, in zigzag order.
    pub(super) steps: Vec<[u16; 64]>,
    /// A file of the same frame in one sequential scan, up to that scan's data.
    pub(crate) sequential: Vec<u8>,
}

impl<'a> Script<'a> {
    /// `None` for anything but an orderly, complete progressive file.
    pub(crate) fn read(source: &'a [u8], scan_limit: u32) -> Option<Self> {
        let mut steps = [None; 4];
        let mut tables = [None; 8];
        let mut interval = 0;
        let mut frame: Option<(Size, Vec<Component>)> = None;
        let mut scans: Vec<Scan<'a>> = Vec::new();
        let mut sequential = vec![0xff, 0xd8];
        let mut at = 2;
        loop {
            let (marker, past) = next(source, at)?;
            at = past;
            if marker == 0xd9 {
                break;
            }
            let len = usize::from(u16::from_be_bytes(*source.get(at..)?.first_chunk()?));
            let body = source.get(at + 2..at + len)?;
            at += len;
            match marker {
                0xc4 => read_tables(body, &mut tables)?,
                // A table between scans could be meant for later ones only.
                0xdb if scans.is_empty() => {
                    read_steps(body, &mut steps)?;
                    append(&mut sequential, marker, body);
                }
                0xdd => interval = u16::from_be_bytes(body.try_into().ok()?).into(),
                0xc2 if frame.is_none() => frame = Some(read_frame(body)?),
                0xda if scans.len() < usize::try_from(scan_limit).ok()? => {
                    let end = after_data(source, at)?;
                    let mut scan = read_scan(body, &frame.as_ref()?.1)?;
                    scan.tables = tables;
                    scan.interval = interval;
                    scan.data = &source[at..end];
                    scans.push(scan);
                    at = end;
                }
                // libjpeg guesses the colour space from these two.
                0xe0 | 0xee if scans.is_empty() => append(&mut sequential, marker, body),
                0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
        }
        let (size, components) = frame?;
        let steps = components.iter().map(|component| *steps.get(usize::from(component.table))?);
        let steps = steps.collect::<Option<_>>()?;
        append_headers(&mut sequential, size, &components);
        let script = Self { size, components, scans, steps, sequential };
        script.orderly().then_some(script)
    }

    /// Whether every coefficient is sent once and then refined bit by bit, DC first. libjpeg only warns of
    /// other orders, and what such a file shows after fewer scans is anyone's guess.
    pub(super) fn orderly(&self) -> bool {
        let mut unknown = vec![[None; 64]; self.steps.len()];
        self.scans.iter().all(|scan| {
            let (first, last) = scan.band;
            let band = usize::from(first)..=usize::from(last);
            let refines = (scan.before > 0).then_some(scan.before);
            first <= last
                && last < 64
                && (first > 0) != (last == 0)
                && (first == 0 || scan.components.len() == 1)
                && scan.after <= MAX_UNKNOWN
                && (scan.before == 0 || scan.before == scan.after + 1)
                && scan.components.iter().all(|(at, _)| {
                    let bits = &mut unknown[*at];
                    (first == 0 || bits[0].is_some())
                        && bits[band.clone()]
                            .iter_mut()
                            .all(|bits| bits.replace(scan.after) == refines)
                })
        })
    }
}

fn append(file: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let len = u16::try_from(body.len() + 2).expect("as long as it was read");
    file.extend_from_slice(&[0xff, marker]);
    file.extend_from_slice(&len.to_be_bytes());
    file.extend_from_slice(body);
}

/// Headers of the frame and of one scan of all its components.
fn append_headers(file: &mut Vec<u8>, size: Size, components: &[Component]) {
    let side = |side| u16::try_from(side).expect("as it was read").to_be_bytes();
    let count = u8::try_from(components.len()).expect("at most four");
    let mut body = vec![8];
    body.extend_from_slice(&side(size.height));
    body.extend_from_slice(&side(size.width));
    body.push(count);
    for Component { id, across, down, table } in components {
        let factors = u8::try_from(across << 4 | down).expect("at most four each");
        body.extend_from_slice(&[*id, factors, *table]);
    }
    append(file, 0xc1, &body);
    let mut body = vec![count];
    body.extend(components.iter().flat_map(|component| [component.id, 0]));
    body.extend_from_slice(&[0, 63, 0]);
    append(file, 0xda, &body);
}

/// Quantisation tables (T.81 B.2.4.1).
fn read_steps(mut body: &[u8], tables: &mut [Option<[u16; 64]>; 4]) -> Option<()> {
    while let [head, rest @ ..] = body {
        let width = if head >> 4 == 0 { 1 } else { 2 };
        let (steps, rest) = rest.split_at_checked(64 * width)?;
        let mut table = [0; 64];
        for (step, bytes) in table.iter_mut().zip(steps.chunks_exact(width)) {
            *step = bytes.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
        }
        *tables.get_mut(usize::from(head & 15))? = Some(table);
        body = rest;
    }
    Some(())
}

/// Huffman tables (T.81 B.2.4.2).
fn read_tables<'a>(mut body: &'a [u8], tables: &mut [Option<&'a [u8]>; 8]) -> Option<()> {
    while let [head, rest @ ..] = body {
        let symbols: usize = rest.get(..16)?.iter().map(|count| usize::from(*count)).sum();
        let (table, rest) = rest.split_at_checked(16 + symbols)?;
        let (class, id) = (usize::from(head >> 4), usize::from(head & 15));
        if class > 1 || id > 3 {
            return None;
        }
        tables[4 * class + id] = Some(table);
        body = rest;
    }
    Some(())
}

fn read_frame(body: &[u8]) -> Option<(Size, Vec<Component>)> {
    let ([bits, h1, h0, w1, w0, count], specs) = body.split_first_chunk()?;
    let (specs, rest) = specs.as_chunks::<3>();
    if *bits != 8 || !rest.is_empty() || usize::from(*count) != specs.len() {
        return None;
    }
    let size = Size {
        width: u16::from_be_bytes([*w1, *w0]).into(),
        height: u16::from_be_bytes([*h1, *h0]).into(),
    };
    let component = |[id, factors, table]: &[u8; 3]| {
        // Sampling is relative, so one component alone has none.
        let factors = if specs.len() == 1 { 0x11 } else { *factors };
        let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
        Component { id: *id, across, down, table: *table }
    };
    let components: Vec<Component> = specs.iter().map(component).collect();
    let sampled = components
        .iter()
        .all(|component| (1..=4).contains(&component.across) && (1..=4).contains(&component.down));
    let blocks: usize = components.iter().map(|component| component.across * component.down).sum();
    let handled = matches!(components.len(), 1 | 3 | 4) && sampled && blocks <= MCU_BLOCKS;
    (handled && size.width > 0 && size.height > 0).then_some((size, components))
}

/// A scan but for what was said before it.
fn read_scan<'a>(body: &[u8], frame: &[Component]) -> Option<Scan<'a>> {
    let (count, rest) = body.split_first()?;
    let (specs, rest) = rest.split_at_checked(2 * usize::from(*count))?;
    let [first, last, bits] = <[u8; 3]>::try_from(rest).ok()?;
    let mut components = Vec::with_capacity(frame.len());
    for [id, tables] in specs.as_chunks::<2>().0 {
        let place = frame.iter().position(|component| component.id == *id)?;
        let table = if first == 0 { tables >> 4 } else { 4 + (tables & 15) };
        if components.iter().any(|(known, _)| *known == place) {
            return None;
        }
        components.push((place, usize::from(table)));
    }
    let known = (bits >> 4, bits & 15);
    (!components.is_empty()).then_some(Scan {
        components,
        band: (first, last),
        before: known.0,
        after: known.1,
        tables: [None; 8],
        interval: 0,
        data: &[],
    })
}
