//! The gateway: requests on their way to an application, and its answers on their way back.
//!
//! It knows connections and heads, and neither images nor which application a request is for. What goes wrong is a
//! [`ProxyError`], which the server turns into HTTP.
#![forbid(unsafe_code)]

mod dial;
mod error;
mod forwarded;
mod headers;
mod hold;
mod proxy;
mod upload;

pub use error::ProxyError;
pub use hold::{Available, Hold};
pub use proxy::{Proxy, ProxySettings, StreamedBody};
