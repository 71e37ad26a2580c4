//! Connections, whatever is said on them: whom one may be opened to ([`Guard`]), which addresses
//! a name has, whose certificates are trusted there, whom one
//! is from ([`Peer`]), and what is learned of how it ended.
//!
//! It knows no application and no image. A socket to an address that a client chose is made here and nowhere else, so that no
//! way around the guard exists.
#![forbid(unsafe_code)]

mod causes;
mod guard;
mod names;
mod origin;
mod peer;
mod restarts;
mod tls;
pub mod tunnel;

pub use causes::{causes, is_bad_certificate, is_out_of_descriptors};
pub use guard::connection::{KeptConnections, OriginConnection};
pub use guard::connector::{Connector, GuardedResolver, Resolve, Resolving};
pub use guard::{Exceptions, Guard, RefusedHost};
pub use names::SystemResolver;
pub use names::{
    hosts::addresses_in_hosts,
    message::{Asked, Family, Said},
    resolv_conf::ResolvConf,
};
pub use origin::{Origin, OriginError};
pub use peer::{FORWARDED_FOR, Peer, REAL_IP, TrustedProxies};
pub use restarts::Restarts;
pub use tls::{NoRoots, Roots};
