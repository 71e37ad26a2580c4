//! Both URL contracts: what a request for a picture may say, and what it means.
//!
//! A query string and an `Accept` header go in; an [`ImageRequest`] or a [`Refusal`] comes out. [`NextContract`] speaks the
//! language of `/_next/image`, text for text, [`StrictContract`] our own smaller one. [`Rules`] are compiled once, at load, so
//! that a wrong configuration fails at start and never in a request.
//!
//! This crate refuses to do any I/O, to know an HTTP library, or to look at pixels: everything in it is a pure function, and
//! everything in it may be called with hostile text.
//!
//! Two image endpoints, one pipeline: `/_next/image` speaks Next's texts and rules, `/_cuttle/image` stricter ones. Both end in
//! the same [`ImageRequest`], and the contract is part of the key.
//!
//! ```
//! use cuttle_contract::{Images, NextContract, Rules};
//!
//! let rules = Rules::compile(&Images::for_folder())?;
//! let contract = NextContract::new(&rules);
//!
//! let request = contract.parse("url=%2Fphoto.jpg&w=640&q=75", Some("image/avif,*/*")).expect("a valid request");
//! assert_eq!(request.source.as_str(), "/photo.jpg");
//!
//! let refusal = contract.parse("url=%2Fphoto.jpg&w=641&q=75", None).expect_err("641 is not listed");
//! assert_eq!(refusal.message, r#""w" parameter (width) of 641 is not allowed"#);
//! # Ok::<(), cuttle_contract::ConfigError>(())
//! ```
#![forbid(unsafe_code)]

pub mod accept;
mod accept_encoding;
mod client;
pub mod disposition;
pub mod etag;
mod failure;
pub mod freshness;
mod glob;
mod heads;
mod images;
mod local_path;
mod next;
mod next_build;
mod pattern;
mod percent;
pub mod presigned;
mod query;
mod refusal;
mod remote;
mod request;
mod route;
mod rules;
mod source;
mod strict;

pub use accept::{Accepted, Modern};
pub use accept_encoding::Codings;
pub use client::Client;
pub use failure::Failure;
pub use heads::{Head, Heads};
pub use images::{ConfigError, Images};
pub use local_path::{LocalPath, LocalPathError};
pub use next::NextContract;
pub use next_build::{
    NextBuild, NextBuildError, NextBuildWarning, NextLocalPattern, NextRemotePattern,
};
pub use pattern::{GlobError, Pattern, PatternError, Warning};
pub use refusal::{Fault, Refusal};
pub use request::{Contract, Crop, Fit, FormatChoice, ImageRequest, RequestKey};
pub use route::{
    Route, RouteChoice, RouteConflict, RouteError, RouteHost, RouteMethod, RoutePattern,
    RoutePrefix, RouteTable,
};
pub use rules::{AllowedSources, Lists, Rules, StrictSources};
pub use source::{Source, SourceKind};
pub use strict::StrictContract;
