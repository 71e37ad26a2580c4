//! Names a file's format from its first bytes.
//!
//! Order and signatures are those of the `/_next/image` contract, with two differences on purpose:
//! AVIF is found by its compatible brands too, whatever the major one, and SVG only
//! when `<svg` is the first element: a page of HTML that merely contains a drawing is not a picture.

use crate::Kind;

/// How many leading bytes [`sniff`] may look at.
pub const SNIFF_BYTES: usize = 1024;

/// Names the format of a file from its first bytes ([`SNIFF_BYTES`] are enough) and its whole length.
#[must_use]
pub fn sniff(head: &[u8], len: u64) -> Option<Kind> {
    let head = &head[..head.len().min(SNIFF_BYTES)];
    match head {
        [0xff, 0xd8, 0xff, ..] => Some(Kind::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Kind::Png),
        [b'G', b'I', b'F', b'8', ..] => Some(Kind::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Kind::Webp),
        [0, 0, 1, 0, ..] => Some(Kind::Ico),
        [b'i', b'c', b'n', b's', ..] => Some(Kind::Icns),
        [b'I', b'I', 0x2a | 0x2b, 0, ..] | [b'M', b'M', 0, 0x2a | 0x2b, ..] => Some(Kind::Tiff),
        [b'B', b'M', ..] => Some(Kind::Bmp),
        [0xff, 0x0a, ..] => Some(Kind::Jxl),
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', b'\r', b'\n', 0x87, b'\n', ..] => Some(Kind::Jxl),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', b'\r', b'\n', 0x87, b'\n', ..] => Some(Kind::Jp2),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Kind::Pdf),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Brands::read(head, len)?.kind(),
        _ if first_element_is_svg(head) => Some(Kind::Svg),
        _ => None,
    }
}

/// The brands of an ISO base media file (ISO/IEC 14496-12 §4.3).
pub(crate) struct Brands<'a> {
    major: [u8; 4],
    compatible: &'a [[u8; 4]],
}

impl<'a> Brands<'a> {
    pub(crate) fn read(head: &'a [u8], len: u64) -> Option<Self> {
        let size = u32::from_be_bytes(*head.first_chunk()?);
        if size < 16 || u64::from(size) > len {
            return None;
        }
        let end = head.len().min(usize::try_from(size).ok()?);
        let major = *head.get(8..end)?.first_chunk()?;
        // 12..16 is the minor version; brands that lie past the head are not needed to decide.
        let (compatible, _) = head.get(16..end).unwrap_or_default().as_chunks();
        Some(Self { major, compatible })
    }

    fn kind(&self) -> Option<Kind> {
        // Whatever the major brand is: writers put theirs there, and browsers look at all of them.
        let mut brands = std::iter::once(&self.major).chain(self.compatible);
        if brands.any(|brand| matches!(brand, b"avif" | b"avis")) {
            return Some(Kind::Avif);
        }
        (self.major == *b"heic").then_some(Kind::Heic)
    }

    /// Whether the file is an image sequence before all: where it is a still picture too, the major brand
    /// says what is to be shown, as for libavif and the browsers that use it.
    pub(crate) fn sequence(&self) -> bool {
        self.major == *b"avis" || (self.major != *b"avif" && self.compatible.contains(b"avis"))
    }
}

/// Skips what XML allows before the root element (byte order mark, white space, declaration,
/// processing instructions, comments, document type) and looks at the root's name.
fn first_element_is_svg(head: &[u8]) -> bool {
    let mut rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    loop {
        rest = rest.trim_ascii_start();
        let after = if let Some(comment) = rest.strip_prefix(b"<!--") {
            skip_past(comment, b"-->")
        } else if let Some(instruction) = rest.strip_prefix(b"<?") {
            skip_past(instruction, b"?>")
        } else if let Some(doctype) = rest.strip_prefix(b"<!DOCTYPE") {
            skip_doctype(doctype)
        } else {
            return matches!(
                rest.strip_prefix(b"<svg"),
                Some([b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'/', ..])
            );
        };
        match after {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// A document type may carry declarations in brackets, and those contain `>`.
fn skip_doctype(doctype: &[u8]) -> Option<&[u8]> {
    match doctype.iter().position(|b| matches!(b, b'[' | b'>'))? {
        at if doctype[at] == b'[' => skip_past(skip_past(&doctype[at..], b"]")?, b">"),
        at => Some(&doctype[at + 1..]),
    }
}

fn skip_past<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(end.len()).position(|window| window == end)?;
    Some(&text[at + end.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(head: &[u8]) -> Option<Kind> {
        sniff(head, 4096)
    }

    #[test]
    fn every_signature_names_its_kind() {
        let rows: &[(&[u8], Kind)] = &[
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Kind::Png),
            (b"GIF89a", Kind::Gif),
            (b"GIF87a", Kind::Gif),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Webp),
            (b"\0\0\x01\0\x01\0", Kind::Ico),
            (b"icns\0\0", Kind::Icns),
            (b"II*\0", Kind::Tiff),
            (b"MM\0*", Kind::Tiff),
            (b"BM\0\0", Kind::Bmp),
            (b"\xff\x0a", Kind::Jxl),
            (b"\0\0\0\x0cJXL \r\n\x87\n", Kind::Jxl),
            (b"\0\0\0\x0cjP  \r\n\x87\n", Kind::Jp2),
            (b"%PDF-1.7", Kind::Pdf),
            (b"\0\0\0\x10ftypavif\0\0\0\0", Kind::Avif),
            (b"\0\0\0\x10ftypavis\0\0\0\0", Kind::Avif),
            (b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", Kind::Avif),
            (b"\0\0\0\x14ftypmiaf\0\0\0\0avis", Kind::Avif),
            (b"\0\0\0\x18ftypisom\0\0\0\0mif1avif", Kind::Avif),
            (b"\0\0\0\x18ftypMA1B\0\0\0\0miafavis", Kind::Avif),
            (b"\0\0\0\x10ftypheic\0\0\0\0", Kind::Heic),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", Kind::Svg),
            (b"<svg>", Kind::Svg),
            (b"\xef\xbb\xbf \n<?xml version=\"1.0\"?><!-- <p> --><svg/>", Kind::Svg),
            (b"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\"><svg >", Kind::Svg),
            (b"<!DOCTYPE svg [ <!ENTITY a \"b>\"> ]>\n<svg\n>", Kind::Svg),
        ];
        for (head, expected) in rows {
            assert_eq!(kind(head), Some(*expected), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn what_only_resembles_a_picture_has_no_kind() {
        let rows: &[&[u8]] = &[
            b"",
            b"\xff\xd8",
            b"RIFF\0\0\0\0WAVE",
            b"<!doctype html><svg >",
            b"<!DOCTYPE html><html><body><svg xmlns=\"\"></svg>",
            b"<html><svg ></svg></html>",
            b"hello <svg >",
            b"<?xml version=\"1.0\"?><rss>",
            b"<?xml version=\"1.0\"",
            b"<!-- <svg >",
            b"<svgfoo>",
            b"\0\0\0\x10ftypmif1\0\0\0\0",
            b"\0\0\0\x14ftypmif1\0\0\0\0heic",
            b"\0\0\0\x10ftypheix\0\0\0\0",
            b"\0\0\0\x0fftypavif\0\0\0\0",
            b"\x01\0\0\x10ftypavif\0\0\0\0",
        ];
        for head in rows {
            assert_eq!(kind(head), None, "{}", head.escape_ascii());
        }
    }
}
