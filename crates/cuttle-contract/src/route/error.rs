//! What is wrong with a route, in words that follow what was written.

use thiserror::Error;

/// Why a text is no part of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    /// It has a scheme, a port, a path or bytes that no name has.
    #[error("is no host name: write `shop.example`, without scheme, port and path")]
    Host,
    /// A star elsewhere than in front.
    #[error("has a `*` that is not the first label: write `*.shop.example`")]
    Wildcard,
    /// It is not the beginning of a path.
    #[error(
        "is no beginning of a path: write `/docs`, without `*`, `?`, `#`, `%` and empty or dot segments"
    )]
    Prefix,
    /// It is no pattern of a path.
    #[error(
        "is no route: write `/api/*`, `/files/:name` or `/_next/image`; a segment is a text, a `:name`, or `*` as the last one"
    )]
    Pattern,
    /// It is no method.
    #[error("is no method: write `GET` or `POST`, in capitals")]
    Method,
}
