//! How the heads of requests end their lines: with CR LF, and with nothing else.
//!
//! SECURITY: RFC 9112 §2.2 lets a recipient take a bare LF for the end of a line, and hyper does. A proxy before us that does
//! not sees one header where we see two, or one request where we see two; that is how requests are smuggled. hyper shows
//! nothing of how a head was written, so the bytes of a connection are looked at as they come in. This knows no HTTP: where a
//! head ends it sees by its empty line, and how long the body behind it is it is told by whoever read the head. A head of
//! 13 lines costs less than half a microsecond (measured on a busy machine).

/// The bytes that a client sends, from the first on.
#[derive(Debug)]
pub struct Heads(At);

/// What a head was like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// As it should be.
    Fine,
    /// The same, and the last one that is looked at: where the next begins cannot be told.
    Last,
    /// A line of it ends in LF alone.
    Bare,
}

#[derive(Debug)]
enum At {
    Head(Line),
    /// Behind a head: what it is depends on the body that the head announces.
    Behind(Vec<u8>),
    /// So much is left of a body.
    Body(u64),
    Bare,
    Unseen,
}

/// Where in a head it is.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    /// There was a line that is not empty: before it, empty ones are skipped (RFC 9112 §2.2).
    begun: bool,
    /// Bytes of this line so far.
    length: usize,
    /// The last of them was CR.
    returned: bool,
}

impl Default for Heads {
    fn default() -> Self {
        Self(At::Head(Line::default()))
    }
}

impl Heads {
    /// More bytes came.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.0 {
                At::Head(line) => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        line.length = line.length.saturating_add(bytes.len());
                        line.returned = bytes.ends_with(b"\r");
                        return;
                    };
                    let returned = if end == 0 { line.returned } else { bytes[end - 1] == b'\r' };
                    let empty = line.length.saturating_add(end) == 1;
                    let ends = empty && line.begun;
                    *line = Line { begun: line.begun || !empty, ..Line::default() };
                    bytes = &bytes[end + 1..];
                    if !returned {
                        self.0 = At::Bare;
                    } else if ends {
                        // Most clients send nothing behind a head before they have their answer.
                        self.0 = At::Behind(Vec::new());
                    }
                }
                At::Behind(kept) => return kept.extend_from_slice(bytes),
                At::Body(left) => {
                    let skipped = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= skipped as u64;
                    bytes = &bytes[skipped..];
                    if *left == 0 {
                        *self = Self::default();
                    }
                }
                At::Bare | At::Unseen => return,
            }
        }
    }

    /// A head was read, and is followed by a body of this length, if that is known. To be asked once for each.
    pub fn read(&mut self, body: Option<u64>) -> Head {
        let behind = match &mut self.0 {
            At::Behind(kept) => std::mem::take(kept),
            At::Unseen => return Head::Last,
            // Whoever says that a head has ended where none did took something else for the end of a line.
            At::Head(_) | At::Body(_) | At::Bare => {
                self.0 = At::Bare;
                return Head::Bare;
            }
        };
        match body {
            Some(0) => *self = Self::default(),
            Some(length) => self.0 = At::Body(length),
            None => {
                self.0 = At::Unseen;
                return Head::Last;
            }
        }
        self.see(&behind);
        Head::Fine
    }

    /// A head has begun and has not ended.
    #[must_use]
    pub fn is_within(&self) -> bool {
        matches!(&self.0, At::Head(line) if line.begun || line.length > 0)
    }

    /// What comes from now on is no request.
    pub fn end(&mut self) {
        self.0 = At::Unseen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of the heads in `text`, which have these bodies, however it is cut into pieces.
    fn said(text: &str, bodies: &[Option<u64>]) -> Vec<Head> {
        let whole = in_pieces(text, text.len(), bodies);
        for size in 1..text.len().min(64) {
            assert_eq!(in_pieces(text, size, bodies), whole, "{text:?} by {size}");
        }
        whole
    }

    fn in_pieces(text: &str, size: usize, bodies: &[Option<u64>]) -> Vec<Head> {
        let mut heads = Heads::default();
        text.as_bytes().chunks(size.max(1)).for_each(|piece| heads.see(piece));
        bodies.iter().map(|body| heads.read(*body)).collect()
    }

    #[test]
    fn only_a_line_feed_alone_is_refused() {
        use Head::{Bare, Fine};
        for (text, expected) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", Fine),
            ("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", Fine),
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", Bare),
            ("GET / HTTP/1.1\r\nhost: a\n\r\n", Bare),
            ("GET / HTTP/1.1\r\nhost: a\r\n\n", Bare),
            ("GET / HTTP/1.1\nhost: a\n\n", Bare),
            ("\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", Bare),
            ("GET / HTTP/1.1\r\nx: a\nb: c\r\n\r\n", Bare),
        ] {
            assert_eq!(said(text, &[Some(0)]), [expected], "{text:?}");
        }
    }

    #[test]
    fn bodies_are_not_looked_at_and_what_follows_them_is() {
        use Head::{Bare, Fine, Last};
        let (post, get) =
            ("POST / HTTP/1.1\r\nhost: a\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        let bare = "GET / HTTP/1.1\nhost: a\r\n\r\n";
        let (four, none, unknown) = (Some(4), Some(0), None);
        for (text, bodies, expected) in [
            (format!("{post}\n\n\n\n{get}"), &[four, none][..], &[Fine, Fine][..]),
            (format!("{post}\n\n\n\n\r\n{get}"), &[four, none], &[Fine, Fine]),
            (format!("{post}\n\n\n\n{bare}"), &[four, none], &[Fine, Bare]),
            (format!("{get}{get}{bare}{get}"), &[none; 4], &[Fine, Fine, Bare, Bare]),
            (format!("{post}4\r\n\n\n\n\n\r\n"), &[unknown, none], &[Last, Last]),
        ] {
            assert_eq!(said(&text, bodies), expected, "{text:?}");
        }
    }
}
