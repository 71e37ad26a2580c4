//! The table for people: what happens now, beside what happened since the server began.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::sample::{OUTCOMES, PHASES, Sample};

/// `now` and what came since `before`, `window` ago; without a window, since the server began.
pub(super) fn table(
    address: &str,
    now: &Sample,
    before: &Sample,
    window: Option<Duration>,
) -> String {
    let lately = now.since(before);
    let seconds = window.map(|window| window.as_secs_f64().max(0.001));
    let read = |name: &str| now.sum(&format!("cuttle_{name}"), &[]);
    let began = read("start_time_seconds");
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut text = format!("cuttle at {address}, up {}\n\n", time((clock - began).max(0.0)));
    let mut line = |cells: &[String]| {
        let (first, rest) =
            cells.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let _ = write!(text, "{first:<12}");
        for cell in rest {
            let _ = write!(text, "{cell:>12}");
        }
        text.push('\n');
    };
    let cells = |first: &str, rest: Vec<String>| [vec![first.to_owned()], rest].concat();
    let words =
        |first: &str, rest: &[&str]| cells(first, rest.iter().map(ToString::to_string).collect());
    let percent = |ratio: Option<f64>| {
        ratio.map_or("-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
    };

    line(&words("requests", &[&OUTCOMES[..], &["hit ratio"]].concat()));
    if let Some(seconds) = seconds {
        let rates = OUTCOMES.map(|outcome| format!("{:.1}/s", lately.outcome(outcome) / seconds));
        line(&cells("  now", [rates.to_vec(), vec![percent(lately.hit_ratio())]].concat()));
    }
    let all = OUTCOMES.map(|outcome| format!("{}", now.outcome(outcome)));
    line(&cells("  in all", [all.to_vec(), vec![percent(now.hit_ratio())]].concat()));
    line(&[]);
    line(&words("phases", &["p50", "p95", "jobs"]));
    for phase in PHASES {
        let quantile = |share| lately.quantile(phase, share).map_or("-".to_owned(), time);
        let jobs = lately.sum("cuttle_image_phase_seconds_count", &[("phase", phase)]);
        line(&cells(&format!("  {phase}"), vec![quantile(0.5), quantile(0.95), jobs.to_string()]));
    }
    line(&[]);
    let count = |name: &str| read(name).to_string();
    line(&words("workers", &["places", "alive", "busy", "restarts", "jobs"]));
    line(&cells(
        "",
        ["workers", "workers_alive", "workers_busy", "worker_restarts_total", "worker_jobs_total"]
            .map(count)
            .to_vec(),
    ));
    line(&words("queue", &["jobs", "waiting", "requests", "full"]));
    let full = if read("queue_full") > 0.0 { "yes" } else { "no" };
    line(&cells(
        "",
        vec![count("jobs"), count("jobs_waiting"), count("requests_waiting"), full.to_owned()],
    ));
    line(&words("cache", &["pictures", "size", "requests"]));
    line(&cells(
        "",
        vec![count("cache_variants"), size(read("cache_bytes")), count("cache_entries")],
    ));
    line(&words("bytes", &["in", "out", "saved"]));
    line(&cells(
        "",
        ["source_bytes_total", "image_sent_bytes_total", "image_saved_bytes_total"]
            .map(|name| size(read(name)))
            .to_vec(),
    ));
    text
}

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

fn time(seconds: f64) -> String {
    in_units(seconds, &[(1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d")])
}

fn size(bytes: f64) -> String {
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

    #[test]
    fn what_happens_now_is_a_rate_and_what_happened_is_a_sum() {
        let series = |hits: u32| {
            format!("cuttle_image_requests_total{{endpoint=\"next\",outcome=\"hit\"}} {hits}\n")
        };
        let (before, now) = (Sample::parse(&series(40)), Sample::parse(&series(100)));
        let live = table("a", &now, &before, Some(Duration::from_secs(10)));
        assert!(live.contains("  now              6.0/s"), "{live}");
        assert!(live.contains("  in all             100"), "{live}");
        assert!(!table("a", &now, &Sample::default(), None).contains("/s"));
    }
}
