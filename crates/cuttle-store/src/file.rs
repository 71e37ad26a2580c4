//! A variant as a file: a small header, the entity tag, the picture, and a digest over all of it.
//!
//! ```text
//! 0   4  "CUTV"          8   4  width           24  32  content key
//! 4   1  version, 1      12  4  height          56  16  XXH3-128 of everything but itself
//! 5   1  1: passed on    16  8  length of the   72   n  entity tag
//! 6   2  n                      picture         72+n    the picture
//! ```
//!
//! Numbers are little-endian. The content key is in it, so that a file under another's name is foreign
//! however intact it is. What kind of picture it is, is not: that is sniffed again, so no file of any kind
//! can make us send bytes under a type that they do not have.
//!
//! The digest is against accidents: whoever may write in the folder can compute any other as well. BLAKE3 took a third of the
//! time of a hit from the disk.
//!
//! Keys are BLAKE3: who makes an image must not be able to choose the key of another.

use bytes::Bytes;
use cuttle_image::{SNIFF_BYTES, sniff};

use crate::{ContentKey, Variant};

const MAGIC: [u8; 4] = *b"CUTV";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 72;
const DIGEST: std::ops::Range<usize> = 56..72;

/// Longest file that is written or read. Renditions and kept originals are far below it.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;

/// Longest picture in it, whatever its entity tag.
pub(crate) const MAX_PICTURE_BYTES: u64 =
    MAX_FILE_BYTES - (HEADER_BYTES + u16::MAX as usize) as u64;

/// Why a file is not the variant that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Nothing that this version writes.
    #[error("not a variant file of this version")]
    Foreign,
    /// Shorter or longer than it says.
    #[error("not as long as its header says")]
    Length,
    /// Bytes that were not written so.
    #[error("its digest does not match")]
    Digest,
    /// Intact, but of another content.
    #[error("it belongs to another content")]
    Misplaced,
    /// Intact, and no picture that may be sent.
    #[error("what it holds is no image")]
    NoPicture,
}

/// Everything of the file but the picture itself, which follows it. `None` for what cannot be written: an entity tag
/// of 64 KiB.
pub(crate) fn preamble(content: &ContentKey, variant: &Variant) -> Option<Vec<u8>> {
    let tag = u16::try_from(variant.etag.len()).ok()?;
    let mut preamble = Vec::with_capacity(HEADER_BYTES + variant.etag.len());
    preamble.extend_from_slice(&MAGIC);
    preamble.extend_from_slice(&[VERSION, u8::from(variant.passthrough)]);
    preamble.extend_from_slice(&tag.to_le_bytes());
    preamble.extend_from_slice(&variant.width.to_le_bytes());
    preamble.extend_from_slice(&variant.height.to_le_bytes());
    preamble.extend_from_slice(&(variant.bytes.len() as u64).to_le_bytes());
    preamble.extend_from_slice(&content.0);
    let digest = digest(&preamble, variant.etag.as_bytes(), &variant.bytes);
    preamble.extend_from_slice(&digest);
    preamble.extend_from_slice(variant.etag.as_bytes());
    Some(preamble)
}

/// Reads a file that should hold the variant of `content`, which stays in `file`'s allocation.
///
/// # Errors
/// [`Damage`]; whatever is wrong, the file is of no use.
pub fn parse(file: &Bytes, content: &ContentKey) -> Result<Variant, Damage> {
    let header: &[u8; HEADER_BYTES] = file.first_chunk().ok_or(Damage::Foreign)?;
    let passthrough = match (header[..4] == MAGIC, header[4], header[5]) {
        (true, VERSION, flag @ (0 | 1)) => flag == 1,
        _ => return Err(Damage::Foreign),
    };
    let u32_at = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let tag = usize::from(u16::from_le_bytes([header[6], header[7]]));
    let length = u64::from(u32_at(16)) | u64::from(u32_at(20)) << 32;
    let rest = &file[HEADER_BYTES..];
    let (etag, picture) = rest.split_at_checked(tag).ok_or(Damage::Length)?;
    if picture.len() as u64 != length {
        return Err(Damage::Length);
    }
    if digest(&header[..DIGEST.start], etag, picture) != header[DIGEST] {
        return Err(Damage::Digest);
    }
    if header[24..DIGEST.start] != content.0 {
        return Err(Damage::Misplaced);
    }
    // SECURITY: it becomes a header. Ours are hexadecimal, in quotes.
    let etag =
        std::str::from_utf8(etag).ok().filter(|tag| tag.bytes().all(|b| b.is_ascii_graphic()));
    let etag = etag.ok_or(Damage::Foreign)?.into();
    let head = &picture[..picture.len().min(SNIFF_BYTES)];
    let kind = sniff(head, length).ok_or(Damage::NoPicture)?;
    let bytes = file.slice(HEADER_BYTES + tag..);
    Ok(Variant { bytes, kind, width: u32_at(8), height: u32_at(12), etag, passthrough })
}

fn digest(header: &[u8], etag: &[u8], picture: &[u8]) -> [u8; 16] {
    let mut hasher = twox_hash::xxhash3_128::Hasher::new();
    for part in [header, etag, picture] {
        hasher.write(part);
    }
    hasher.finish_128().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use cuttle_image::Kind;

    use super::*;

    const CONTENT: ContentKey = ContentKey([7; 32]);

    fn variant() -> Variant {
        Variant {
            bytes: Bytes::from_static(b"RIFF\x04\0\0\0WEBPVP8 picture"),
            kind: Kind::Webp,
            width: 640,
            height: 70_000,
            etag: "\"tag\"".into(),
            passthrough: true,
        }
    }

    fn file() -> Vec<u8> {
        let variant = variant();
        let mut file = preamble(&CONTENT, &variant).expect("a short tag");
        file.extend_from_slice(&variant.bytes);
        file
    }

    fn parsed(file: Vec<u8>) -> Result<Variant, Damage> {
        parse(&Bytes::from(file), &CONTENT)
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(parsed(file()), Ok(variant()));
    }

    #[test]
    fn no_bit_of_it_can_change_unnoticed() {
        let intact = file();
        for bit in 0..intact.len() * 8 {
            let mut damaged = intact.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(parsed(damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn short_and_long_files_are_refused() {
        for length in 0..file().len() {
            assert!(parsed(file()[..length].to_vec()).is_err(), "{length} bytes");
        }
        let mut long = file();
        long.push(0);
        assert_eq!(parsed(long), Err(Damage::Length));
    }

    #[test]
    fn intact_files_of_something_else_are_refused() {
        let other = ContentKey([8; 32]);
        assert_eq!(parse(&Bytes::from(file()), &other), Err(Damage::Misplaced));
        let page = Variant { bytes: Bytes::from_static(b"<html>"), ..variant() };
        let mut file = preamble(&CONTENT, &page).expect("a short tag");
        file.extend_from_slice(&page.bytes);
        assert_eq!(parsed(file), Err(Damage::NoPicture));
        for etag in ["\"a\r\nSet-Cookie: b\"", "\"a b\"", "\"\u{e9}\""] {
            let variant = Variant { etag: etag.into(), ..variant() };
            let mut file = preamble(&CONTENT, &variant).expect("a short tag");
            file.extend_from_slice(&variant.bytes);
            assert_eq!(parsed(file), Err(Damage::Foreign), "{etag:?}");
        }
    }
}
