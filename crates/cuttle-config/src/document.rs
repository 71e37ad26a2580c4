//! The file as it was written: every value with its place, every name known.

use std::{collections::BTreeMap, fmt, ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::{
    keys::{TABLES, keys},
    next_pattern::next_pattern,
    problem::{Place, Problem, suggestion},
    value::Raw,
};

/// `cuttle.toml`, read but not yet understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    name: String,
    text: String,
    pub(crate) root: Section,
    pub(crate) apps: Vec<DocumentApp>,
}

/// `[[apps]]`, once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DocumentApp {
    pub(crate) section: Section,
    /// `[apps.images]`, with the names of `[images]`.
    pub(crate) images: Section,
    pub(crate) forward: Vec<Section>,
}

/// Values by `table.name`.
pub(crate) type Section = BTreeMap<String, Entry>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) raw: Raw,
    pub(crate) span: Range<usize>,
}

impl fmt::Debug for Document {
    /// SECURITY: without the text, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Document {
    /// Reads the text of a file; `name` is for messages.
    ///
    /// # Errors
    /// Every unknown table and key, and every value of a type that no key has; or what is not TOML.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let table = DeTable::parse(text).map_err(|error| {
            let place = Place::in_file(name, text, &error.span().unwrap_or_default());
            vec![Problem::new(error.message().trim_end_matches('.'), place)]
        })?;
        let mut reading = Reading { name, text, problems: Vec::new() };
        let (mut root, mut apps) = (Section::new(), Vec::new());
        for (table_name, value) in table.get_ref() {
            let known = || TABLES.iter().map(|(name, _)| *name).filter(|name| *name != "forward");
            match (table_name.get_ref().as_ref(), value.get_ref()) {
                ("apps", DeValue::Array(entries)) => {
                    apps.extend(entries.iter().filter_map(|entry| reading.app(entry)));
                }
                ("apps", _) => {
                    reading.wrong(
                        "write [[apps]], with two brackets: it is a list, of one app or more",
                        table_name.span(),
                    );
                }
                (name, DeValue::Table(table)) if known().any(|known| known == name) => {
                    reading.section(name, table, &mut root);
                }
                (name, DeValue::Table(_)) => {
                    let near = suggestion(name, known());
                    reading.wrong(format!("there is no table [{name}]{near}"), table_name.span());
                }
                (name, _) => {
                    let message = match keys().iter().find(|key| key.name() == name) {
                        Some(key) => format!("`{name}` belongs into the table [{}]", key.table),
                        None => format!("there is no key `{name}` outside of tables"),
                    };
                    reading.wrong(message, table_name.span());
                }
            }
        }
        let problems = reading.problems;
        if problems.is_empty() {
            Ok(Self { name: name.to_owned(), text: text.to_owned(), root, apps })
        } else {
            Err(problems)
        }
    }

    /// Where the file lies, as far as its name says.
    #[must_use]
    pub fn folder(&self) -> &Path {
        Path::new(&self.name).parent().unwrap_or(Path::new(""))
    }

    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        Place::in_file(&self.name, &self.text, span)
    }
}

struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn wrong(&mut self, message: impl Into<String>, span: Range<usize>) {
        let place = Place::in_file(self.name, self.text, &span);
        self.problems.push(Problem::new(message, place));
    }

    fn section(&mut self, table: &str, entries: &DeTable<'_>, section: &mut Section) {
        for (name, value) in entries {
            let written = name.get_ref().as_ref();
            let known = keys().iter().filter(|key| key.table == table);
            if !known.clone().any(|key| key.name() == written) {
                let near = suggestion(written, known.clone().map(crate::Key::name));
                let elsewhere = keys().iter().find(|key| key.name() == written);
                let message = match elsewhere {
                    Some(key) if near.is_empty() => {
                        format!("`{written}` belongs into [{}], not into [{table}]", key.table)
                    }
                    _ => format!("there is no key `{written}` in [{table}]{near}"),
                };
                self.wrong(message, name.span());
            } else if let Some(raw) = self.patterns(written, value).or_else(|| self.raw(value)) {
                section.insert(format!("{table}.{written}"), Entry { raw, span: value.span() });
            }
        }
    }

    fn app(&mut self, entry: &Spanned<DeValue<'_>>) -> Option<DocumentApp> {
        let DeValue::Table(table) = entry.get_ref() else {
            self.wrong("an application is a table", entry.span());
            return None;
        };
        let mut app = DocumentApp::default();
        let mut plain = table.clone();
        if let Some(value) = plain.remove("images") {
            match value.get_ref() {
                DeValue::Table(table) => self.section("images", table, &mut app.images),
                _ => self.wrong("write [apps.images]: it is a table", value.span()),
            }
        }
        if let Some((name, value)) = plain.remove_entry("host") {
            self.one_host(&name, &value, &mut app.section);
        }
        if let Some(value) = plain.remove("forward") {
            let DeValue::Array(entries) = value.get_ref() else {
                self.wrong("what is forwarded is written under [[apps.forward]]", value.span());
                return None;
            };
            for entry in entries {
                let mut section = Section::new();
                match entry.get_ref() {
                    DeValue::Table(table) => self.section("forward", table, &mut section),
                    _ => self.wrong("what is forwarded is a table", entry.span()),
                }
                app.forward.push(section);
            }
        }
        let both = app.section.contains_key("apps.hosts") && plain.contains_key("hosts");
        if both {
            self.wrong(
                "`host` and `hosts` are the same key: write all names in `hosts`",
                entry.span(),
            );
        }
        self.section("apps", &plain, &mut app.section);
        Some(app)
    }

    /// A list of patterns in which some are written as Next has them.
    fn patterns(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<Raw> {
        let DeValue::Array(entries) = value.get_ref() else { return None };
        let is_table = |entry: &Spanned<DeValue<'_>>| matches!(entry.get_ref(), DeValue::Table(_));
        if !["remote_patterns", "local_patterns"].contains(&name) || !entries.iter().any(is_table) {
            return None;
        }
        let mut patterns = Vec::new();
        for entry in entries {
            let pattern = match entry.get_ref() {
                DeValue::Table(table) => match next_pattern(table, name == "remote_patterns") {
                    Ok(pattern) => Some(Raw::Text(pattern)),
                    Err((wrong, span)) => {
                        self.wrong(wrong, span.unwrap_or(entry.span()));
                        None
                    }
                },
                _ => self.raw(entry),
            };
            patterns.extend(pattern);
        }
        Some(Raw::List(patterns))
    }

    /// `host = "a.example"` is `hosts = ["a.example"]`.
    fn one_host(
        &mut self,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        section: &mut Section,
    ) {
        match self.raw(value) {
            Some(raw @ Raw::Text(_)) => {
                let entry = Entry { raw: Raw::List(vec![raw]), span: value.span() };
                section.insert("apps.hosts".to_owned(), entry);
            }
            Some(_) => {
                self.wrong("`apps.host` is one name; write `hosts` for several", name.span());
            }
            None => {}
        }
    }

    fn raw(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Raw> {
        match value.get_ref() {
            DeValue::Boolean(value) => Some(Raw::Bool(*value)),
            DeValue::String(text) => Some(Raw::Text(text.to_string())),
            DeValue::Integer(number) => {
                if let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) {
                    return Some(Raw::Integer(number));
                }
                self.wrong("this number is too large", value.span());
                None
            }
            DeValue::Array(entries) => {
                let entries: Vec<Option<Raw>> =
                    entries.iter().map(|entry| self.raw(entry)).collect();
                entries.into_iter().collect::<Option<Vec<Raw>>>().map(Raw::List)
            }
            DeValue::Float(number) => {
                let milliseconds = number.as_str().parse::<f64>().map_or(1500.0, |it| it * 1000.0);
                let message = format!(
                    "no key takes a fraction; for a time write it in a smaller unit, as in timeout = \"{milliseconds:.0}ms\""
                );
                self.wrong(message, value.span());
                None
            }
            DeValue::Datetime(_) => {
                self.wrong("no key takes a date", value.span());
                None
            }
            DeValue::Table(_) => {
                self.wrong("this key takes no table", value.span());
                None
            }
        }
    }
}
