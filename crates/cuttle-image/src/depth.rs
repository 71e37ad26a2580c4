//! From samples of 16 bits to samples of 8.

/// Each sample to the nearest.
pub(crate) fn narrow_row(from: &[u16], to: &mut [u8]) {
    for (from, to) in from.iter().zip(to) {
        *to = narrow(*from);
    }
}

/// 65,535 is 255 · 257.
pub(crate) fn narrow(sample: u16) -> u8 {
    u8::try_from((u32::from(sample) + 128) / 257).unwrap_or(u8::MAX)
}
