//! Huffman codes (T.81 annex C), looked up so that one probe gives run, size and, mostly, the value.

use super::bits::Bits;

/// Codes up to this long are found by one probe. With 11 the table is 12 KiB, which leaves the nearest
/// cache room for blocks; codes that are longer are rare by construction.
const PROBE_BITS: u32 = 11;

/// What a code and the bits after it say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Token {
    /// Zeros before the value, or the exponent of a run of blocks; 0 to 15.
    pub(super) run: u8,
    /// Bits of the value, 0 to 15.
    pub(super) size: u8,
    /// 0 if there is none.
    pub(super) value: i16,
}

/// What a probe finds.
#[derive(Debug, Clone, Copy, Default)]
struct Probe {
    token: Token,
    /// Bits of the code, with those of the value if that was in sight; 0: the code is longer.
    len: u8,
}

/// A table as a DHT segment defines it.
#[derive(Debug)]
pub(super) struct Table {
    probes: Box<[Probe; 1 << PROBE_BITS]>,
    /// For each length, the first code that is longer, on top of 16 bits.
    ends: [u32; 17],
    /// For each length, the place of its first symbol less its first code.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// `definition`: how many codes there are of each length, then their symbols (B.2.4.2). `None` if that
    /// is no code, or one of `sizes` alone has a symbol that is more.
    pub(super) fn new(definition: &[u8], sizes: bool) -> Option<Self> {
        let (counts, listed) = definition.split_first_chunk::<16>()?;
        if sizes && listed.iter().any(|symbol| *symbol > 15) {
            return None;
        }
        let mut table = Self {
            probes: Box::new([Probe::default(); 1 << PROBE_BITS]),
            ends: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        table.symbols.get_mut(..listed.len())?.copy_from_slice(listed);
        let (mut code, mut place) = (0u32, 0usize);
        for (len, count) in (1u32..).zip(counts) {
            code <<= 1;
            let first = code;
            for symbol in listed.get(place..place + usize::from(*count))? {
                if code >> len != 0 {
                    return None;
                }
                if len <= PROBE_BITS {
                    table.fill(code, len, *symbol);
                }
                code += 1;
            }
            table.ends[len as usize] = code << (16 - len);
            table.offsets[len as usize] = i32::try_from(place).ok()? - i32::try_from(first).ok()?;
            place += usize::from(*count);
        }
        Some(table)
    }

    /// Enters every probe that begins with `code`.
    fn fill(&mut self, code: u32, len: u32, symbol: u8) {
        let (run, size) = (symbol >> 4, symbol & 15);
        let spare = PROBE_BITS - len;
        let first = (code << spare) as usize;
        for (tail, probe) in (0u32..).zip(&mut self.probes[first..first + (1 << spare)]) {
            let bits = u32::from(size);
            let (value, len) = if bits > 0 && bits <= spare {
                (extended(tail >> (spare - bits), bits), len + bits)
            } else {
                (0, len)
            };
            *probe = Probe { token: Token { run, size, value }, len: len as u8 };
        }
    }

    /// The next token. At least one bit is used and at most 31, which must be ahead.
    #[inline(always)]
    pub(super) fn token(&self, bits: &mut Bits<'_>) -> Token {
        let Probe { mut token, len } = self.probes[bits.peek(PROBE_BITS) as usize];
        bits.skip(u32::from(len));
        if token.value == 0 {
            if len == 0 {
                token = self.longer(bits);
            }
            if token.size > 0 {
                let size = u32::from(token.size);
                token.value = extended(bits.take(size), size);
            }
        }
        token
    }

    /// The same, where what follows is not a value of that size.
    #[inline]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Token {
        let Probe { token, len } = self.probes[bits.peek(PROBE_BITS) as usize];
        if len == 0 {
            return self.longer(bits);
        }
        let value_bits = if token.value == 0 { 0 } else { token.size };
        bits.skip(u32::from(len - value_bits));
        token
    }

    /// Without the value.
    #[cold]
    fn longer(&self, bits: &mut Bits<'_>) -> Token {
        let ahead = bits.peek(16);
        let len = (PROBE_BITS + 1..=16).find(|len| ahead < self.ends[*len as usize]);
        let symbol = len.and_then(|len| {
            bits.skip(len);
            let place = (ahead >> (16 - len)).checked_add_signed(self.offsets[len as usize])?;
            self.symbols.get(place as usize)
        });
        if let Some(symbol) = symbol {
            Token { run: symbol >> 4, size: symbol & 15, value: 0 }
        } else {
            bits.break_off("a code is in no table");
            Token::default()
        }
    }
}

/// The value of `size` bits (F.2.2.1, EXTEND).
#[inline]
fn extended(bits: u32, size: u32) -> i16 {
    let negative = bits >> (size - 1) == 0;
    // At most 15 bits.
    (bits as i16).wrapping_sub(if negative { ((1u32 << size) - 1) as i16 } else { 0 })
}
