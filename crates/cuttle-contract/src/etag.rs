//! `If-None-Match`, by RFC 9110 section 13.1.2: a list of entity tags or `*`, compared weakly.
//!
//! Only entity tags count. Next also takes its own unquoted value, which no cache on the way understands; we do not.

/// Whether `if_none_match` names `etag` (quoted, perhaps with `W/`), so that a 304 is the answer.
#[must_use]
pub fn matches(if_none_match: &str, etag: &str) -> bool {
    if if_none_match.trim_matches([' ', '\t']) == "*" {
        return true;
    }
    let wanted = opaque(etag);
    wanted.is_some() && EntityTags { rest: if_none_match }.any(|tag| Some(tag) == wanted)
}

fn opaque(etag: &str) -> Option<&str> {
    EntityTags { rest: etag }.next()
}

/// The opaque parts of the tags in a list. What is no entity tag is skipped up to the next comma.
struct EntityTags<'a> {
    rest: &'a str,
}

impl<'a> Iterator for EntityTags<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let element = self.rest.trim_start_matches([' ', '\t', ',']);
            if element.is_empty() {
                return None;
            }
            // A comma may be part of a tag, so the end of the tag is its closing quote.
            let quoted = element.strip_prefix("W/").unwrap_or(element).strip_prefix('"');
            if let Some((tag, after)) = quoted.and_then(|quoted| quoted.split_once('"')) {
                let after = after.trim_start_matches([' ', '\t']);
                if (after.is_empty() || after.starts_with(',')) && tag.chars().all(is_tag_char) {
                    self.rest = after;
                    return Some(tag);
                }
            }
            self.rest = element.split_once(',').map_or("", |(_, rest)| rest);
        }
    }
}

/// RFC 9110 section 8.8.3, `etagc`.
fn is_tag_char(c: char) -> bool {
    !c.is_control() && !matches!(c, ' ' | '"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_entity_tags_match() {
        for (header, expected) in [
            (r#""abc""#, true),
            (r#"W/"abc""#, true),
            (r#""x", W/"abc" , "y""#, true),
            (r#" ,, "abc","#, true),
            (r#""a,b", "abc""#, true),
            (r#"junk, "abc""#, true),
            (" * ", true),
            ("abc", false),
            ("W/abc", false),
            (r#"w/"abc""#, false),
            (r#""abc"#, false),
            (r#"abc""#, false),
            (r#""abcd""#, false),
            (r#""ABC""#, false),
            (r#""abc"x"#, false),
            (r#"*, "x""#, false),
            ("", false),
        ] {
            assert_eq!(matches(header, r#""abc""#), expected, "{header}");
        }
        assert!(matches(r#""abc""#, r#"W/"abc""#), "weak comparison");
        assert!(matches(r#""a,b""#, r#""a,b""#), "a comma inside a tag");
        assert!(!matches("abc", "abc"), "an unquoted tag of ours matches nothing");
    }

    proptest! {
        #[test]
        fn no_header_panics_or_hangs(header in "[W/\"a, *\u{e4}]{0,40}") {
            let answer = matches(&header, r#""a""#);
            prop_assert!(!answer || header.contains(r#""a""#) || header.trim() == "*");
        }
    }
}
