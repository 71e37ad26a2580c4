//! The life of an image request, as one list: look up, coalesce, load, sniff, look up again, admit
//! (or join who was admitted), render, store.
//!
//! The list is [`Pipeline::answer`]; a stage short-circuits or adds, nothing else. No HTTP type is
//! known here and no codec is called: pictures are decoded by workers only.
#![forbid(unsafe_code)]

mod admission;
mod answer;
mod asked;
mod batch;
mod batching;
mod clients;
mod decision;
mod failures;
mod fair_queue;
mod intake;
mod keys;
mod loader;
mod look_up;
mod made;
mod namespace;
mod original;
mod original_cache;
mod pipeline;
mod plan;
mod queries;
mod readings;
mod renderer;
mod rendition;
mod settings;
mod single_flight;
mod site;

pub use cuttle_store::{Kept, Purge, Purged, Trouble};

pub use answer::{Answer, Body, Delivery, Found, Keep, Phases, Reason, SourceDigest, Unanswered};
pub use asked::{Asked, Personal};
pub use original::Original;
pub use pipeline::Pipeline;
pub use plan::MemoryPlan;
pub use readings::{Load, MemoryShare};
pub use settings::{OriginalCacheLimits, Settings};
pub use site::{Endpoint, Site, SiteParts};
