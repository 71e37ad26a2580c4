//! Where Cuttle differs from Next on purpose, and what it must say there. The rows that people notice are in
//! `docs/differences.md`, with their reasons.
//!
//! A row looks at the request and at what Next said, and changes that into what ours must say: first an older Next's
//! words into those of 16 (`older`), then what is answered at all (`verdicts`), then what every answer of ours wears
//! (`dress`). Within one of these no two rows may want the same field. What no row changes must be as Next said it.

mod dress;
mod naming;
mod negotiation;
mod older;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use cuttle_e2e::NextApp;

use crate::public::Source;
use crate::requests::{Case, rich};
use crate::seen::Seen;

/// One after the other: each looks at what the one before it left.
const STAGES: [&[Row]; 3] = [older::ROWS, verdicts::ROWS, dress::ROWS];

/// What a row looks at.
pub(crate) struct About<'a> {
    pub(crate) app: &'a NextApp,
    pub(crate) case: &'a Case,
    /// What Next said, as the rows before these left it.
    pub(crate) next: &'a Seen,
    /// What this Next said to the first request of all: `photo.jpg` at 64 pixels, where nothing is special.
    pub(crate) usual: &'a Seen,
    /// What the application itself answers to whoever asks for the source, where that was asked.
    pub(crate) direct: Option<u16>,
    /// What Next 16 said to the same request under the same configuration, where this is an older one.
    pub(crate) sixteen: Option<&'a Seen>,
}

impl About<'_> {
    pub(crate) fn is(&self, field: &str, value: &str) -> bool {
        self.next.is(field, value)
    }

    /// An answer to a question about a picture, and it is one.
    pub(crate) fn shows(&self) -> bool {
        self.case.asks_for_an_image() && self.is("status", "200") && !self.is("kind", "")
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        self.case.source.as_deref()
    }

    pub(crate) fn remote(&self) -> bool {
        !self.case.url.starts_with('/')
    }

    /// The modern format that this client can have.
    pub(crate) fn modern(&self) -> Option<&'static str> {
        let formats: &[&'static str] =
            if rich(self.app) { &["image/avif", "image/webp"] } else { &["image/webp"] };
        negotiation::chosen(self.case.header("accept"), formats)
    }

    /// Where in `app/source` or on the scripted origin it leads: the folder that names the behaviour.
    pub(crate) fn behaviour(&self) -> &str {
        let path = self.case.url.split(['?', '#']).next().unwrap_or_default();
        if self.remote() {
            path.rsplit('/').nth(1).unwrap_or_default()
        } else {
            path.trim_end_matches('/').rsplit_once("/source/").map_or("", |(_, what)| what)
        }
    }
}

