//! The built binary under load, beside nginx and `next start`: requests per second, latency while pictures are made,
//! memory. Written to a page of its own, as it needs more programs than the pictures do.
//!
//! 12 × `next start` was once the goal for hits, and is out of reach of nginx itself: Next 16.4 answers 8,700 hits a second on
//! one core of the machine of `bench/SERVING.md`, where nginx answers 80,000 small ones. So we are held to nginx, and Next is
//! reported.

mod hot;
mod pressure;
mod probe;
mod programs;
mod proxied;
mod report;
mod storm;
mod wrk;

use std::fs;
use std::io;
use std::path::Path;

use crate::photos::Photo;

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Seconds of one run of `wrk`, and of one side of a latency measurement.
    seconds: u32,
    rounds: u32,
}

pub(crate) const FULL: Extent = Extent { seconds: 5, rounds: 5 };
pub(crate) const QUICK: Extent = Extent { seconds: 2, rounds: 1 };

/// # Errors
/// The page cannot be written, or a goal was missed.
pub(crate) fn measure(photos: &[Photo], extent: Extent, output: &Path) -> io::Result<()> {
    let hot = hot::measure(photos, extent)?;
    let proxied = proxied::measure(extent)?;
    let pressure = pressure::measure(photos, extent)?;
    let storm = storm::measure(photos, extent)?;
    let bounds = report::Bounds::of(&hot, &proxied, &pressure, &storm);
    let page = report::page(&bounds, &hot, &proxied, &pressure, &storm);
    fs::create_dir_all(output)?;
    fs::write(output.join("SERVING.md"), page)?;
    let missed = bounds.missed();
    if missed.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("over a bound: {}", missed.join("; "))))
}
