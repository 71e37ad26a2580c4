//! What is wrong, and where: with the line itself and a mark under it where it is in a file.

use std::{fmt, ops::Range};

/// One mistake of the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// One sentence without a full stop.
    pub message: String,
    /// Where it was written.
    pub place: Place,
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file; line and column count from 1, the column in characters.
    File {
        /// As the caller names it.
        name: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The whole line.
        text: String,
        /// Characters to mark, at least one.
        width: usize,
    },
    /// In a variable of this name.
    Variable(String),
    /// In a flag, without its dashes.
    Flag(String),
    /// In what was asked for as a whole.
    Nowhere,
}

/// The text of a mark's line; a longer one (a list of a thousand patterns) is cut.
const MAX_LINE_CHARS: usize = 200;

impl Problem {
    pub(crate) fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place }
    }
}

impl Place {
    /// The same place with the line cut before what is marked.
    pub(crate) fn without_value(self) -> Self {
        match self {
            Self::File { name, line, column, text, .. } => {
                let before: String = text.chars().take(column - 1).collect();
                Self::File { name, line, column, text: format!("{before}<redacted>"), width: 10 }
            }
            other => other,
        }
    }

    pub(crate) fn in_file(name: &str, text: &str, span: &Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = text.floor_char_boundary(span.end.clamp(start, line_end));
        let shown = |text: &str| text.trim_end_matches('\r').chars().take(MAX_LINE_CHARS).collect();
        Self::File {
            name: name.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: shown(&text[line_start..line_end]),
            width: text[start..end].chars().count().max(1),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.message;
        match &self.place {
            Place::File { name, line, column, text, width } => {
                let margin = " ".repeat(line.to_string().len());
                // Tabs stay tabs, so that the mark stands under what it marks.
                let indent: String = text
                    .chars()
                    .take(column - 1)
                    .map(|c| if c == '\t' { '\t' } else { ' ' })
                    .collect();
                let room = text.chars().count().saturating_sub(column - 1).max(1);
                let mark = "^".repeat((*width).min(room));
                write!(
                    f,
                    "{message}\n{margin}--> {name}:{line}:{column}\n{margin} |\n{line} | {text}\n{margin} | {indent}{mark}"
                )
            }
            Place::Variable(name) => write!(f, "{message}\n--> the variable {name}"),
            Place::Flag(name) => write!(f, "{message}\n--> --{name}"),
            Place::Nowhere => f.write_str(message),
        }
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .min_by_key(|(distance, _)| *distance)
        // A third of the letters: `szies` is `sizes`, `port` is not `only`.
        .filter(|(distance, name)| *distance <= name.len().max(written.len()) / 3)
        .map(|(_, name)| name)
}

/// [`nearest`] as the end of a sentence, or nothing.
pub(crate) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_what_it_marks() {
        let text = "a = 1\n\tblüte = \"x\"\n";
        let at = text.find("\"x\"").expect("it is there");
        let problem = Problem::new("wrong", Place::in_file("cuttle.toml", text, &(at..at + 3)));
        assert_eq!(
            problem.to_string(),
            "wrong\n --> cuttle.toml:2:10\n  |\n2 | \tblüte = \"x\"\n  | \t        ^^^"
        );
    }

    #[test]
    fn any_span_has_a_place() {
        for span in [0..0, 0..99, 2..3, 5..5, 99..100] {
            let place = Place::in_file("f", "ä\nbü", &span);
            assert!(matches!(place, Place::File { line: 1..=2, .. }), "{span:?} {place:?}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["sizes", "qualities", "svg"];
        assert_eq!(suggestion("szies", known), "; did you mean `sizes`?");
        assert_eq!(suggestion("port", known), "");
    }
}
