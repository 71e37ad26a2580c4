//! Why the application's answer is not what a client gets, by whose fault it is.
//!
//! These are reasons and no sentences: what happened is in the log already, where hosts and causes may be named.

/// No answer of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The client's: `CONNECT`, `*`, or no single host.
    #[error("a target that no application has")]
    BadTarget,
    /// The client's: a transfer coding that is not undone here.
    #[error("a transfer coding other than chunked")]
    TransferCoding,
    /// The client's: it began to send something and stopped.
    #[error("the upload stopped")]
    UploadSilent,
    /// The application's: it is started again, and has not come back in time or too many wait for it.
    #[error("the app is being started")]
    Restarting,
    /// The application's: nobody listens at its address, or its name has none.
    #[error("the app cannot be reached")]
    Down,
    /// The application's: it hung up, or what it said is no HTTP.
    #[error("the app gave no usable answer")]
    Broken,
    /// The application's: it did not begin to answer in time.
    #[error("the app does not answer in time")]
    Slow,
    /// Ours: the system lets us open nothing more, so the application was not asked.
    #[error("out of file descriptors")]
    OutOfDescriptors,
}
