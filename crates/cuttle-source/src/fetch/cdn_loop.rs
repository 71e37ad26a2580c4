//! `CDN-Loop` (RFC 8586): how we recognise a request that came from ourselves, through however many others.
//!
//! Every site has an id, so that two sites with Cuttle can show each other's pictures. What a request says of its way is passed on
//! with our own entry behind it, or a loop over two sites would be seen by neither. This is against accidents: whoever
//! removes the header on the way can close a loop, which ends at the deadlines of those in it.
//!
//! SECURITY: only what Cuttle wrote is passed on. A client may write anything there, and a network that counts its own entries
//! would refuse us a picture for it, which others wait for.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

/// Sent with every request for an original; an image endpoint refuses what carries our mark.
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

const NAME: &str = "cuttle";
/// A picture that comes through two sites is somebody's plan. Servers of one site that do not know its public URL have an id
/// each, and their loops end here.
const MOST_OF_US: usize = 2;
/// Of an id, in hexadecimal digits.
const LENGTH: usize = 16;

/// The name of this site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopId(Arc<str>);

/// Through whom a request came, to be passed on: the ids, one of them empty where Cuttle gave none.
#[derive(Debug, Clone, Default)]
pub struct Via(Vec<String>);

impl Via {
    /// It came from a visitor, as far as we know.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The request came through us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request came through this server, or through too many like it")]
pub struct Loop;

impl LoopId {
    /// Of whatever no other site has. It cannot be read from the id.
    #[must_use]
    pub fn of(site: &[u8]) -> Self {
        Self(blake3::hash(site).to_hex()[..LENGTH].into())
    }

    /// Reads the lines of [`CDN_LOOP`].
    ///
    /// # Errors
    /// [`Loop`] for our own id, and for three entries of Cuttle's with any.
    pub fn way<'a>(&self, lines: impl IntoIterator<Item = &'a HeaderValue>) -> Result<Via, Loop> {
        let mut ids = Vec::new();
        for line in lines {
            let line = String::from_utf8_lossy(line.as_bytes());
            ids.extend(line.split(',').filter_map(id_of_cuttle).take(MOST_OF_US + 1));
            if ids.len() > MOST_OF_US || ids.iter().any(|id| **id == *self.0) {
                return Err(Loop);
            }
        }
        Ok(Via(ids))
    }

    /// What a request for an original carries.
    pub(crate) fn mark(&self, via: &Via) -> HeaderValue {
        let entry = |id: &str| match id {
            "" => NAME.to_owned(),
            id => format!("{NAME}; id={id}"),
        };
        let way: Vec<_> = via.0.iter().map(String::as_str).chain([&*self.0]).map(entry).collect();
        HeaderValue::from_str(&way.join(", ")).expect("names and digits")
    }
}

/// The id of one entry, empty where it names none of ours, if it is Cuttle's. A proxy between may have changed case, spaces and
/// quotes, and a loop that is missed costs more than a request that is refused.
fn id_of_cuttle(entry: &str) -> Option<String> {
    let mut parts = entry.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let mut parameters = parts.filter_map(|part| part.split_once('='));
    let id = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("id"));
    let id = id.map_or("", |(_, id)| id.trim().trim_matches('"'));
    let is_ours = id.len() <= LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(if is_ours { id.to_ascii_lowercase() } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(lines: &[&str]) -> Result<String, Loop> {
        let lines: Vec<_> =
            lines.iter().map(|line| HeaderValue::from_str(line).expect(line)).collect();
        let via = LoopId::of(b"us").way(&lines)?;
        Ok(LoopId::of(b"us").mark(&via).to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn our_own_id_and_a_third_of_us_are_a_loop_and_all_else_is_passed_on() {
        let us = LoopId::of(b"us").0;
        assert_eq!(us.len(), 16);
        let own = format!("cuttle; id={us}");
        let upper = own.to_ascii_uppercase();
        let spaced = format!("a;b=c ,cuttle;v=1 ; id = \"{us}\"");
        let others = format!("fastly; id={us}");
        for lines in [
            &[own.as_str()][..],
            &["fastly", &own],
            &[upper.as_str()],
            &[spaced.as_str()],
            &["cuttle, cuttle; id=1", "cuttle; id=2"],
        ] {
            assert_eq!(way(lines), Err(Loop), "{lines:?}");
        }
        for (lines, sent) in [
            (&[][..], own.clone()),
            (&["fastly, cloudflare; loops=9"], own.clone()),
            (&["cuttle"], format!("cuttle, {own}")),
            (&["Cuttle; id=1, b", "cuttle; id=x"], format!("cuttle; id=1, cuttle, {own}")),
            (&["cuttlefish; id=1"], own.clone()),
            (&[others.as_str()], own.clone()),
        ] {
            assert_eq!(way(lines), Ok(sent), "{lines:?}");
        }
    }
}
