//! The tables of a `meta` box: which items there are, where their bytes lie, how they refer to each other, and their
//! properties (ISO/IEC 14496-12 §8.11, ISO/IEC 23008-12 §9.3).
//!
//! Every number in them is a claim. Memory is set aside for what was there, or for no more than a limit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::super::window::{Fault, Window};
use super::boxes::{Span, boxes};
use super::{Extent, Look};

/// SECURITY: entries of each table. The largest grid has 1,024 cells, and as many again for alpha.
const MAX_ITEMS: usize = 4096;
/// SECURITY: pieces of all items together, also of a grid, whose cells may all be one item; what they refer to.
pub(super) const MAX_PIECES: usize = 8192;
const MAX_TARGETS: usize = 8192;
/// SECURITY: properties of all items together, and of one, which may be every cell of a grid.
const MAX_ASSOCIATIONS: usize = 32_768;
const MAX_OF_ITEM: usize = 64;

#[derive(Default)]
pub(super) struct Tables {
    pub(super) primary: u32,
    kinds: BTreeMap<u32, [u8; 4]>,
    extents: BTreeMap<u32, Vec<Extent>>,
    references: Vec<Reference>,
    /// By item, to `properties`.
    associations: BTreeMap<u32, Vec<Association>>,
    properties: Vec<([u8; 4], Span)>,
    /// What was read of them before: the cells of a grid are mostly alike.
    looks: RefCell<BTreeMap<Vec<Association>, Option<Look>>>,
}

/// The place of a property among all, from 0, and whether it is essential.
type Association = (u16, bool);

struct Reference {
    kind: [u8; 4],
    from: u32,
    to: Vec<u32>,
}