/// A row of the table.
pub(crate) struct Row {
    /// What Next does there, in a few words.
    pub(crate) name: &'static str,
    /// Whether it decides here.
    pub(crate) when: fn(&About<'_>) -> bool,
    /// What ours must say.
    pub(crate) then: fn(&About<'_>, &mut Change),
}

/// Fields that a row gives another value, or any of some values.
#[derive(Default)]
pub(crate) struct Change(BTreeMap<&'static str, Vec<String>>);

impl Change {
    pub(crate) fn set(&mut self, field: &'static str, value: impl Into<String>) -> &mut Self {
        self.0.insert(field, vec![value.into()]);
        self
    }

    pub(crate) fn any(&mut self, field: &'static str, values: &[&str]) -> &mut Self {
        self.0.insert(field, values.iter().map(|value| (*value).to_owned()).collect());
        self
    }

    /// As Next usually shows a picture, but of this type.
    pub(crate) fn show(&mut self, about: &About<'_>, kind: &str) -> &mut Self {
        for field in about.usual.fields(about.next).filter(|field| *field != "asked") {
            self.set(field, about.usual.get(field));
        }
        self.kind(about, kind).any("x-nextjs-cache", &["MISS", "HIT"])
    }

    /// The same picture in another type.
    pub(crate) fn kind(&mut self, about: &About<'_>, kind: &str) -> &mut Self {
        let extension = kind.trim_start_matches("image/").replace("svg+xml", "svg");
        let inline = about.usual.get("content-disposition").starts_with("inline");
        let name = naming::disposition(inline, &about.case.url, &extension);
        self.set("kind", kind).set("content-type", kind).set("content-disposition", name)
    }

    /// A refusal, whatever Next said: nothing of a picture is left.
    pub(crate) fn refuse(&mut self, about: &About<'_>, status: u16, text: &str) -> &mut Self {
        let kept = ["asked"];
        for field in about.next.fields(about.next).filter(|field| !kept.contains(field)) {
            self.set(field, "");
        }
        self.set("status", status.to_string());
        if about.case.method != "HEAD" {
            self.set("body", "text").set("text", text);
        }
        self
    }
}

/// What ours must say.
pub(crate) struct Expected {
    values: BTreeMap<&'static str, Vec<String>>,
    /// Which rows changed a field.
    by: BTreeMap<&'static str, Vec<&'static str>>,
    ambiguous: Vec<String>,
}

/// From what Next said, and where it is an older one, from what 16 said.
pub(crate) fn expected(
    app: &NextApp,
    case: &Case,
    next: &Seen,
    usual: &Seen,
    direct: Option<u16>,
    sixteen: Option<&Seen>,
) -> Expected {
    let mut expected =
        Expected { values: BTreeMap::new(), by: BTreeMap::new(), ambiguous: Vec::new() };
    let mut said = next.clone();
    for stage in STAGES {
        let about = About { app, case, next: &said, usual, direct, sixteen };
        let mut changes = Change::default();
        let mut by: BTreeMap<&'static str, &'static str> = BTreeMap::new();
        for row in stage.iter().filter(|row| (row.when)(&about)) {
            let mut change = Change::default();
            (row.then)(&about, &mut change);
            for (field, values) in change.0 {
                if let Some(other) = by.insert(field, row.name) {
                    expected.ambiguous.push(format!("{field}: {other:?} and {:?}", row.name));
                }
                changes.0.insert(field, values);
                expected.by.entry(field).or_default().push(row.name);
            }
        }
        for (field, values) in &changes.0 {
            said.set(field, values[0].clone());
        }
        expected.values.extend(changes.0);
    }
    expected
}

/// The names of all rows.
pub(crate) fn names() -> BTreeSet<&'static str> {
    STAGES.into_iter().flatten().map(|row| row.name).collect()
}

impl Expected {
    pub(crate) fn accepts(&self, field: &str, next: &Seen, ours: &str) -> bool {
        self.values
            .get(field)
            .map_or_else(|| next.is(field, ours), |values| values.iter().any(|value| value == ours))
    }

    /// The value, or all that would do.
    pub(crate) fn wanted(&self, field: &str, next: &Seen) -> String {
        self.values.get(field).map_or_else(|| next.get(field).to_owned(), |all| all.join(" | "))
    }

    pub(crate) fn rows(&self, field: &str) -> String {
        self.changers(field).collect::<Vec<_>>().join("; ")
    }

    /// The rows that changed this field.
    pub(crate) fn changers(&self, field: &str) -> impl Iterator<Item = &'static str> {
        self.by.get(field).into_iter().flatten().copied()
    }

    /// Rows without which this answer of ours would not have been accepted.
    pub(crate) fn needed(&self, next: &Seen, ours: &Seen) -> impl Iterator<Item = &'static str> {
        let differs = |field: &&'static str| next.get(field) != ours.get(field);
        let fields: Vec<_> = next.fields(ours).filter(differs).collect();
        fields.into_iter().filter_map(|field| self.by.get(field)).flatten().copied()
    }

    /// Where two rows want the same field.
    pub(crate) fn ambiguous(&self) -> &[String] {
        &self.ambiguous
    }
}
