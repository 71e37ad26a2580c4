//! Numbers as a person reads them.

/// With the unit in which it is between 1 and 1000, where there is one.
fn in_units(value: f64, units: &[(f64, &str)]) -> String {
    let unit = units.iter().rev().find(|(factor, _)| value >= *factor).or(units.first());
    let (factor, name) = unit.copied().unwrap_or((1.0, ""));
    let value = value / factor;
    if value >= 100.0 || value == value.trunc() {
        format!("{value:.0} {name}")
    } else {
        format!("{value:.1} {name}")
    }
}

/// Seconds.
pub(crate) fn time(seconds: f64) -> String {
    in_units(seconds, &[(1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d")])
}

/// Bytes.
pub(crate) fn size(bytes: f64) -> String {
    in_units(bytes, &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_that_a_person_reads() {
        let times = [0.0, 0.000_25, 0.0314, 1.0, 59.0, 90.0, 7200.0, 864_000.0].map(time);
        assert_eq!(times, ["0 ms", "0.2 ms", "31.4 ms", "1 s", "59 s", "1.5 min", "2 h", "10 d"]);
        let sizes = [0.0, 999.0, 1500.0, 250_000.0, 12_345_678.0].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.5 kB", "250 kB", "12.3 MB"]);
    }
}