impl Tables {
    pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, meta: Span) -> Result<Self, Fault> {
        let mut tables = Self::default();
        let (mut primary, mut idat, mut locations) = (None, None, None);
        let parts = boxes(file, meta.skip(4)?)?;
        // SECURITY: the limits of each table are those of all: none comes twice.
        once_each(&parts, &[*b"pitm", *b"iinf", *b"iref", *b"iprp", *b"idat", *b"iloc"])?;
        for (name, body) in parts {
            match &name {
                b"pitm" => primary = Some(wide_if(file, body)?.0),
                b"iinf" => tables.read_kinds(file, body)?,
                b"iref" => tables.read_references(file, body)?,
                b"iprp" => tables.read_properties(file, body)?,
                b"idat" => idat = Some(body),
                b"iloc" => locations = Some(body),
                _ => {}
            }
        }
        tables.primary = primary.ok_or(Fault::Broken("there is no primary item"))?;
        let locations = locations.ok_or(Fault::Broken("there is no iloc box"))?;
        tables.read_locations(file, locations, idat)?;
        Ok(tables)
    }

    pub(super) fn kind(&self, item: u32) -> Option<[u8; 4]> {
        self.kinds.get(&item).copied()
    }

    /// Where the bytes of an item lie, in order.
    pub(super) fn extents(&self, item: u32) -> Result<&[Extent], Fault> {
        let extents = self.extents.get(&item).map(Vec::as_slice);
        extents.ok_or(Fault::Broken("an image lies outside the file"))
    }

    /// What an item refers to, in order.
    pub(super) fn targets(&self, kind: [u8; 4], from: u32) -> &[u32] {
        let found = self.references.iter().find(|one| one.kind == kind && one.from == from);
        found.map_or(&[], |one| &one.to)
    }

    /// All references of a kind: from which item, to which.
    pub(super) fn references(&self, kind: [u8; 4]) -> impl Iterator<Item = (u32, &[u32])> {
        let of_kind = self.references.iter().filter(move |one| one.kind == kind);
        of_kind.map(|one| (one.from, one.to.as_slice()))
    }

    /// `None`: it has an essential property that is not known here.
    pub(super) fn look<R: Read + Seek>(
        &self,
        file: &mut Window<R>,
        item: u32,
    ) -> Result<Option<Look>, Fault> {
        let associations = self.associations.get(&item).map_or(&[][..], Vec::as_slice);
        if let Some(look) = self.looks.borrow().get(associations) {
            return Ok(look.clone());
        }
        let look = self.read_look(file, associations)?;
        self.looks.borrow_mut().insert(associations.to_vec(), look.clone());
        Ok(look)
    }

    fn read_look<R: Read + Seek>(
        &self,
        file: &mut Window<R>,
        associations: &[Association],
    ) -> Result<Option<Look>, Fault> {
        let mut look = Look::default();
        for (at, essential) in associations {
            let known = match self.properties.get(usize::from(*at)) {
                Some((name, body)) => look.property(file, *name, *body)?,
                None => false,
            };
            if *essential && !known {
                return Ok(None);
            }
        }
        Ok(Some(look))
    }

    fn read_kinds<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        iinf: Span,
    ) -> Result<(), Fault> {
        let (_, entries) = wide_if(file, iinf)?;
        for (name, entry) in boxes(file, entries)? {
            let version = entry.array::<1, R>(file)?[0];
            // Versions 0 and 1 know no types.
            if name == *b"infe" && version >= 2 {
                let (item, rest) = entry.skip(4)?.number(file, if version == 2 { 2 } else { 4 })?;
                let kind = rest.skip(2)?.array(file)?;
                self.kinds.insert(narrow(item)?, kind);
                at_most(self.kinds.len(), MAX_ITEMS)?;
            }
        }
        Ok(())
    }

    fn read_references<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        iref: Span,
    ) -> Result<(), Fault> {
        let bytes = if iref.array::<1, R>(file)?[0] == 0 { 2 } else { 4 };
        let mut targets = 0;
        for (kind, body) in boxes(file, iref.skip(4)?)? {
            let (from, rest) = body.number(file, bytes)?;
            let (count, mut rest) = rest.number(file, 2)?;
            let mut to = Vec::new();
            for _ in 0..count {
                let (item, after) = rest.number(file, bytes)?;
                to.push(narrow(item)?);
                rest = after;
            }
            targets += to.len();
            at_most(targets, MAX_TARGETS)?;
            self.references.push(Reference { kind, from: narrow(from)?, to });
        }
        Ok(())
    }

    fn read_properties<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        iprp: Span,
    ) -> Result<(), Fault> {
        let mut left = MAX_ASSOCIATIONS;
        let parts = boxes(file, iprp)?;
        once_each(&parts, &[*b"ipco"])?;
        for (name, body) in parts {
            match &name {
                b"ipco" => self.properties = boxes(file, body)?,
                // There may be several, also of one version.
                b"ipma" => self.read_associations(file, body, &mut left)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_associations<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        ipma: Span,
        left: &mut usize,
    ) -> Result<(), Fault> {
        let [version, _, _, flags] = ipma.array(file)?;
        let (entries, mut rest) = ipma.skip(4)?.number(file, 4)?;
        for _ in 0..entries {
            let (item, after) = rest.number(file, if version == 0 { 2 } else { 4 })?;
            let (count, after) = after.number(file, 1)?;
            rest = after;
            let wanted = count as usize + 1;
            *left = left.checked_sub(wanted).ok_or(Fault::Broken("too many properties"))?;
            let of_item = self.associations.entry(narrow(item)?).or_default();
            of_item.reserve_exact(count as usize);
            for _ in 0..count {
                // The top bit says "essential"; indices count from one, and zero means none.
                let bytes = if flags & 1 != 0 { 2 } else { 1 };
                let (association, after) = rest.number(file, bytes)?;
                rest = after;
                let top = 1 << (8 * u32::from(bytes) - 1);
                let place = u16::try_from(association & !top).ok();
                if let Some(at) = place.and_then(|place| place.checked_sub(1)) {
                    of_item.push((at, association & top != 0));
                }
            }
            at_most(of_item.len(), MAX_OF_ITEM)?;
        }
        Ok(())
    }

    fn read_locations<R: Read + Seek>(
        &mut self,
        file: &mut Window<R>,
        iloc: Span,
        idat: Option<Span>,
    ) -> Result<(), Fault> {
        let version = iloc.array::<1, R>(file)?[0];
        let [sizes, more] = iloc.skip(4)?.array(file)?;
        let (offset_size, length_size, base_size) = (sizes >> 4, sizes & 15, more >> 4);
        let index_size = if version == 0 { 0 } else { more & 15 };
        if [offset_size, length_size, base_size, index_size]
            .iter()
            .any(|size| ![0, 4, 8].contains(size))
        {
            return Err(Fault::Broken("an iloc box has numbers of odd sizes"));
        }
        let item_size = if version < 2 { 2 } else { 4 };
        let (items, mut rest) = iloc.skip(6)?.number(file, item_size)?;
        at_most(usize::try_from(items).unwrap_or(usize::MAX), MAX_ITEMS)?;
        let mut pieces = 0;
        for _ in 0..items {
            let (item, after) = rest.number(file, item_size)?;
            let (method, after) = if version == 0 { (0, after) } else { after.number(file, 2)? };
            // Another file may be meant, which is none of ours.
            let (data_reference, after) = after.number(file, 2)?;
            let (base, after) = after.number(file, base_size)?;
            let (count, after) = after.number(file, 2)?;
            rest = after;
            // Where no number has a size, a piece takes no byte of the file.
            pieces += count as usize;
            at_most(pieces, MAX_PIECES)?;
            let within = match (method & 15, idat, data_reference) {
                (0, _, 0) => Some(Span { at: 0, end: file.len() }),
                (1, Some(idat), 0) => Some(idat),
                _ => None,
            };
            let mut extents = Vec::with_capacity(count as usize);
            for _ in 0..count {
                let (_, after) = rest.number(file, index_size)?;
                let (offset, after) = after.number(file, offset_size)?;
                let (len, after) = after.number(file, length_size)?;
                rest = after;
                let piece = within.and_then(|within| piece(within, base.checked_add(offset)?, len));
                extents.extend(piece);
            }
            // What lies outside makes an item unreadable, not the others.
            if extents.len() == count as usize && count > 0 {
                self.extents.insert(narrow(item)?, extents);
            }
        }
        Ok(())
    }
}

/// A piece of what holds it. A length of 0 reaches to its end.
fn piece(within: Span, offset: u64, len: u64) -> Option<Extent> {
    let at = within.at.checked_add(offset)?;
    let left = within.end.checked_sub(at).filter(|left| *left > 0)?;
    let len = if len == 0 { left } else { len };
    (len <= left).then_some(Extent { at, len })
}

fn once_each(parts: &[([u8; 4], Span)], names: &[[u8; 4]]) -> Result<(), Fault> {
    let twice = |name: &[u8; 4]| parts.iter().filter(|(other, _)| other == name).count() > 1;
    if names.iter().any(twice) { Err(Fault::Broken("a table comes twice")) } else { Ok(()) }
}

/// The number after version and flags, of 16 bits in version 0 and of 32 in others, and what follows it.
fn wide_if<R: Read + Seek>(file: &mut Window<R>, body: Span) -> Result<(u32, Span), Fault> {
    let bytes = if body.array::<1, R>(file)?[0] == 0 { 2 } else { 4 };
    let (number, rest) = body.skip(4)?.number(file, bytes)?;
    Ok((narrow(number)?, rest))
}

/// No identifier has more than 32 bits.
fn narrow(number: u64) -> Result<u32, Fault> {
    u32::try_from(number).map_err(|_| Fault::Broken("a number is too large"))
}

pub(super) fn at_most(found: usize, limit: usize) -> Result<(), Fault> {
    if found > limit { Err(Fault::Broken("too many items")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_lies_within_what_holds_it() {
        let within = Span { at: 100, end: 200 };
        let rows = [
            (0, 100, Some((100, 100))),
            (40, 60, Some((140, 60))),
            (40, 0, Some((140, 60))),
            (40, 61, None),
            (100, 0, None),
            (101, 0, None),
            (u64::MAX, 1, None),
            (1, u64::MAX, None),
        ];
        for (offset, len, expected) in rows {
            let found = piece(within, offset, len).map(|extent| (extent.at, extent.len));
            assert_eq!(found, expected, "{offset} {len}");
        }
    }
}
