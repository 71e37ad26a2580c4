//! Strips and tiles as they are packed, to rows as they are stored.
//!
//! What follows the last row, and an end that is missing, is of no concern; a row that is not there is.

use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use weezl::decode::Configuration;
use weezl::{BitOrder, LzwStatus};

use super::{fax, stored};
use crate::Size;
use crate::probe::tiff::{Packing, Page};

/// `None`: it is broken, or holds less.
pub(super) fn rows(
    page: &Page,
    packing: Packing,
    packed: &[u8],
    size: Size,
    channels: usize,
) -> Option<Vec<u8>> {
    let stride = stored::stride(page, size, channels);
    let wanted = stride.checked_mul(size.height as usize)?;
    let reversed: Vec<u8>;
    let packed = if page.reversed {
        reversed = packed.iter().map(|byte| byte.reverse_bits()).collect();
        &reversed[..]
    } else {
        packed
    };
    match packing {
        Packing::None => packed.get(..wanted).map(<[u8]>::to_vec),
        Packing::PackBits => packbits(packed, wanted),
        Packing::Lzw => lzw(packed, wanted),
        Packing::Deflate => inflate(packed, wanted),
        Packing::Fax2 => fax::rows(packed, size, fax::Lead::NextByte),
        Packing::Fax3 => fax::rows(packed, size, fax::Lead::EndOfLine),
        Packing::Fax3Tagged => fax::rows(packed, size, fax::Lead::Tagged),
        Packing::Fax4 => fax::rows(packed, size, fax::Lead::Nothing),
        Packing::Jpeg => None,
    }
}

/// TIFF 6.0 §9.
fn packbits(mut packed: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut rows = Vec::with_capacity(wanted);
    while rows.len() < wanted {
        let (count, rest) = packed.split_first()?;
        packed = match usize::from(*count) {
            literal @ 0..128 => {
                let (bytes, rest) = rest.split_at_checked(literal + 1)?;
                rows.extend_from_slice(bytes);
                rest
            }
            128 => rest,
            repeated => {
                let (byte, rest) = rest.split_first()?;
                rows.resize(rows.len() + 257 - repeated, *byte);
                rest
            }
        };
    }
    rows.truncate(wanted);
    Some(rows)
}

/// TIFF 6.0 §13, and as it was before: the lowest bit first, codes wider by one code later. A clear code comes
/// first, whose nine bits tell one from the other.
fn lzw(mut packed: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let settings = match packed {
        [0, second, ..] if second & 1 == 1 => Configuration::new(BitOrder::Lsb, 8),
        _ => Configuration::with_tiff_size_switch(BitOrder::Msb, 8),
    };
    let mut decoder = settings.with_yield_on_full_buffer(true).build();
    let mut rows = vec![0; wanted];
    let mut filled = 0;
    // weezl 0.1 also says "no progress" where all that it read was a clear code, out of bits that it holds.
    let mut stalled = false;
    while filled < wanted {
        let made = decoder.decode_bytes(packed, &mut rows[filled..]);
        packed = &packed[made.consumed_in..];
        filled += made.consumed_out;
        match made.status {
            Ok(LzwStatus::Ok) => stalled = false,
            Ok(LzwStatus::NoProgress) if !stalled => stalled = true,
            _ => break,
        }
    }
    (filled == wanted).then_some(rows)
}

/// RFC 1950. Its sum is behind the last row.
fn inflate(packed: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut rows = vec![0; wanted];
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (_, _, filled) = decompress(&mut DecompressorOxide::new(), packed, &mut rows, 0, flags);
    (filled == wanted).then_some(rows)
}
