//! Boxes of an ISO base media file (ISO/IEC 14496-12 §4.2).

use std::io::{Read, Seek};

use super::super::window::{Fault, Window};

/// SECURITY: boxes at one level. A grid of 1,024 cells, each with alpha, has an entry and two references for each.
pub(super) const MAX_BOXES: u32 = 8192;

/// The contents of a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn len(self) -> u64 {
        self.end - self.at
    }

    pub(super) fn skip(self, bytes: u64) -> Result<Self, Fault> {
        let at = self.at.saturating_add(bytes);
        if at > self.end {
            return Err(Fault::Broken("a box is too short"));
        }
        Ok(Self { at, ..self })
    }

    /// `N` bytes from its beginning.
    pub(super) fn array<const N: usize, R: Read + Seek>(
        self,
        file: &mut Window<R>,
    ) -> Result<[u8; N], Fault> {
        self.skip(N as u64)?;
        file.array(self.at)
    }

    /// A big-endian number of so many bytes, at most eight, from its beginning, and what follows.
    pub(super) fn number<R: Read + Seek>(
        self,
        file: &mut Window<R>,
        bytes: u8,
    ) -> Result<(u64, Self), Fault> {
        let rest = self.skip(bytes.into())?;
        let bytes = file.bytes(self.at, bytes.into())?;
        Ok((bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)), rest))
    }
}

pub(super) fn boxes<R: Read + Seek>(
    file: &mut Window<R>,
    outer: Span,
) -> Result<Vec<([u8; 4], Span)>, Fault> {
    let mut all = Vec::new();
    let mut at = outer.at;
    while let Some((name, body)) = next_box(file, at, outer.end)? {
        if all.len() >= MAX_BOXES as usize {
            return Err(Fault::Broken("too many boxes"));
        }
        at = body.end;
        all.push((name, body));
    }
    Ok(all)
}

pub(super) fn find<R: Read + Seek>(
    file: &mut Window<R>,
    outer: Span,
    wanted: [u8; 4],
) -> Result<Option<Span>, Fault> {
    let mut at = outer.at;
    for _ in 0..MAX_BOXES {
        match next_box(file, at, outer.end)? {
            Some((name, body)) if name == wanted => return Ok(Some(body)),
            Some((_, body)) => at = body.end,
            None => return Ok(None),
        }
    }
    Err(Fault::Broken("too many boxes"))
}

/// The box at the end of a path of names.
pub(super) fn inside<R: Read + Seek>(
    file: &mut Window<R>,
    outer: Span,
    path: &[[u8; 4]],
) -> Result<Option<Span>, Fault> {
    let mut span = outer;
    for name in path {
        match find(file, span, *name)? {
            Some(found) => span = found,
            None => return Ok(None),
        }
    }
    Ok(Some(span))
}

/// The box at `at`: its name and its contents. A size of 0 reaches to the end of what holds it.
pub(super) fn next_box<R: Read + Seek>(
    file: &mut Window<R>,
    at: u64,
    parent_end: u64,
) -> Result<Option<([u8; 4], Span)>, Fault> {
    if parent_end.saturating_sub(at) < 8 {
        return Ok(None);
    }
    let [s3, s2, s1, s0, name @ ..] = file.array::<8>(at)?;
    let (header, len) = match u32::from_be_bytes([s3, s2, s1, s0]) {
        0 => (8, parent_end - at),
        1 => (16, u64::from_be_bytes(file.array(at + 8)?)),
        len => (8, u64::from(len)),
    };
    let end = at.checked_add(len).filter(|end| len >= header && *end <= parent_end);
    let end = end.ok_or(Fault::Broken("a box is longer than what holds it"))?;
    Ok(Some((name, Span { at: at + header, end })))
}
