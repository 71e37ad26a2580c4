//! Next and Cuttle side by side: `next start` and `cuttle serve` over one build and one public folder are sent the
//! same requests, and every difference is either one that `on_purpose` states, with what ours must be, or a failure.
//!
//! All failures of all builds are shown at once, those with one cause in one block; everything that either side
//! said is in `target/differential/*.tsv`. A row of the table that no answer needs is a failure as well.
//!
//! `CUTTLE_DIFFERENTIAL=16/plain` runs one build alone, and then says nothing about rows that are not needed.

mod likeness;
mod on_purpose;
mod public;
mod report;
mod requests;
mod seen;
mod sides;

use std::collections::BTreeMap;
use std::thread;

use cuttle_e2e::NextApp;

use crate::likeness::Judge;
use crate::public::Sources;
use crate::report::Report;
use crate::seen::Seen;
use crate::sides::Sides;

/// 16 first: what it says is what ours says for a build of an older one.
const VERSIONS: [u32; 3] = [16, 15, 14];

#[test]
fn next_and_cuttle_answer_alike_or_differ_on_purpose() {
    let only = std::env::var("CUTTLE_DIFFERENTIAL").ok();
    let chosen: Vec<(&'static str, Vec<u32>)> = ["plain", "rich"]
        .map(|configuration| (configuration, versions(only.as_deref(), configuration)))
        .into_iter()
        .filter(|(_, versions)| !versions.is_empty())
        .collect();
    assert!(!chosen.is_empty(), "CUTTLE_DIFFERENTIAL names no build");

    let sources = public::sources();
    let mut report = Report::default();
    thread::scope(|scope| {
        let running: Vec<_> = chosen
            .iter()
            .map(|(configuration, versions)| {
                let sources = &sources;
                scope.spawn(move || compare(configuration, versions, sources))
            })
            .collect();
        for thread in running {
            report.merge(thread.join().expect("a comparison ends with a report"));
        }
    });
    if only.is_none() {
        report.all_needed(&on_purpose::names());
    }
    report.judge();
}

/// Up to the one that was asked for, because 16 speaks for those below it.
fn versions(only: Option<&str>, configuration: &str) -> Vec<u32> {
    let Some(only) = only else { return VERSIONS.to_vec() };
    VERSIONS
        .into_iter()
        .filter(|version| {
            [*version, 15, 14].iter().any(|asked| only == format!("{asked}/{configuration}"))
                && (*version == 16 || only == format!("{version}/{configuration}"))
        })
        .collect()
}

/// All versions of one configuration, one after the other.
fn compare(configuration: &'static str, versions: &[u32], sources: &Sources) -> Report {
    let mut judge = Judge::new();
    let mut report = Report::default();
    let mut sixteen: BTreeMap<String, Seen> = BTreeMap::new();
    for version in versions {
        let app = NextApp::built(*version, configuration);
        public::publish(&app, sources);
        let sides = Sides::start(&app, sources);
        let mut usual = None;
        for case in requests::requests(&app, sources) {
            let pair = sides.ask(&case);
            let usual = usual.get_or_insert_with(|| pair.next.clone());
            let key = case.key();
            let said = sixteen.get(&key).filter(|_| *version < 16);
            let direct = if *version < 16 { sides.direct(&case) } else { None };
            let expected = on_purpose::expected(&app, &case, &pair.next, usual, direct, said);
            report.compare(&app, &case, &pair, &expected, &mut judge);
            if *version == 16 {
                sixteen.entry(key).or_insert(pair.next);
            }
        }
    }
    report
}
