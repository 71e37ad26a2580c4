//! A screenshot: cards, a chart and small text. Exercises: hard edges on flat colour, where lossy
//! codecs ring and lossless ones win, and strokes one or two pixels wide, which resizers thicken.

mod lettering;

use lettering::strokes;

use crate::canvas::length;

const INK: u32 = 0x16202E;
const MUTED: u32 = 0x6B7787;
const LINE: u32 = 0xDFE5EC;
const TEAL: u32 = 0x0E9F94;
const AMBER: u32 = 0xE58A1F;
const CODE: u32 = 0x101826;

/// 8-bit sRGB. The layout is made for 2400 × 1500 and scales with the height.
#[must_use]
pub fn draw(width: u32, height: u32) -> Vec<u8> {
    let mut page = Page::new(width, height, 0xF3F6F9);
    page.block(0.0, 0.0, 2400.0, 110.0, 0.0, 0xFFFFFF);
    page.block(0.0, 108.0, 2400.0, 110.0, 0.0, LINE);
    page.block(60.0, 31.0, 108.0, 79.0, 14.0, TEAL);
    page.text(132.0, 38.0, 34.0, INK, "REEF LOG");
    page.text(430.0, 46.0, 20.0, AMBER, "SAMPLE DATA");
    for (x, label) in [(1560.0, "DIVES"), (1790.0, "TIDES"), (1950.0, "CREW"), (2170.0, "CHARTS")] {
        page.text(x, 46.0, 20.0, MUTED, label);
    }
    let figures = [
        ("VISIBILITY", "71.4 %", TEAL),
        ("SIGHTINGS", "48,213", INK),
        ("MEDIAN DEPTH", "24 M", INK),
        ("SALT", "3.52 %", TEAL),
    ];
    for (i, (label, figure, colour)) in (0_u8..).zip(figures) {
        let x = 60.0 + 575.0 * f32::from(i);
        page.card(x, 160.0, x + 545.0, 350.0);
        page.text(x + 36.0, 196.0, 20.0, MUTED, label);
        page.text(x + 36.0, 248.0, 60.0, colour, figure);
    }
    chart(&mut page);
    listing(&mut page);
    table(&mut page);
    page.rgb
}

fn chart(page: &mut Page) {
    page.card(60.0, 390.0, 1400.0, 930.0);
    page.text(96.0, 424.0, 24.0, INK, "SIGHTINGS AN HOUR, FROM MIDNIGHT");
    for step in 0..5_u8 {
        let y = 510.0 + 88.0 * f32::from(step);
        page.block(160.0, y, 1364.0, y + 2.0, 0.0, LINE);
        page.text(96.0, y - 8.0, 18.0, MUTED, ["400", "300", "200", "100", "0"][usize::from(step)]);
    }
    let mut last = (0.0, 0.0);
    for i in 0..24_u8 {
        let t = f32::from(i);
        let original = 250.0 + 60.0 * (0.55 * t).sin() + 30.0 * (1.7 * t).cos();
        let smaller = original * (0.27 + 0.05 * (0.9 * t).sin());
        let x = 180.0 + 49.0 * t;
        page.block(x, 862.0 - original * 0.88, x + 26.0, 862.0, 4.0, 0xC9D3DE);
        page.block(x, 862.0 - smaller * 0.88, x + 26.0, 862.0, 4.0, TEAL);
        let here = (x + 13.0, 780.0 - original * 0.7 + 40.0 * (0.8 * t).cos());
        if i > 0 {
            page.stroke(last, here, 2.0, AMBER);
        }
        last = here;
        if i % 4 == 0 {
            page.text(
                x,
                880.0,
                16.0,
                MUTED,
                ["00", "04", "08", "12", "16", "20"][usize::from(i / 4)],
            );
        }
    }
}

fn listing(page: &mut Page) {
    page.block(1430.0, 390.0, 2340.0, 930.0, 16.0, CODE);
    let lines: [(u32, &str); 11] = [
        (0x7D8CA3, "# SURVEY.TOML"),
        (0xF2C46D, "[REEF]"),
        (0xD7E0EC, "ZONES = [CREST, SLOPE]"),
        (0xD7E0EC, "DEPTHS = [5, 12, 24]"),
        (0x6FD6C8, "LIGHTS = [60, 75]"),
        (0xF2C46D, "[WATER]"),
        (0xD7E0EC, "TEMPERATURE = 21.5"),
        (0xD7E0EC, "CURRENT = 0.4"),
        (0xF2C46D, "[CAMERA]"),
        (0x6FD6C8, "SHUTTER = 250"),
        (0xD7E0EC, "ISO = 400"),
    ];
    for (row, (colour, line)) in (0_u8..).zip(lines) {
        let y = 428.0 + 44.0 * f32::from(row);
        page.text(1466.0, y, 18.0, 0x4A5870, &format!("{:2}", row + 1));
        page.text(1530.0, y, 22.0, colour, line);
    }
}

