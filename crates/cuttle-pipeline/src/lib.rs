//! The life of an image request, as one list: look up, coalesce, load, sniff, look up again, admit
//! (or join who was admitted), render, store.
//!
//! The list is [`Machine::answer`]; a stage short-circuits or adds, nothing else. No HTTP type is
//! known here and no codec is called: pictures are decoded by workers only.
#![forbid(unsafe_code)]

mod admission;
mod answer;
mod application;
mod applications;
mod batch;
mod batching;
mod decision;
mod failures;
mod fair_queue;
mod intake;
mod keys;
mod loader;
mod look_up;
mod machine;
mod made;
mod memory_plan;
mod namespace;
mod original;
mod original_cache;
mod queries;
mod readings;
mod renderer;
mod rendition;
mod request;
mod settings;
mod shares;
mod single_flight;
mod site;

pub use cuttle_store::{Purge, Purged, Scope, TierUsage, Trouble};

pub use answer::{
    Answer, Body, Delivery, Found, Keep, Phases, PipelineError, Reason, SourceDigest,
};
pub use application::Application;
pub use machine::Machine;
pub use memory_plan::MemoryPlan;
pub use original::Original;
pub use readings::{Load, MemoryShare};
pub use request::{Credentials, Request};
pub use settings::{OriginalCacheLimits, Settings};
pub use site::{Endpoint, Site, SiteParts};
