//! Bits of entropy-coded data (T.81 F.2.2.5), most significant first, without stuffed zeros.

use super::Corrupt;

/// Reads one scan's data. Past its end, past a restart marker that nobody asked for and after anything that
/// cannot be, come zeros: what is wrong is told by [`Bits::check`], once a row, and not bit by bit.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, the first of them on top; below them zeros.
    ahead: u64,
    /// How many there are.
    count: u32,
    /// How many of them, the last ones, were not in the file.
    invented: u32,
    wrong: Option<&'static str>,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, ahead: 0, count: 0, invented: 0, wrong: None }
    }

    /// Makes sure of at least 32 bits.
    #[inline]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(word) = self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_be_bytes(*word);
            // No byte is 0xff if none of the complement is zero.
            let ones = (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if ones == 0 {
                let bytes = (63 - self.count) / 8;
                self.ahead |= word >> (64 - 8 * bytes) << (64 - 8 * bytes - self.count);
                self.count += 8 * bytes;
                self.at += bytes as usize;
                return;
            }
        }
        self.refill_by_byte();
    }

    #[cold]
    fn refill_by_byte(&mut self) {
        while self.count < 32 {
            let Some(byte) = self.next_byte() else {
                self.invented += 32;
                self.count += 32;
                return;
            };
            self.ahead |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// `None` at a marker, and at the end.
    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        let mut past = self.at + 1;
        if byte == 0xff {
            // Fill bytes may come before the zero, as before a marker (B.1.1.2).
            while *self.data.get(past)? == 0xff {
                past += 1;
            }
            if self.data[past] != 0 {
                return None;
            }
            past += 1;
        }
        self.at = past;
        Some(byte)
    }

    /// The next `count` bits, 1 to 32 of them and no more than are ahead.
    #[inline]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.ahead >> (64 - count)) as u32
    }

    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.ahead <<= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// The same, read.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// The next `count` bits, 0 to 63.
    #[inline(always)]
    pub(super) fn take_many(&mut self, count: u32) -> u64 {
        self.refill();
        let part = count.min(32);
        let high = self.ahead >> 1 >> (63 - part);
        self.skip(part);
        if count == part {
            return high;
        }
        self.refill();
        high << (count - 32) | u64::from(self.take(count - 32))
    }

    /// There is no sense in reading on.
    #[cold]
    pub(super) fn break_off(&mut self, wrong: &'static str) {
        *self = Self { wrong: self.wrong.or(Some(wrong)), ..Self::new(&[]) };
    }

    /// # Errors
    /// If more was read than is there, or reading was broken off.
    pub(super) fn check(&self) -> Result<(), Corrupt> {
        let cut_off = (self.count < self.invented).then_some("a scan is cut off");
        self.wrong.or(cut_off).map_or(Ok(()), |wrong| Err(Corrupt(wrong)))
    }

    /// Moves past restart marker `number` modulo 8 (F.2.1.3.1). Data before it that nobody read is skipped.
    pub(super) fn restart(&mut self, number: u32) {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let marks =
            rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        let expected = 0xd0 | (number & 7) as u8;
        let past = marks.map_or(0, |found| self.at + found + 2);
        if let Err(Corrupt(wrong)) = self.check() {
            self.break_off(wrong);
        } else if past > 0 && self.data[past - 1] == expected {
            *self = Self { at: past, ..Self::new(self.data) };
        } else {
            self.break_off("a restart marker is missing");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    fn take(bits: &mut Bits<'_>, count: u32) -> u32 {
        bits.refill();
        bits.take(count)
    }

    #[test]
    fn stuffed_zeros_and_fill_bytes_are_not_data() {
        let mut bits =
            Bits::new(&[0x12, 0xff, 0x00, 0x34, 0xff, 0xff, 0x00, 0x56, 0x78, 0x9a, 0xbc]);
        assert_eq!(take(&mut bits, 20), 0x12ff3);
        assert_eq!(take(&mut bits, 20), 0x4ff56);
        assert_eq!(take(&mut bits, 24), 0x78_9abc);
        assert!(bits.check().is_ok());
        assert_eq!(take(&mut bits, 1), 0);
        assert!(bits.check().is_err());
    }

    #[test]
    fn restarts_come_in_order() {
        let data = [0x12, 0xff, 0xd3, 0x34, 0x56, 0x78, 0x9a, 0xff, 0xd4, 0xbc];
        let mut bits = Bits::new(&data);
        assert_eq!(take(&mut bits, 4), 1);
        bits.restart(3);
        assert_eq!(take(&mut bits, 8), 0x34);
        bits.restart(12);
        assert_eq!(take(&mut bits, 8), 0xbc);
        assert!(bits.check().is_ok());
        bits.restart(5);
        assert!(bits.check().is_err());
        let mut bits = Bits::new(&data);
        bits.restart(4);
        assert!(bits.check().is_err());
    }
}
