//! A writer of one page: TIFF 6.0 or `BigTIFF`, one strip of all samples or one for each.

pub(super) struct Page<'a> {
    pub(super) little: bool,
    pub(super) size: (u32, u32),
    pub(super) bits: u16,
    pub(super) samples: u16,
    pub(super) photometric: u16,
    pub(super) compression: u16,
    /// Tags beside the usual ones, each of SHORTs.
    pub(super) extra: &'a [(u16, &'a [u16])],
    /// And of RATIONALs, all over 1000.
    pub(super) fractions: &'a [(u16, &'a [u32])],
    /// Strips of the data, each of as many bytes: planes.
    pub(super) strips: u16,
    pub(super) big: bool,
    pub(super) profile: &'a [u8],
    pub(super) data: &'a [u8],
}

pub(super) const RGB: Page<'_> = Page {
    little: true,
    size: (2, 1),
    bits: 8,
    samples: 3,
    photometric: 2,
    compression: 1,
    extra: &[],
    fractions: &[],
    strips: 1,
    big: false,
    profile: &[],
    data: &[1, 2, 3, 200, 100, 50],
};

impl Page<'_> {
    pub(super) fn write(&self) -> Vec<u8> {
        let short = |value: u16| {
            if self.little { value.to_le_bytes() } else { value.to_be_bytes() }.to_vec()
        };
        let long = |value: u32| {
            if self.little { value.to_le_bytes() } else { value.to_be_bytes() }.to_vec()
        };
        let longer = |value: u64| {
            if self.little { value.to_le_bytes() } else { value.to_be_bytes() }.to_vec()
        };
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let shorts = |values: &[u16]| (3, values.iter().flat_map(|value| short(*value)).collect());
        let longs = |values: &[u32]| -> (u16, Vec<u8>) {
            (4, values.iter().flat_map(|value| long(*value)).collect())
        };
        // The header, the strips, then what does not fit into the directory, then that.
        let start = if self.big { 16 } else { 8 };
        let each = len(self.data) / u32::from(self.strips);
        let offsets: Vec<u32> = (0..self.strips).map(|n| start + u32::from(n) * each).collect();
        let mut entries: Vec<(u16, (u16, Vec<u8>))> = vec![
            (256, longs(&[self.size.0])),
            (257, longs(&[self.size.1])),
            (258, shorts(&vec![self.bits; self.samples.into()])),
            (259, shorts(&[self.compression])),
            (262, shorts(&[self.photometric])),
            (273, longs(&offsets)),
            (277, shorts(&[self.samples])),
            (278, longs(&[self.size.1])),
            (279, longs(&vec![each; self.strips.into()])),
        ];
        entries.extend(self.extra.iter().map(|(tag, values)| (*tag, shorts(values))));
        entries.extend(self.fractions.iter().map(|(tag, values)| {
            (*tag, (5, values.iter().flat_map(|over| [long(*over), long(1000)].concat()).collect()))
        }));
        if !self.profile.is_empty() {
            entries.push((34_675, (7, self.profile.to_vec())));
        }
        entries.sort_by_key(|entry| entry.0);
        let mut body = self.data.to_vec();
        let room = if self.big { 8 } else { 4 };
        let number = |value: u32| if self.big { longer(value.into()) } else { long(value) };
        let mut directory = Vec::new();
        let count = u16::try_from(entries.len()).unwrap();
        for (tag, (kind, mut value)) in entries {
            let width = match kind {
                3 => 2,
                4 => 4,
                5 => 8,
                _ => 1,
            };
            let values = len(&value) / width;
            directory.extend([short(tag), short(kind), number(values)].concat());
            if value.len() > room {
                body.resize(body.len().next_multiple_of(2), 0);
                directory.extend(number(start + len(&body)));
                body.extend(value);
            } else {
                value.resize(room, 0);
                directory.extend(value);
            }
        }
        let order: &[u8] = if self.little { b"II" } else { b"MM" };
        let at = number(start + len(&body));
        let head = if self.big { [short(43), short(8), short(0)].concat() } else { short(42) };
        let entries = if self.big { longer(count.into()) } else { short(count) };
        [order, &head, &at, &body, &entries, &directory, &[0; 8]].concat()
    }
}
