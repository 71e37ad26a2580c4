//! What is wrong with a pattern, in words for whoever wrote it.

/// Why a pattern cannot be compiled. The operator's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A local pattern that does not start with one slash.
    #[error("a local pattern must start with one /")]
    NotLocal,
    /// A remote pattern whose scheme is not http or https.
    #[error("a remote pattern must be http://…, https://… or start with a host")]
    Scheme,
    /// The host is missing or cannot be a host.
    #[error("the host is missing or not valid")]
    Host,
    /// `*` in a place other than a leading `*.` of the host.
    #[error("in a host, * may only be the first label, as in *.example.com")]
    HostWildcard,
    /// `*.com`, `*.github.io`: anyone can get a name under it.
    #[error("it would allow every host under a public suffix, where anyone can register one")]
    PublicSuffix,
    /// The port is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// A dot segment, an empty segment, a backslash, a control character, an encoded slash or a bad escape.
    #[error(
        "the path could never match: it must be written without dot segments, empty segments, backslashes, encoded slashes and invalid escapes"
    )]
    Path,
    /// `**` next to other characters.
    #[error("** must be a whole segment")]
    PartialDoubleStar,
    /// `*` in a query that is not just `?*`.
    #[error("a query is matched exactly; only ?* stands for any query")]
    Query,
    /// A fragment or user information.
    #[error("a pattern has no fragment and no user information")]
    NotPlain,
}
