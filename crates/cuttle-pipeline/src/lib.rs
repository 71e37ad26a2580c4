//! The life of an image request, as one list: look up, coalesce, load, sniff, look up again, admit,
//! render, store.
//!
//! The list is [`Pipeline::answer`]; a stage short-circuits or adds, nothing else. No HTTP type is
//! known here and no codec is called: pictures are decoded by workers only.
#![forbid(unsafe_code)]

mod admission;
mod answer;
mod coalesce;
mod decision;
mod keys;
mod original;
mod pipeline;
mod plan;

pub use answer::{Answer, Delivery, Found, Reason, SourceDigest, Unanswered};
pub use pipeline::{Checked, Load, Pipeline, Settings};
pub use plan::MemoryPlan;
