//! All that differs, in a form in which a person finds the cause: one block for each way of being different, with
//! the requests that show it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cuttle_e2e::NextApp;

use crate::likeness::Judge;
use crate::on_purpose::Expected;
use crate::requests::Case;
use crate::seen::Seen;
use crate::sides::Pair;

/// Requests that are shown of a block.
const SHOWN: usize = 12;

/// What failed so far.
#[derive(Default)]
pub(crate) struct Report {
    /// Field and values → requests.
    blocks: BTreeMap<Block, Vec<String>>,
    /// Everything that was said, one table for each build.
    said: BTreeMap<String, String>,
    /// Rows of the table that some answer needed.
    needed: BTreeSet<&'static str>,
    unneeded: Vec<&'static str>,
    compared: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    field: &'static str,
    next: String,
    wanted: String,
    ours: String,
    rows: String,
}

impl Report {
    /// Holds what ours said against what it should have said.
    pub(crate) fn compare(
        &mut self,
        app: &NextApp,
        case: &Case,
        pair: &Pair,
        expected: &Expected,
        judge: &mut Judge,
    ) {
        self.compared += 1;
        self.needed.extend(expected.needed(&pair.next, &pair.ours));
        self.keep(app, case, pair);
        let row = format!("{}/{} {}", app.version, app.configuration, case.shown());
        for problem in expected.ambiguous() {
            let block = Block {
                field: "rows",
                next: String::new(),
                wanted: "one row".into(),
                ours: problem.clone(),
                rows: String::new(),
            };
            self.blocks.entry(block).or_default().push(row.clone());
        }
        for field in pair.next.fields(&pair.ours) {
            let ours = pair.ours.get(field);
            if !expected.accepts(field, &pair.next, ours) {
                let block = Block {
                    field,
                    next: pair.next.get(field).to_owned(),
                    wanted: expected.wanted(field, &pair.next),
                    ours: ours.to_owned(),
                    rows: expected.rows(field),
                };
                self.blocks.entry(block).or_default().push(row.clone());
            }
        }
        let apart = unlike(case, pair, judge);
        let on_purpose = expected.accepts("picture", &pair.next, "unlike");
        if apart.is_some() && on_purpose {
            self.needed.extend(expected.changers("picture"));
        }
        if let Some(apart) = apart.filter(|_| !on_purpose) {
            let block = Block {
                field: "picture",
                next: pair.next.get("kind").to_owned(),
                wanted: "alike".into(),
                ours: pair.ours.get("kind").to_owned(),
                rows: String::new(),
            };
            self.blocks.entry(block).or_default().push(format!("{apart}: {row}"));
        }
    }

    fn keep(&mut self, app: &NextApp, case: &Case, pair: &Pair) {
        let table = self.said.entry(format!("{}-{}", app.version, app.configuration)).or_default();
        let line = |seen: &Seen| {
            let fields: Vec<String> = seen
                .fields(seen)
                .filter(|field| !seen.is(field, ""))
                .map(|field| format!("{field}={:?}", short(seen.get(field))))
                .collect();
            fields.join(" ")
        };
        let _ = writeln!(table, "{}\t{}\t{}", case.shown(), line(&pair.next), line(&pair.ours));
    }

    /// What another thread compared.
    pub(crate) fn merge(&mut self, other: Self) {
        for (block, requests) in other.blocks {
            self.blocks.entry(block).or_default().extend(requests);
        }
        self.said.extend(other.said);
        self.needed.extend(other.needed);
        self.compared += other.compared;
    }

    /// Fails for every row of the table that nothing differs by.
    pub(crate) fn all_needed(&mut self, rows: &BTreeSet<&'static str>) {
        self.unneeded = rows.difference(&self.needed).copied().collect();
    }

    /// # Panics
    /// When anything failed, with all of it.
    pub(crate) fn judge(self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/differential");
        fs::create_dir_all(&folder).expect("target can be written to");
        for (name, table) in &self.said {
            fs::write(folder.join(format!("{name}.tsv")), table).expect("target can be written to");
        }
        let mut text = String::new();
        for (block, requests) in &self.blocks {
            let Block { field, next, wanted, ours, rows } = block;
            let _ = writeln!(text, "\n{field}, {} requests", requests.len());
            for (name, value) in [("Next", next), ("wanted", wanted), ("ours", ours)] {
                let _ = writeln!(text, "  {name:7} {:?}", short(value));
            }
            if !rows.is_empty() {
                let _ = writeln!(text, "  by      {rows}");
            }
            for request in requests.iter().take(SHOWN) {
                let _ = writeln!(text, "    {request}");
            }
        }
        for row in &self.unneeded {
            let _ = writeln!(text, "\nNo answer needs the row {row:?}");
        }
        fs::write(folder.join("failures.txt"), &text).expect("target can be written to");
        let ways = self.blocks.len() + self.unneeded.len();
        assert!(text.is_empty(), "{ways} ways to differ in {} requests:\n{text}", self.compared);
    }
}

/// How far our picture is from Next's, if that is too far.
fn unlike(case: &Case, pair: &Pair, judge: &mut Judge) -> Option<String> {
    let [next, ours] = &pair.bodies;
    let compared = pair.ours.is("body", "a picture") && !pair.next.is("kind", "") && next != ours;
    let kinds = [pair.next.get("kind"), pair.ours.get("kind")];
    judge.apart(case.source.as_deref().filter(|_| compared)?, next, ours, kinds)
}

fn short(text: &str) -> String {
    text.chars().take(120).collect()
}
