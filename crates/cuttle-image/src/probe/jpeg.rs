//! JPEG (ITU-T T.81 annex B): the marker segments up to the first scan.

use std::io::{Read, Seek};

use super::window::{Fault, Window};
use super::{Extent, Icc, Probe, exif};
use crate::{Orientation, Size};

/// SECURITY: marker segments before the first scan. A profile of 4 MiB takes 64, extended XMP as many
/// again; nobody writes a thousand.
const MAX_SEGMENTS: u32 = 1024;

/// SECURITY: bytes that are looked through for markers, in all. A folder of files that are two bytes of
/// JPEG and nine megabytes of nothing took the page 44 ms a file before this.
const MAX_GARBAGE: u32 = 64 << 10;

/// What opens an APP2 segment that carries a piece of a profile (ICC.1:2022 annex B.4); two bytes
/// follow, the piece's number and how many there are.
const ICC_TAG: &[u8; 12] = b"ICC_PROFILE\0";
const EXIF_TAG: &[u8; 6] = b"Exif\0\0";

pub(super) fn read<R: Read + Seek>(file: &mut Window<R>, probe: &mut Probe) -> Result<(), Fault> {
    let mut pieces: Vec<(u8, u8, Extent)> = Vec::new();
    let mut exif_seen = false;
    let mut components = 0;
    let mut at = 2;
    let mut garbage = MAX_GARBAGE;
    for _ in 0..MAX_SEGMENTS {
        let marker = next_marker(file, &mut at, &mut garbage)?;
        // Markers without a segment: a stray restart, a second start of image, TEM.
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            continue;
        }
        if marker == 0xda {
            // T.81 B.2.3: the number of components in the scan follows its length.
            probe.keeps_coefficients |= file.u8(at + 2)? < components;
            break;
        }
        if marker == 0xd9 {
            break;
        }
        let len = u64::from(file.u16_be(at)?);
        let body = at + 2;
        let body_len =
            len.checked_sub(2).ok_or(Fault::Broken("a segment is shorter than its length"))?;
        at += len;
        match marker {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => components = frame(file, marker, body, body_len, probe)?,
            0xe2 if body_len >= 14 && file.array(body)? == *ICC_TAG => {
                let [number, count] = file.array(body + 12)?;
                pieces.push((number, count, Extent { at: body + 14, len: body_len - 14 }));
            }
            0xe1 if !exif_seen && body_len >= 14 && file.array(body)? == *EXIF_TAG => {
                exif_seen = true;
                let orientation: Orientation = exif::orientation(file, body + 6, body_len - 6)?;
                probe.orientation = orientation;
            }
            // Not counted as metadata: nothing here is compressed and neither we nor libjpeg keep a byte
            // of it. Phones write megabytes (depth maps and gain maps in extended XMP, previews in maker
            // notes) that only cost a step over each segment, and those are limited.
            _ => {}
        }
    }
    if probe.stored.is_none() {
        return Err(Fault::Broken("there is no frame header before the first scan"));
    }
    probe.icc = joined(pieces);
    Ok(())
}

/// Moves past the next marker and names it. Fill bytes are allowed, and garbage before a marker is
/// skipped as every decoder does.
fn next_marker<R: Read + Seek>(
    file: &mut Window<R>,
    at: &mut u64,
    garbage: &mut u32,
) -> Result<u8, Fault> {
    let mut previous = 0;
    loop {
        let byte = file.u8(*at)?;
        *at += 1;
        *garbage = garbage.checked_sub(1).ok_or(Fault::Broken("there is no marker in sight"))?;
        if previous == 0xff && !matches!(byte, 0 | 0xff) {
            return Ok(byte);
        }
        previous = byte;
    }
}

/// A frame header (`SOFn`); there may be only one. Gives the number of components.
fn frame<R: Read + Seek>(
    file: &mut Window<R>,
    marker: u8,
    body: u64,
    body_len: u64,
    probe: &mut Probe,
) -> Result<u8, Fault> {
    let [bits, h1, h0, w1, w0, components] = file.array(body)?;
    if probe.stored.is_some() {
        return Err(Fault::Broken("there are two frame headers"));
    }
    if body_len < 6 + 3 * u64::from(components) {
        return Err(Fault::Broken("the frame header is too short"));
    }
    let size = Size {
        width: u16::from_be_bytes([w1, w0]).into(),
        height: u16::from_be_bytes([h1, h0]).into(),
    };
    let mut sampling = Vec::with_capacity(components.into());
    for component in 0..u64::from(components) {
        let [_, factors, _] = file.array(body + 6 + 3 * component)?;
        sampling.push((u64::from(factors >> 4).max(1), u64::from(factors & 15).max(1)));
    }
    probe.stored = Some(size);
    probe.bits_per_sample = bits;
    probe.progressive = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
    probe.keeps_coefficients = probe.progressive;
    probe.coefficient_bytes = coefficient_bytes(size, &sampling);
    Ok(components)
}

/// 2 bytes for every coefficient of every component, in whole MCUs (T.81 A.2).
fn coefficient_bytes(size: Size, sampling: &[(u64, u64)]) -> u64 {
    let h_max = sampling.iter().map(|(h, _)| *h).max().unwrap_or(1);
    let v_max = sampling.iter().map(|(_, v)| *v).max().unwrap_or(1);
    let mcus =
        u64::from(size.width).div_ceil(8 * h_max) * u64::from(size.height).div_ceil(8 * v_max);
    sampling.iter().map(|(h, v)| mcus * h * v * 64 * 2).sum()
}

/// The profile, if every piece of it is there once.
fn joined(mut pieces: Vec<(u8, u8, Extent)>) -> Icc {
    pieces.sort_by_key(|(number, _, _)| *number);
    let complete = (1u8..).zip(&pieces).all(|(expected, (number, count, _))| {
        *number == expected && usize::from(*count) == pieces.len()
    });
    if !complete {
        return Icc::default();
    }
    Icc { extents: pieces.into_iter().map(|(_, _, extent)| extent).collect(), deflated: false }
}
