//! From glob to regular expression by the general rules.
//!
//! A glob is read once, left to right, into pieces; a wildcard may still change the piece before it, because `/**` at the end
//! makes its slash optional and a star at the start of a segment looks ahead for dots.

mod groups;

use super::{Dots, GlobError, NOT_EMPTY, QUESTION_MARK, STAR};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Slash,
    /// A dot that may be the first of a segment, or of `..` in braces.
    Dot,
    /// The `..` of a range in braces.
    Dots,
    Text,
    Star,
    /// Two stars or more in the middle of a segment: each further one is absorbed.
    Stars,
    Globstar,
    Class,
    Paren,
    Brace,
    Comma,
    Other,
}

#[derive(Debug)]
struct Piece {
    kind: Kind,
    written: String,
    regex: String,
}

/// What is open at a place.
#[derive(Debug)]
enum Open {
    Paren { at: usize },
    Brace { at: usize, comma: bool, range: bool },
    Extended { symbol: char, at: usize, inner: usize },
}

struct Translation {
    glob: Vec<char>,
    next: usize,
    dots: Dots,
    pieces: Vec<Piece>,
    open: Vec<Open>,
}

/// Whether the glob is negated (`!…`), and the expression for the rest of it, without anchors.
pub(super) fn whole(written: &str, dots: Dots) -> Result<(bool, String), GlobError> {
    // Three spellings that mean less than they seem to.
    let written = match written {
        "***" => "*",
        "**/**" | "**/**/**" => "**",
        other => other.strip_prefix("./").unwrap_or(other),
    };
    if !written.starts_with(['*', '!'])
        && !written.contains(['/', '(', ')', '[', ']', '{', '}', '"'])
    {
        return Ok((false, one_segment(written, dots)?));
    }
    let glob: Vec<char> = written.chars().collect();
    let marks = glob
        .iter()
        .enumerate()
        .take_while(|&(at, &c)| {
            c == '!' && !(glob.get(at + 1) == Some(&'(') && glob.get(at + 2) != Some(&'?'))
        })
        .count();
    Ok((marks % 2 == 1, translate(glob[marks..].to_vec(), dots)?))
}

fn translate(glob: Vec<char>, dots: Dots) -> Result<String, GlobError> {
    let start = Piece { kind: Kind::Start, written: String::new(), regex: String::new() };
    let translation = Translation { glob, next: 0, dots, pieces: vec![start], open: Vec::new() };
    translation.run()
}

/// A glob without slashes, groups and classes, which may start with anything but a star. Most host names are one: every run
/// of stars is one star, and nothing looks ahead.
fn one_segment(written: &str, dots: Dots) -> Result<String, GlobError> {
    let mut regex = String::new();
    let mut chars = written.chars().peekable();
    let mut at_start = true;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                None | Some('\\') => return Err(GlobError::Unsupported("a bare backslash")),
                Some(escaped) => escape_written(&mut regex, escaped)?,
            },
            '?' if at_start => regex.push_str(dots.question_mark_at_start()),
            '?' => regex.push_str(QUESTION_MARK),
            '*' => {
                while chars.next_if_eq(&'*').is_some() {}
                regex.push_str(STAR);
            }
            '+' | '^' | '$' | '|' if chars.peek() == Some(&c) => {
                return Err(GlobError::Unsupported("a doubled operator"));
            }
            other => escape(&mut regex, other),
        }
        at_start = false;
    }
    Ok(regex)
}

