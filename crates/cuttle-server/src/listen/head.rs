//! How large the head of a request may be.

/// Longest head of a request. Both endpoints stop at 3,072 units of `url`, nine times that when
/// every byte is escaped; cookies of the app's own origin come on top.
pub(super) const LARGEST_HEAD_BYTES: usize = 64 << 10;
/// In that room. hyper's own default is 100, which browsers with the cookies of several applications come close to.
pub(super) const MOST_HEAD_LINES: usize = 250;
