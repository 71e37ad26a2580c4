//! The matrix: every fixture and every file in `oracles/pictures`, beside what others make of it.
//!
//! Each picture is a row with a name. A row that fails prints how far apart the two sides are, and both are
//! kept as PNG in `target/oracles/failed`; all rows of a run are in `target/oracles/*.tsv`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod films;
mod mixed;
mod outputs;
mod rows;
mod stills;
mod votes;
