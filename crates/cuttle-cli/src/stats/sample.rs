//! The series of one moment, and what can be said of two of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Every series by its name and labels, as they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample(BTreeMap<String, f64>);

pub(super) const OUTCOMES: [&str; 5] = ["hit", "stale", "miss", "collapsed", "refused"];
pub(super) const PHASES: [&str; 3] = ["fetch", "queue", "encode"];
const TIERS: [&str; 2] = ["memory", "disk"];

impl Sample {
    /// Of our own text: no label of ours holds a brace or a space. What is not a number is left out.
    pub(super) fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// All series of a name that have all of these labels, added up.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let pairs: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let has = |series: &str| {
            let (named, labels) = series.split_once('{').unwrap_or((series, ""));
            let own =
                |pair: &String| labels.trim_end_matches('}').split(',').any(|own| own == pair);
            named == name && pairs.iter().all(own)
        };
        self.0.iter().filter(|(series, _)| has(series)).map(|(_, value)| value).sum()
    }

    pub(super) fn outcome(&self, outcome: &str) -> f64 {
        self.sum("cuttle_image_requests_total", &[("outcome", outcome)])
    }

    /// Answers that came about otherwise than visitors hope: originals in place of renditions, then all that was asked of the
    /// application, and how much of that failed.
    pub(super) fn beside(&self) -> [f64; 3] {
        let proxied = "cuttle_proxied_requests_total";
        [
            self.sum("cuttle_image_fallbacks_total", &[]),
            self.sum(proxied, &[]),
            self.sum(proxied, &[("status", "5xx")]),
        ]
    }

    /// Of the pictures that were sent, how many no job had to be waited for.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let [hit, stale, miss, collapsed, _] = OUTCOMES.map(|outcome| self.outcome(outcome));
        let sent = hit + stale + miss + collapsed;
        (sent > 0.0).then(|| (hit + stale) / sent)
    }

    /// Where pictures are kept. What is on disk and in memory too is there twice, so the tiers are never added up.
    pub(super) fn tiers(&self) -> impl Iterator<Item = &'static str> {
        let named = |tier: &str| format!("cuttle_cache_variants{{tier=\"{tier}\"}}");
        TIERS.into_iter().filter(move |tier| self.0.contains_key(&named(tier)))
    }

    /// A gauge of one of them.
    pub(super) fn kept(&self, what: &str, tier: &str) -> f64 {
        self.sum(&format!("cuttle_cache_{what}"), &[("tier", tier)])
    }

    /// What came since `before`; a server that began anew meanwhile, from its beginning on. Gauges mean nothing here.
    pub(super) fn since(&self, before: &Self) -> Self {
        let of = |(series, value): (&String, &f64)| {
            let then = before.0.get(series).copied().filter(|then| then <= value).unwrap_or(0.0);
            (series.clone(), value - then)
        };
        Self(self.0.iter().map(of).collect())
    }

    /// Seconds that this share of the jobs needed at most for a phase: by its buckets, evenly spread inside of one.
    pub(super) fn quantile(&self, phase: &str, share: f64) -> Option<f64> {
        // Of all applications together.
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        let start = "cuttle_image_phase_seconds_bucket{le=\"";
        for (series, count) in &self.0 {
            let Some(rest) = series.strip_prefix(start) else { continue };
            let Some((end, labels)) = rest.split_once('"') else { continue };
            if labels.contains(&format!("phase=\"{phase}\"")) {
                let end = end.parse().unwrap_or(f64::INFINITY);
                match buckets.iter_mut().find(|(known, _)| *known == end) {
                    Some((_, sum)) => *sum += count,
                    None => buckets.push((end, *count)),
                }
            }
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = buckets.last().filter(|(_, all)| *all > 0.0)?.1 * share;
        let (mut from, mut below) = (0.0, 0.0);
        for (to, count) in buckets {
            if count >= wanted {
                // Above the highest bound nothing more is known.
                let inside = if count > below { (wanted - below) / (count - below) } else { 1.0 };
                return Some(if to.is_finite() { from + (to - from) * inside } else { from });
            }
            (from, below) = (to, count);
        }
        None
    }

    /// For programs: the sums that people are shown, since the server began.
    pub(super) fn json(&self) -> Value {
        let number =
            |value: f64| if value.fract() == 0.0 { json!(value as i64) } else { json!(value) };
        let read = |name: &str| number(self.sum(&format!("cuttle_{name}"), &[]));
        let object = |pairs: Vec<(&str, Value)>| {
            Value::Object(
                pairs
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<Map<_, _>>(),
            )
        };
        let [fallbacks, proxied, failed] = self.beside();
        let requests = OUTCOMES.map(|outcome| (outcome, number(self.outcome(outcome))));
        let phases = PHASES.map(|phase| {
            let count = self.sum("cuttle_image_phase_seconds_count", &[("phase", phase)]);
            let of = |share| self.quantile(phase, share);
            (
                phase,
                json!({ "count": number(count), "p50_seconds": of(0.5), "p95_seconds": of(0.95) }),
            )
        });
        let caches = self.tiers().map(|tier| {
            let kept = |what| number(self.kept(what, tier));
            let cache = json!({ "variants": kept("variants"), "bytes": kept("bytes"), "entries": kept("entries") });
            (tier, cache)
        });
        json!({
            "started": read("start_time_seconds"),
            "requests": object(requests.into()),
            "hit_ratio": self.hit_ratio(),
            "phases": object(phases.into()),
            "fallbacks": number(fallbacks),
            "proxied": number(proxied),
            "proxied_5xx": number(failed),
            "bytes": { "in": read("source_bytes_total"), "out": read("image_sent_bytes_total"), "saved": read("image_saved_bytes_total") },
            "workers": { "places": read("workers"), "alive": read("workers_alive"), "busy": read("workers_busy"), "restarts": read("worker_restarts_total"), "jobs": read("worker_jobs_total") },
            "queue": { "jobs": read("jobs"), "jobs_waiting": read("jobs_waiting"), "requests_waiting": read("requests_waiting"), "full": read("queue_full") },
            "cache": object(caches.collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP cuttle_jobs Jobs under way.
cuttle_jobs 3
cuttle_image_requests_total{endpoint=\"next\",outcome=\"hit\"} 6
cuttle_image_requests_total{endpoint=\"strict\",outcome=\"hit\"} 2
cuttle_image_requests_total{endpoint=\"next\",outcome=\"miss\"} 2
cuttle_image_requests_total{endpoint=\"next\",outcome=\"refused\"} 90
cuttle_image_phase_seconds_bucket{le=\"0.1\",phase=\"fetch\"} 2
cuttle_image_phase_seconds_bucket{le=\"0.5\",phase=\"fetch\"} 6
cuttle_image_phase_seconds_bucket{le=\"10.0\",phase=\"fetch\"} 8
cuttle_image_phase_seconds_bucket{le=\"+Inf\",phase=\"fetch\"} 10
cuttle_image_phase_seconds_bucket{le=\"+Inf\",phase=\"queue\"} 0
# EOF
";

    #[test]
    fn sums_ratios_and_quantiles_are_of_what_is_there() {
        let sample = Sample::parse(TEXT);
        assert_eq!((sample.sum("cuttle_jobs", &[]), sample.outcome("hit")), (3.0, 8.0));
        assert_eq!(sample.hit_ratio(), Some(0.8), "who was refused does not count");
        assert_eq!(Sample::default().hit_ratio(), None);
        for (share, expected) in [(0.1, 0.05), (0.2, 0.1), (0.4, 0.3), (0.8, 10.0), (0.95, 10.0)] {
            let seconds = sample.quantile("fetch", share).expect("ten of them");
            assert!((seconds - expected).abs() < 1e-9, "{share}: {seconds}");
        }
        assert_eq!(sample.quantile("queue", 0.5), None);
        assert_eq!(sample.quantile("encode", 0.5), None);
    }

    #[test]
    fn what_is_kept_twice_is_not_added_up() {
        let series = |tier: &str| format!("cuttle_cache_variants{{tier=\"{tier}\"}} 7\n");
        let (one, both) = (series("memory"), series("memory") + &series("disk"));
        let cache = |text: &str| Sample::parse(text).json()["cache"].clone();
        let kept = json!({ "variants": 7, "bytes": 0, "entries": 0 });
        assert_eq!(cache(&one), json!({ "memory": kept }));
        assert_eq!(cache(&both), json!({ "memory": kept, "disk": kept }));
    }

    #[test]
    fn what_came_since_is_the_difference_also_past_a_restart() {
        let (before, now) =
            (Sample::parse("a_total 5\nb_total 9\n"), Sample::parse("a_total 8\nb_total 2\n"));
        assert_eq!(now.since(&before), Sample::parse("a_total 3\nb_total 2\n"));
        assert_eq!(now.since(&Sample::default()), now);
    }
}
