//! Durations and sizes as people write them.

use std::time::Duration;

/// A duration: `"30s"`, `"1h"`, or a plain number of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milliseconds(pub u64);

impl Milliseconds {
    /// As the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// A number of bytes: `"512MiB"`, `"20MB"`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const DURATIONS: [(&str, u64); 7] = [
    ("", 1),
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZES: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

/// Reads a duration: `10m`, `30s`, `500` (milliseconds).
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    duration(text).map(Duration::from_millis)
}

/// Milliseconds.
pub(crate) fn duration(text: &str) -> Option<u64> {
    scaled(text, &DURATIONS)
}

/// Bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    scaled(text, &SIZES)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_with_its_unit() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("1h", Some(3_600_000)),
            ("7d", Some(604_800_000)),
            ("2 min", Some(120_000)),
            ("250ms", Some(250)),
            ("1500", Some(1500)),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5h", None),
            ("1h30m", None),
            ("99999999999999999999d", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
        for (text, expected) in [
            ("20MB", Some(20_000_000)),
            ("512MiB", Some(512 << 20)),
            ("2g", Some(2 << 30)),
            ("1024", Some(1024)),
            ("10 parsecs", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
