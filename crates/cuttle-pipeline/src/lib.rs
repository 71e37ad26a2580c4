//! The life of an image request, as one list: look up, coalesce, load, sniff, look up again, admit
//! (or join who was admitted), render, store.
//!
//! The list is [`Pipeline::answer`]; a stage short-circuits or adds, nothing else. No HTTP type is
//! known here and no codec is called: pictures are decoded by workers only.
#![forbid(unsafe_code)]

mod admission;
mod answer;
mod asked;
mod clients;
mod coalesce;
mod decision;
mod failures;
mod jobs;
mod joining;
mod kept;
mod keys;
mod loading;
mod look_up;
mod original;
mod pipeline;
mod plan;
mod queries;
mod readings;
mod rendition;
mod settings;
mod site;
mod turns;

pub use cuttle_store::{Kept, Purge, Purged, Trouble};

pub use answer::{Answer, Body, Delivery, Found, Keep, Phases, Reason, SourceDigest, Unanswered};
pub use asked::{Asked, Personal};
pub use kept::Keeping;
pub use original::Original;
pub use pipeline::Pipeline;
pub use plan::MemoryPlan;
pub use readings::{Load, MemoryShare};
pub use settings::Settings;
pub use site::{Endpoint, Site, SiteParts};
