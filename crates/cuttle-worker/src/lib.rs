//! The process that decodes: its sandbox, its protocol, and the pool that owns it.
//!
//! C code reads hostile pictures, so it runs where nothing else is: a process with no files, no
//! network, no environment and no way to start another, which costs one picture when it falls. The
//! server side is [`Pool`]; the other side is [`main`], which the binary calls when its first
//! argument is [`WORKER_ARGUMENT`]. This crate keeps no queue, caches nothing and never retries a job.
#![forbid(unsafe_code)]

mod channel;
mod delivery;
mod error;
mod escape_attempts;
mod executable;
mod platform;
mod pool;
mod process;
mod protocol;
mod sandbox;
mod sealed;
mod selftest;
mod settings;
mod shared;
mod slot;
mod spawn;
mod worker;

pub use error::{Exit, JobError, StartError, advice};
pub use platform::Platform;
pub use pool::{Finished, Job, OriginalId, Pool, PoolConfig, Stats, WorkerStats};
pub use process::{Engine, main, serve};
pub use protocol::{MAX_RENDITIONS, Outcome, ProtocolError, Rendered, Reply, decode_reply};
pub use sandbox::{Act, ActName, Layer, LayerName, Refused, Verdict};
pub use sealed::{OverLimit, SealedBytes, SealedReader, SealedWriter};
pub use selftest::{CodecCheck, SelfTestReport};

/// First argument of the binary when it must become a worker.
///
/// The binary checks for it before it starts a runtime, a thread or a logger: some layers of the
/// sandbox bind only the thread that asks for them.
pub const WORKER_ARGUMENT: &str = "worker";
