//! The rule on scripts made by hand.

use super::{Need, Scan, Script};
use crate::Size;

/// Components, first and last coefficient, bits unknown before and after.
type Row = (u32, u8, u8, u8, u8);

/// What libjpeg's `jpeg_simple_progression` writes.
const COMMON: [Row; 10] = [
    (0b111, 0, 0, 0, 1),
    (0b001, 1, 5, 0, 2),
    (0b100, 1, 63, 0, 1),
    (0b010, 1, 63, 0, 1),
    (0b001, 6, 63, 0, 2),
    (0b001, 1, 63, 2, 1),
    (0b111, 0, 0, 1, 0),
    (0b100, 1, 63, 1, 0),
    (0b010, 1, 63, 1, 0),
    (0b001, 1, 63, 1, 0),
];

fn script(rows: &[Row], step: u16) -> Script<'static> {
    let scan = |row: &Row| {
        let (components, first, last, before, after) = *row;
        let carried = (0..3).filter(|at| components >> at & 1 == 1);
        Scan {
            components: carried.map(|at| (at, 0)).collect(),
            band: (first, last),
            before,
            after,
            tables: [None; 8],
            interval: 0,
            data: &[],
        }
    };
    Script {
        size: Size { width: 8, height: 8 },
        components: Vec::new(),
        scans: rows.iter().map(scan).collect(),
        steps: vec![[step; 64]; 3],
        sequential: Vec::new(),
    }
}

fn kept(rows: &[Row], step: u16, need: Need) -> String {
    let keep = script(rows, step).needed(Some(need));
    keep.iter().map(|keep| if *keep { 'x' } else { '.' }).collect()
}

#[test]
fn dc_is_kept_to_the_last_bit_and_what_a_scan_refines_with_it() {
    for (step, need, expected) in [
        (1, Need { last: 63, steps: [0, 0] }, "xxxxxxxxxx"),
        (1, Need { last: 63, steps: [2, 2] }, "xxxxxxx..."),
        (1, Need { last: 63, steps: [1, 2] }, "xxxxxxx..x"),
        (1, Need { last: 63, steps: [4, 4] }, "xxxxx.x..."),
        (1, Need { last: 5, steps: [4, 4] }, "xxxx..x..."),
        // The refinement of coefficients 1 to 63 is wanted, so the band from 6 on must be there.
        (1, Need { last: 5, steps: [3, 3] }, "xxxxxxx..."),
        (8, Need { last: 63, steps: [4, 4] }, "xxxxxxxxxx"),
        (8, Need { last: 63, steps: [16, 16] }, "xxxxxxx..."),
    ] {
        assert_eq!(kept(&COMMON, step, need), expected, "step {step}, {need:?}");
    }
}

#[test]
fn spectral_selection_alone_loses_no_precision() {
    let rows = [(0b111, 0, 0, 0, 0), (0b001, 1, 5, 0, 0), (0b001, 6, 63, 0, 0)];
    assert_eq!(kept(&rows, 8, Need { last: 63, steps: [1000, 1000] }), "xxx");
    assert_eq!(kept(&rows, 8, Need { last: 5, steps: [1000, 1000] }), "xx.");
}

#[test]
fn disorderly_scripts_are_recognised() {
    assert!(script(&COMMON, 1).orderly());
    let rows: [(&str, &[Row]); 8] = [
        ("AC of two components", &[(3, 0, 0, 0, 0), (3, 1, 63, 0, 0)]),
        ("AC before DC", &[(1, 1, 63, 0, 0), (1, 0, 0, 0, 0)]),
        ("sent twice", &[(1, 0, 0, 0, 0), (1, 0, 0, 0, 0)]),
        ("refined before it is sent", &[(1, 0, 0, 0, 0), (1, 1, 63, 1, 0)]),
        ("two bits at once", &[(1, 0, 0, 0, 2), (1, 0, 0, 2, 0)]),
        ("DC and AC together", &[(1, 0, 63, 0, 0)]),
        ("backwards", &[(1, 0, 0, 0, 0), (1, 5, 1, 0, 0)]),
        ("past the last coefficient", &[(1, 0, 0, 0, 0), (1, 1, 64, 0, 0)]),
    ];
    for (name, rows) in rows {
        assert!(!script(rows, 1).orderly(), "{name}");
    }
}
