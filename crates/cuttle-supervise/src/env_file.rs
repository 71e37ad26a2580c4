//! Reads an `env_file`: what Next users call `.env`, without its `$NAME`.
//!
//! A file of secrets is no program: nothing is expanded, and what cannot be read is an error with its line rather than a
//! variable that is silently not there. A value is never in a message.

/// Why an `env_file` cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub struct EnvFileError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong there.
    pub mistake: Mistake,
}

/// What is wrong in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// There is no `=`.
    #[error("it is not NAME=VALUE")]
    NoEquals,
    /// The name is empty, or has other characters.
    #[error("a name has letters, digits, `_`, `.` and `-`, and does not begin with a digit")]
    Name,
    /// A quote is not closed.
    #[error("the quoted value that begins here has no end")]
    Unclosed,
    /// Something follows a quoted value.
    #[error(
        "something follows the closing quote: only a comment may (write \\\" for a quote inside of \"…\")"
    )]
    AfterQuote,
    /// No variable can hold it.
    #[error("a value cannot have a NUL character")]
    Nul,
}

/// Names and values in the order in which they stand. Of a name that is there twice, the last counts.
///
/// A line is `NAME=VALUE`, with `export` before it or not; empty, or a comment. `'…'` is taken as it stands; `"…"` knows `\n`,
/// `\r`, `\t`, `\"` and `\\`; both may go over several lines. Without quotes a value ends before ` #`.
///
/// # Errors
/// The first line that is none of these.
pub fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    let mut variables: Vec<(String, String)> = Vec::new();
    // Some editors begin a file with it.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let (one, _) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = one.trim();
        let mut taken = one.len();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            let wrong = |mistake| EnvFileError { line, mistake };
            let equals = one.find('=').ok_or(wrong(Mistake::NoEquals))?;
            let name = name(&one[..equals]).ok_or(wrong(Mistake::Name))?;
            let (value, length) = value(&rest[equals + 1..]).map_err(wrong)?;
            if value.contains('\0') {
                return Err(wrong(Mistake::Nul));
            }
            taken = equals + 1 + length;
            variables.retain(|(known, _)| known != name);
            variables.push((name.to_owned(), value));
        }
        line += rest[..taken].matches('\n').count() + 1;
        rest = rest[taken..].strip_prefix('\n').unwrap_or_default();
    }
    Ok(variables)
}

fn name(written: &str) -> Option<&str> {
    let written = written.trim();
    let exported = written.strip_prefix("export").filter(|it| it.starts_with([' ', '\t']));
    let name = exported.unwrap_or(written).trim_start();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name.chars().next()?;
    (!first.is_ascii_digit() && name.chars().all(fits)).then_some(name)
}

/// The value at the start of `text`, and how much of that it is up to the end of its line.
fn value(text: &str) -> Result<(String, usize), Mistake> {
    let line = text.split_once('\n').map_or(text, |(line, _)| line);
    let begun = line.trim_start_matches([' ', '\t']);
    let before = line.len() - begun.len();
    let Some(quote) = begun.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let comment = line.char_indices().zip(line.chars().skip(1));
        let comment = comment.filter(|((_, c), next)| c.is_whitespace() && *next == '#');
        let end = comment.map(|((at, _), _)| at).next().unwrap_or(line.len());
        // ` #` of a value that is empty is a comment as well.
        let value = if begun.starts_with('#') && before > 0 { "" } else { &line[..end] };
        return Ok((value.trim().to_owned(), line.len()));
    };
    let (value, quoted) = unquote(&text[before + 1..], quote)?;
    let end = before + 1 + quoted;
    let after = text[end..].split_once('\n').map_or(&text[end..], |(after, _)| after);
    if !after.trim().is_empty() && !after.trim_start().starts_with('#') {
        return Err(Mistake::AfterQuote);
    }
    Ok((value, end + after.len()))
}

/// What stands before the closing quote, and how long it is with that.
fn unquote(text: &str, quote: char) -> Result<(String, usize), Mistake> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => return Ok((value, at + 1)),
            '\\' if quote == '"' => match characters.next().ok_or(Mistake::Unclosed)?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                known @ ('"' | '\\') => value.push(known),
                // As it stands: patterns and paths have backslashes that mean themselves.
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    Err(Mistake::Unclosed)
}

#[cfg(test)]
#[path = "env_file_tests.rs"]
mod tests;
