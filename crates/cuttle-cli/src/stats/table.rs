//! The table for people: what happens now, beside what happened since the server began.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::sample::{OUTCOMES, PHASES, Sample};
use crate::units::{size, time};

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
        let _ = write!(text, "{first:<10}");
        for cell in rest {
            let _ = write!(text, "{cell:>11}");
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
    line(&words("answers", &["fallbacks", "proxied", "5xx"]));
    if let Some(seconds) = seconds {
        line(&cells("  now", lately.beside().map(|it| format!("{:.1}/s", it / seconds)).to_vec()));
    }
    line(&cells("  in all", now.beside().map(|it| it.to_string()).to_vec()));
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
    line(&words("cache", &["images", "size", "requests"]));
    for tier in now.tiers() {
        let kept = |what: &str| now.kept(what, tier);
        let sizes =
            [kept("variants").to_string(), size(kept("bytes")), kept("entries").to_string()];
        line(&cells(&format!("  {tier}"), sizes.to_vec()));
    }
    line(&words("bytes", &["in", "out", "saved"]));
    line(&cells(
        "",
        ["source_bytes_total", "image_sent_bytes_total", "image_saved_bytes_total"]
            .map(|name| size(read(name)))
            .to_vec(),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_now_is_a_rate_and_what_happened_is_a_sum() {
        let series = |hits: u32| {
            format!("cuttle_image_requests_total{{endpoint=\"next\",outcome=\"hit\"}} {hits}\n")
        };
        let (before, now) = (Sample::parse(&series(40)), Sample::parse(&series(100)));
        let live = table("a", &now, &before, Some(Duration::from_secs(10)));
        assert!(live.contains("  now           6.0/s"), "{live}");
        assert!(live.contains("  in all          100"), "{live}");
        assert!(!table("a", &now, &Sample::default(), None).contains("/s"));
    }
}
