//! One scan of a progressive JPEG (T.81 G.1.2 and G.2), an MCU row at a time.

use super::bits::Bits;
use super::huffman::Table;
use super::{Block, Corrupt, Row};

/// Where the coefficients of a zigzag are in a block, by row.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The first coefficient in a set of them, which are in zigzag order from the highest bit.
const FIRST: u64 = 1 << 63;

/// Blocks of one component within a row, in the order in which a scan of it alone sends them: places in
/// the row, and how many MCUs of it there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// The component's first block in an MCU of the frame, and the blocks of such an MCU.
    pub(super) first: usize,
    pub(super) step: usize,
    /// Its blocks in one, across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Blocks that show some of the picture, across and down the whole of it.
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What a scan does to its coefficients.
#[derive(Debug)]
pub(super) enum Pass {
    /// First bits of the DC coefficients; a table and a prediction for each component.
    DcFirst(Vec<(Table, i32)>),
    DcRefine,
    /// First bits of one component's band.
    AcFirst(Table),
    AcRefine(Table),
}

/// A scan and how far it is read.
#[derive(Debug)]
pub(super) struct ScanReader<'a> {
    pub(super) bits: Bits<'a>,
    pub(super) pass: Pass,
    pub(super) components: Vec<Places>,
    /// In zigzag order.
    pub(super) band: (u8, u8),
    /// Low bits that are still unknown after it.
    pub(super) after: u8,
    /// MCUs between restarts; 0: there are none.
    pub(super) interval: u32,
    pub(super) until_restart: u32,
    pub(super) restarts: u32,
    /// Blocks that this band has nothing more to say about (G.1.2.2, EOBRUN).
    pub(super) ended: u32,
}