impl Translation {
    fn run(mut self) -> Result<String, GlobError> {
        while let Some(c) = self.take() {
            match c {
                '\\' => self.backslash()?,
                '"' => return Err(GlobError::Unsupported("quotes")),
                '[' => self.class()?,
                '(' => {
                    self.open.push(Open::Paren { at: self.pieces.len() });
                    self.push(Kind::Paren, "(", "(");
                }
                ')' => self.close_paren()?,
                '{' => {
                    self.open.push(Open::Brace {
                        at: self.pieces.len(),
                        comma: false,
                        range: false,
                    });
                    self.push(Kind::Brace, "{", "(");
                }
                '}' => self.close_brace(),
                '|' => self.push(Kind::Text, "|", "|"),
                ',' => self.comma(),
                '/' => self.push(Kind::Slash, "/", r"\/"),
                '.' => self.dot(),
                '?' => self.question_mark()?,
                '!' | '@' if self.extends() => self.open_extended(c),
                '+' => self.plus()?,
                '*' => self.star(),
                other => {
                    let mut regex = String::new();
                    escape(&mut regex, other);
                    self.push(Kind::Text, &other.to_string(), &regex);
                }
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Result<String, GlobError> {
        for open in std::mem::take(&mut self.open) {
            match open {
                Open::Paren { at } => self.pieces[at].regex = r"\(".to_owned(),
                _ => return Err(GlobError::Unsupported("a group that is never closed")),
            }
        }
        let mut regex: String = self.pieces.iter().map(|piece| piece.regex.as_str()).collect();
        if matches!(self.last().kind, Kind::Star | Kind::Stars | Kind::Class) {
            regex.push_str(r"\/?");
        }
        Ok(regex)
    }

    fn take(&mut self) -> Option<char> {
        let c = self.glob.get(self.next).copied();
        self.next += usize::from(c.is_some());
        c
    }

    fn ahead(&self, offset: usize) -> Option<char> {
        self.glob.get(self.next + offset).copied()
    }

    fn rest(&self) -> &[char] {
        self.glob.get(self.next..).unwrap_or_default()
    }

    fn last(&self) -> &Piece {
        self.pieces.last().expect("the start is never removed")
    }

    fn last_mut(&mut self) -> &mut Piece {
        self.pieces.last_mut().expect("the start is never removed")
    }

    fn in_braces(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Brace { .. }))
    }

    fn in_parens(&self) -> bool {
        self.open.iter().any(|open| !matches!(open, Open::Brace { .. }))
    }

    fn in_extended(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Extended { .. }))
    }

    /// Adds a piece. Two stars with anything but a slash or the end of a group behind them are one star.
    fn push(&mut self, kind: Kind, written: &str, regex: &str) {
        let ends_group = (self.in_braces() && matches!(kind, Kind::Comma | Kind::Brace))
            || kind == Kind::Paren
            || written == "@";
        if self.last().kind == Kind::Globstar && kind != Kind::Slash && !ends_group {
            let last = self.last_mut();
            (last.kind, last.regex) = (Kind::Star, STAR.to_owned());
        }
        self.pieces.push(Piece { kind, written: written.to_owned(), regex: regex.to_owned() });
    }

    fn backslash(&mut self) -> Result<(), GlobError> {
        match self.ahead(0) {
            // The character means itself anyway, and the rules for segments still apply to it.
            Some('/' | '.' | ';') => Ok(()),
            None | Some('\\') => Err(GlobError::Unsupported("a bare backslash")),
            Some(escaped) => {
                self.next += 1;
                let mut regex = String::new();
                escape_written(&mut regex, escaped)?;
                self.push(Kind::Text, &format!("\\{escaped}"), &regex);
                Ok(())
            }
        }
    }

    fn dot(&mut self) {
        if self.in_braces() && self.last().kind == Kind::Dot {
            let last = self.last_mut();
            last.kind = Kind::Dots;
            last.written.push('.');
            last.regex.push('.');
            if let Some(Open::Brace { range, .. }) =
                self.open.iter_mut().rev().find(|open| matches!(open, Open::Brace { .. }))
            {
                *range = true;
            }
            return;
        }
        let grouped = self.in_braces() || self.in_parens();
        let starts = matches!(self.last().kind, Kind::Start | Kind::Slash);
        self.push(if grouped || starts { Kind::Dot } else { Kind::Text }, ".", r"\.");
    }

    fn question_mark(&mut self) -> Result<(), GlobError> {
        let after_open = self.last().written == "(";
        if !after_open && self.extends() {
            self.open_extended('?');
        } else if self.last().kind == Kind::Paren {
            if after_open {
                return Err(GlobError::Unsupported("a regular expression's own group"));
            }
            self.push(Kind::Text, "?", "?");
        } else if matches!(self.last().kind, Kind::Start | Kind::Slash) {
            self.push(Kind::Other, "?", self.dots.question_mark_at_start());
        } else {
            self.push(Kind::Other, "?", QUESTION_MARK);
        }
        Ok(())
    }

    fn plus(&mut self) -> Result<(), GlobError> {
        let last = self.last();
        if self.extends() {
            self.open_extended('+');
        } else if last.kind == Kind::Paren && last.regex.ends_with(['?', '*', '+']) {
            // No regular expression in JavaScript, so that it matches nothing there; a possessive one elsewhere.
            return Err(GlobError::Unsupported("a doubled operator"));
        } else if last.written != "("
            && (matches!(last.kind, Kind::Class | Kind::Paren | Kind::Brace) || self.in_parens())
        {
            self.push(Kind::Other, "+", "+");
        } else {
            self.push(Kind::Other, "+", r"\+");
        }
        Ok(())
    }

    fn star(&mut self) {
        let last = self.last().kind;
        if matches!(last, Kind::Globstar | Kind::Stars) {
            let last = self.last_mut();
            (last.kind, last.regex) = (Kind::Stars, STAR.to_owned());
        } else if self.extends() {
            self.open_extended('*');
        } else if last == Kind::Star {
            self.second_star();
        } else {
            self.first_star();
        }
    }

    fn first_star(&mut self) {
        let single = self.ahead(0) != Some('*');
        let guard = match self.last().kind {
            Kind::Start | Kind::Slash => Some(self.dots.before_star()),
            Kind::Dot => Some(r"(?!\.{0,1}(?:\/|$))"),
            _ => None,
        };
        if let Some(guard) = guard {
            let last = self.last_mut();
            last.regex.push_str(guard);
            last.regex.push_str(if single { NOT_EMPTY } else { "" });
        }
        self.push(Kind::Star, "*", STAR);
    }

    /// `**` is a globstar only as a whole segment, or at an edge of a group.
    fn second_star(&mut self) {
        let before = self.pieces.len() - 2;
        let prior = self.pieces[before].kind;
        let at_edge = (self.in_braces() && matches!(prior, Kind::Comma | Kind::Brace))
            || (self.in_extended() && prior == Kind::Paren)
            || matches!(prior, Kind::Start | Kind::Slash | Kind::Paren);
        if !at_edge {
            self.push(Kind::Stars, "*", "");
            return;
        }
        // `/**/**` is `/**`.
        while self.rest().starts_with(&['/', '*', '*']) && matches!(self.ahead(3), None | Some('/'))
        {
            self.next += 3;
        }
        let globstar = self.dots.globstar();
        let ends = self.rest().is_empty();
        let slash_next = self.ahead(0) == Some('/');
        let inner_slash = prior == Kind::Slash && self.pieces[before - 1].kind != Kind::Start;
        let after_stars = before > 0
            && matches!(self.pieces[before - 1].kind, Kind::Star | Kind::Stars | Kind::Globstar);
        let regex = if prior == Kind::Start && ends {
            self.pieces[before].regex.clear();
            globstar.to_owned()
        } else if inner_slash && !after_stars && ends {
            self.pieces[before].regex.insert_str(0, "(?:");
            format!("{globstar}|$)")
        } else if inner_slash && slash_next {
            let end = if self.ahead(1).is_some() { "|$" } else { "" };
            self.pieces[before].regex.insert_str(0, "(?:");
            self.next += 1;
            format!(r"{globstar}\/|\/{end})")
        } else if prior == Kind::Start && slash_next {
            self.next += 1;
            format!(r"(?:^|\/|{globstar}\/)")
        } else {
            globstar.to_owned()
        };
        let consumed_slash = self.next > 0 && slash_next && regex.len() > globstar.len();
        let last = self.last_mut();
        (last.kind, last.regex) = (Kind::Globstar, regex);
        last.written.push('*');
        if consumed_slash {
            self.push(Kind::Slash, "/", "");
        }
    }
}

/// A character that means itself.
fn escape(regex: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>' | '_' | '/') {
        regex.push('\\');
    }
    regex.push(c);
}

/// A character behind a backslash, by ECMAScript's rules: a class, or itself.
fn escape_written(regex: &mut String, c: char) -> Result<(), GlobError> {
    match c {
        'd' | 'D' | 'w' | 'W' | 's' | 'S' => regex.extend(['\\', c]),
        'b' | 'B' | 'c' | 'f' | 'k' | 'n' | 'p' | 'P' | 'r' | 't' | 'u' | 'v' | 'x' | '0'..='9' => {
            return Err(GlobError::Unsupported("a regular expression's own escape"));
        }
        other => escape(regex, other),
    }
    Ok(())
}
