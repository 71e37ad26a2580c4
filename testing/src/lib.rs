//! What tests of several crates need of the machine, and what is said where the machine does not have it.
//!
//! A test that cannot run here fails: what was not tested must not look as if it were. Where `TESTS_MAY_SKIP` allows it,
//! it passes, and is a line of the file that `TESTS_SKIPPED` names, which `scripts/tests` shows at its end.
#![forbid(unsafe_code)]

mod disk;
mod skip;

pub use disk::Disk;
pub use skip::skip;