impl ScanReader<'_> {
    /// Reads MCU row `at` of the frame.
    pub(super) fn read(&mut self, at: usize, row: &mut Row) -> Result<(), Corrupt> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            // SAFETY: the processor was asked.
            #[expect(unsafe_code, reason = "a third off refinement scans, by one instruction")]
            unsafe {
                self.read_with_bmi2(at, row);
            }
            return self.bits.check();
        }
        self.read_with(deposit, at, row);
        self.bits.check()
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
    fn read_with_bmi2(&mut self, at: usize, row: &mut Row) {
        self.read_with(|bits, mask| std::arch::x86_64::_pdep_u64(bits, mask), at, row);
    }

    #[inline(always)]
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "a closure is inlined, the method's name is called for every block"
    )]
    fn read_with(&mut self, deposit: impl Fn(u64, u64) -> u64 + Copy, at: usize, row: &mut Row) {
        match (&self.pass, &self.components[..]) {
            (Pass::AcFirst(_), [alone]) => {
                self.read_alone(*alone, at, row, |scan, block, known| scan.first(block, known));
            }
            (Pass::AcRefine(_), [alone]) => {
                let refine = |scan: &mut Self, block: &mut Block, known: &mut u64| {
                    scan.refine(deposit, block, known);
                };
                self.read_alone(*alone, at, row, refine);
            }
            (_, [alone]) => self.read_alone(*alone, at, row, |scan, block, _| scan.dc(0, block)),
            _ => self.read_together(row),
        }
    }

    /// The blocks of one component that show some of the picture, across and then down (A.2.2).
    #[inline(always)]
    fn read_alone(
        &mut self,
        component: Places,
        at: usize,
        row: &mut Row,
        read: impl Fn(&mut Self, &mut Block, &mut u64),
    ) {
        let Places { first, step, across, down, columns, rows } = component;
        for y in 0..down.min(rows.saturating_sub(at * down)) {
            let mcus = row.blocks.chunks_mut(step).zip(row.known.chunks_mut(step));
            let mut left = columns;
            for (blocks, known) in mcus {
                let shown = first + y * across..first + y * across + across.min(left);
                left -= shown.len();
                for (block, known) in blocks[shown.clone()].iter_mut().zip(&mut known[shown]) {
                    self.begin_mcu();
                    read(self, block, known);
                }
            }
        }
    }

    /// The blocks of some components, MCU by MCU (A.2.3); only DC is sent in this way.
    fn read_together(&mut self, row: &mut Row) {
        for blocks in row.blocks.chunks_mut(self.components[0].step) {
            self.begin_mcu();
            for component in 0..self.components.len() {
                let Places { first, across, down, .. } = self.components[component];
                for block in &mut blocks[first..first + across * down] {
                    self.dc(component, block);
                }
            }
        }
    }

    #[inline]
    fn begin_mcu(&mut self) {
        if self.interval > 0 {
            if self.until_restart == 0 {
                self.restart();
            }
            self.until_restart -= 1;
        }
    }

    #[cold]
    fn restart(&mut self) {
        self.bits.restart(self.restarts);
        self.restarts = self.restarts.wrapping_add(1);
        self.until_restart = self.interval;
        self.ended = 0;
        if let Pass::DcFirst(tables) = &mut self.pass {
            tables.iter_mut().for_each(|(_, prediction)| *prediction = 0);
        }
    }

    #[inline]
    fn dc(&mut self, component: usize, block: &mut Block) {
        let Self { bits, pass, after, .. } = self;
        bits.refill();
        if let Pass::DcFirst(tables) = pass {
            let (table, prediction) = &mut tables[component];
            *prediction = prediction.wrapping_add(table.token(bits).value.into());
            block[0] = (*prediction << *after) as i16;
        } else {
            block[0] |= (bits.take(1) << *after) as i16;
        }
    }

    /// The first bits of a band.
    #[inline(always)]
    fn first(&mut self, block: &mut Block, known: &mut u64) {
        let Self { bits, pass, band, after, ended, .. } = self;
        if *ended > 0 {
            *ended -= 1;
            return;
        }
        let (Pass::AcFirst(table) | Pass::AcRefine(table)) = pass else { return };
        let (mut at, last) = (u32::from(band.0), u32::from(band.1));
        while at <= last {
            bits.refill();
            let token = table.token(bits);
            at += u32::from(token.run);
            if token.size > 0 {
                if at > last {
                    return bits.break_off("a coefficient is outside its band");
                }
                block[usize::from(ZIGZAG[at as usize & 63])] = token.value << *after;
                *known |= FIRST >> (at & 63);
            } else if token.run < 15 {
                *ended = run_of_blocks(bits, token.run) - 1;
                return;
            }
            at += 1;
        }
    }

    /// One more bit of a band, and what it makes nonzero (G.1.2.3).
    ///
    /// Which coefficients a run of zeros passes and what the bits between say is worked out on sets of
    /// coefficients: a branch for each would be guessed wrong every other time.
    #[inline(always)]
    fn refine(&mut self, deposit: impl Fn(u64, u64) -> u64, block: &mut Block, known: &mut u64) {
        let Self { bits, pass, band, after, ended, .. } = self;
        let (Pass::AcFirst(table) | Pass::AcRefine(table)) = pass else { return };
        let mut ahead = (u64::MAX >> (band.0 & 63)) & (u64::MAX << (63 - (band.1 & 63)));
        let mut grown = 0;
        while *ended == 0 && ahead != 0 {
            bits.refill();
            let token = table.symbol(bits);
            let mut value = 0;
            if token.size > 1 {
                return bits.break_off("a refinement is more than a bit");
            } else if token.size > 0 {
                value = 2 * bits.take(1) as i16 - 1;
            } else if token.run < 15 {
                *ended = run_of_blocks(bits, token.run);
                break;
            }
            let zeros = ahead & !*known;
            let after_target = zeros.count_ones().wrapping_sub(u32::from(token.run) + 1);
            if after_target > 63 {
                // Only zeros may run on to the end of the band.
                if value != 0 {
                    return bits.break_off("a coefficient is outside its band");
                }
                *ended = 1;
                break;
            }
            let target = deposit(1 << after_target, zeros);
            let passed = ahead & *known & !(target | (target - 1));
            grown |= deposit(bits.take_many(passed.count_ones()), passed);
            if value != 0 {
                block[usize::from(ZIGZAG[target.leading_zeros() as usize & 63])] = value << *after;
                *known |= target;
            }
            ahead &= target - 1;
        }
        if *ended > 0 {
            *ended -= 1;
            let passed = ahead & *known;
            grown |= deposit(bits.take_many(passed.count_ones()), passed);
        }
        while grown != 0 {
            let at = grown.leading_zeros();
            let coefficient = &mut block[usize::from(ZIGZAG[at as usize & 63])];
            *coefficient = coefficient.wrapping_add((*coefficient >> 15 | 1) << *after);
            grown ^= FIRST >> at;
        }
    }
}

/// The lowest bits of `bits` to the places that are set in `mask`, as the instruction PDEP has it.
fn deposit(mut bits: u64, mut mask: u64) -> u64 {
    let mut placed = 0;
    while mask != 0 {
        let place = mask & mask.wrapping_neg();
        placed |= place & (bits & 1).wrapping_neg();
        bits >>= 1;
        mask ^= place;
    }
    placed
}

/// Blocks that end here, this one among them.
#[inline]
fn run_of_blocks(bits: &mut Bits<'_>, exponent: u8) -> u32 {
    let exponent = u32::from(exponent);
    1 << exponent | if exponent > 0 { bits.take(exponent) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::deposit;

    #[test]
    fn bits_are_deposited_as_the_instruction_does() {
        for (bits, mask, placed) in [
            (0, u64::MAX, 0),
            (u64::MAX, 0, 0),
            (0b101, 0b1101_0000, 0b1001_0000),
            (0b10, 1 << 63 | 1, 1 << 63),
            (0x1234_5678_9abc_def0, u64::MAX, 0x1234_5678_9abc_def0),
        ] {
            assert_eq!(deposit(bits, mask), placed);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("bmi2") {
                // SAFETY: the processor was asked.
                #[expect(unsafe_code, reason = "an instruction that not every processor has")]
                let by_instruction = unsafe { std::arch::x86_64::_pdep_u64(bits, mask) };
                assert_eq!(by_instruction, placed);
            }
        }
    }
}