fn table(page: &mut Page) {
    page.card(60.0, 970.0, 2340.0, 1440.0);
    let columns = [96.0, 760.0, 1080.0, 1400.0, 1720.0, 2040.0];
    let rows = [
        ["SPECIES", "LENGTH", "MIN", "MAX", "SEEN", "DEPTH"],
        ["SEPIA OFFICINALIS", "402 MM", "190", "490", "684", "21 M"],
        ["SEPIA LATIMANUS", "472 MM", "188", "521", "669", "34 M"],
        ["SEPIA APAMA", "561 MM", "240", "637", "702", "25 M"],
        ["SEPIOLA ATLANTICA", "25 MM", "11", "30", "673", "29 M"],
        ["METASEPIA PFEFFERI", "69 MM", "42", "80", "710", "27 M"],
        ["OCTOPUS VULGARIS", "907 MM", "460", "1,066", "677", "30 M"],
    ];
    for (i, row) in (0_u8..).zip(rows) {
        let y = 1002.0 + 61.0 * f32::from(i);
        for (x, cell) in columns.into_iter().zip(row) {
            page.text(x, y, 20.0, if i == 0 { MUTED } else { INK }, cell);
        }
        page.block(96.0, y + 39.0, 2304.0, y + 40.0, 0.0, LINE);
    }
}

struct Page {
    width: usize,
    scale: f32,
    rgb: Vec<u8>,
}

impl Page {
    fn new(width: u32, height: u32, paper: u32) -> Self {
        let [_, r, g, b] = paper.to_be_bytes();
        let rgb = [r, g, b].repeat(width as usize * height as usize);
        Self { width: width as usize, scale: height as f32 / 1500.0, rgb }
    }

    /// Lays `colour` over a box wherever `distance` (in layout units) is negative.
    fn fill(
        &mut self,
        [left, top, right, bottom]: [f32; 4],
        colour: u32,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let [_, r, g, b] = colour.to_be_bytes();
        let height = self.rgb.len() / 3 / self.width;
        let pixel = |at: f32, limit: usize| ((at * self.scale).max(0.0) as usize).min(limit);
        let (columns, rows) = (
            pixel(left, self.width)..pixel(right + 1.0, self.width),
            pixel(top, height)..pixel(bottom + 1.0, height),
        );
        for row in rows {
            for column in columns.clone() {
                let at = |i: usize| (i as f32 + 0.5) / self.scale;
                let cover = (0.5 - distance(at(column), at(row)) * self.scale).clamp(0.0, 1.0);
                let start = (row * self.width + column) * 3;
                for (below, above) in self.rgb[start..start + 3].iter_mut().zip([r, g, b]) {
                    *below = (f32::from(*below)
                        + (f32::from(above) - f32::from(*below)) * cover
                        + 0.5) as u8;
                }
            }
        }
    }

    fn block(&mut self, left: f32, top: f32, right: f32, bottom: f32, radius: f32, colour: u32) {
        self.fill([left, top, right, bottom], colour, |x, y| {
            let dx = (left + radius - x).max(x - right + radius);
            let dy = (top + radius - y).max(y - bottom + radius);
            length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius
        });
    }

    fn card(&mut self, left: f32, top: f32, right: f32, bottom: f32) {
        self.block(left, top, right, bottom, 16.0, LINE);
        self.block(left + 2.0, top + 2.0, right - 2.0, bottom - 2.0, 14.0, 0xFFFFFF);
    }

    fn stroke(&mut self, from: (f32, f32), to: (f32, f32), half: f32, colour: u32) {
        let reach = half + 1.0;
        let bounds = [
            from.0.min(to.0) - reach,
            from.1.min(to.1) - reach,
            from.0.max(to.0) + reach,
            from.1.max(to.1) + reach,
        ];
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let squared = (dx * dx + dy * dy).max(1e-6);
        self.fill(bounds, colour, |x, y| {
            let t = (((x - from.0) * dx + (y - from.1) * dy) / squared).clamp(0.0, 1.0);
            length(x - from.0 - t * dx, y - from.1 - t * dy) - half
        });
    }

    /// One line of capitals, `size` layout units high.
    fn text(&mut self, left: f32, top: f32, size: f32, colour: u32, line: &str) {
        let unit = size / 6.0;
        let half = (0.075 * size).max(1.1);
        for (i, letter) in (0_u8..).zip(line.chars()) {
            let x = left + f32::from(i) * unit * 5.6;
            for stroke in strokes(letter) {
                for ends in stroke.windows(2) {
                    let place = |(u, v): (f32, f32)| (x + u * unit, top + v * unit);
                    self.stroke(place(ends[0]), place(ends[1]), half, colour);
                }
            }
        }
    }
}
