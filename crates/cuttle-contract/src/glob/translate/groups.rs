//! What opens and closes: classes, parentheses, braces, and the groups of the extended language.

use super::{
    super::{GlobError, NOT_EMPTY, STAR},
    Kind, Open, Piece, Translation, escape, escape_written, translate,
};

impl Translation {
    /// `[…]`: one of the characters, and, unless it holds an operator, also its own text: `/[id]/` is the name of a folder.
    pub(super) fn class(&mut self) -> Result<(), GlobError> {
        if !self.rest().contains(&']') {
            self.push(Kind::Text, "[", r"\[");
            return Ok(());
        }
        let (mut written, mut regex) = (String::new(), String::new());
        loop {
            let c = self.take().ok_or(GlobError::Unsupported("a class that is never closed"))?;
            match c {
                ']' if written.is_empty() || written == "^" => regex.push_str(r"\]"),
                ']' => break,
                '[' if self.ahead(0) == Some(':') => {
                    return Err(GlobError::Unsupported("a named class"));
                }
                '\\' => {
                    let escaped = self.take().ok_or(GlobError::Unsupported("a bare backslash"))?;
                    escape_written(&mut regex, escaped)?;
                    written.push(c);
                    written.push(escaped);
                    continue;
                }
                '-' if self.ahead(0) == Some(']') => regex.push_str(r"\-"),
                '[' | '&' | '~' => regex.extend(['\\', c]),
                other => regex.push(other),
            }
            written.push(c);
        }
        if written.starts_with('^') && !written.contains('/') {
            regex.push('/');
        }
        let regex = if written
            .contains(['-', '*', '+', '?', '.', '^', '$', '{', '}', '(', '|', ')', '[', ']'])
        {
            format!("[{regex}]")
        } else {
            let mut literal = String::new();
            format!("[{written}]").chars().for_each(|c| escape(&mut literal, c));
            format!("(?:{literal}|[{regex}])")
        };
        self.push(Kind::Class, &format!("[{written}]"), &regex);
        Ok(())
    }

    pub(super) fn close_paren(&mut self) -> Result<(), GlobError> {
        match self.open.pop() {
            Some(Open::Extended { symbol, at, inner }) => self.close_extended(symbol, at, inner),
            Some(Open::Paren { .. }) => {
                self.push(Kind::Paren, ")", ")");
                Ok(())
            }
            Some(Open::Brace { .. }) => Err(GlobError::Unsupported("groups that overlap")),
            None => {
                self.push(Kind::Paren, ")", r"\)");
                Ok(())
            }
        }
    }

    pub(super) fn close_brace(&mut self) {
        match self.open.last() {
            Some(&Open::Brace { at, comma, range }) => {
                if range {
                    self.close_range(at);
                } else if comma {
                    self.push(Kind::Brace, "}", ")");
                } else {
                    self.pieces[at].regex = r"\{".to_owned();
                    self.push(Kind::Brace, "}", r"\}");
                }
                self.open.pop();
            }
            _ => self.push(Kind::Text, "}", r"\}"),
        }
    }

    /// `{a..z}` is one character of the range; what makes no range stands for its own text.
    pub(super) fn close_range(&mut self, at: usize) {
        let inside = self.pieces.split_off(at);
        let mut ends: Vec<String> = inside
            .into_iter()
            .skip(1)
            .filter(|piece| piece.kind != Kind::Dots)
            .map(|piece| piece.written)
            .collect();
        ends.sort_unstable();
        let class = format!("[{}]", ends.join("-"));
        let regex = if fancy_regex::Regex::new(&class).is_ok() { class } else { ends.join("..") };
        self.pieces.push(Piece {
            kind: Kind::Brace,
            written: String::new(),
            regex: format!("({regex})"),
        });
    }

    pub(super) fn comma(&mut self) {
        if let Some(Open::Brace { comma, .. }) = self.open.last_mut() {
            *comma = true;
            self.push(Kind::Comma, ",", "|");
        } else {
            self.push(Kind::Comma, ",", ",");
        }
    }

    /// Whether a group of the extended language (`!(…)`, `*(…)`) follows the symbol that was just taken.
    pub(super) fn extends(&self) -> bool {
        self.ahead(0) == Some('(') && self.ahead(1) != Some('?')
    }

    pub(super) fn open_extended(&mut self, symbol: char) {
        let nothing_before = self.pieces.iter().all(|piece| piece.regex.is_empty());
        self.push(Kind::Other, &symbol.to_string(), if nothing_before { NOT_EMPTY } else { "" });
        self.next += 1;
        let at = self.pieces.len();
        let regex = if symbol == '!' { "(?:(?!(?:" } else { "(?:" };
        self.push(Kind::Paren, "(", regex);
        self.open.push(Open::Extended { symbol, at, inner: self.next });
    }

    pub(super) fn close_extended(
        &mut self,
        symbol: char,
        at: usize,
        inner: usize,
    ) -> Result<(), GlobError> {
        let regex = match symbol {
            '?' => ")?".to_owned(),
            '+' => ")+".to_owned(),
            '*' => ")*".to_owned(),
            '!' => self.close_negation(inner)?,
            _ => ")".to_owned(),
        };
        debug_assert_eq!(self.pieces[at].kind, Kind::Paren);
        self.push(Kind::Paren, ")", &regex);
        Ok(())
    }

    /// `!(…)` looks ahead to the end of the text where the glob ends too, and else not.
    pub(super) fn close_negation(&self, inner: usize) -> Result<String, GlobError> {
        let inner = &self.glob[inner..self.next - 1];
        let rest = self.rest();
        let crosses = inner.len() > 1 && inner.contains(&'/');
        let star = if crosses { self.dots.globstar() } else { STAR };
        let extension = rest.len() > 1
            && rest[0] == '.'
            && !rest[1..].iter().any(|c| matches!(c, '\\' | '/' | '.'));
        Ok(if inner.contains(&'*') && extension {
            let rest = translate(rest.to_vec(), self.dots)?;
            format!("){rest}){star})")
        } else if crosses || rest.iter().all(|&c| c == ')') {
            format!(")$)){star}")
        } else {
            format!(")){STAR})")
        })
    }
}
