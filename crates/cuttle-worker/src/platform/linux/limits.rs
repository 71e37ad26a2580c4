//! Ceilings that the kernel keeps even if every other layer falls.

use std::io;

use rustix::process::{Resource, Rlimit, getpriority_process, setpriority_process, setrlimit};

use crate::settings::Settings;

/// The server answers pages while pictures wait: at 10 a worker gets about a tenth of a contended
/// core against it, and all of an idle one.
const NICENESS: i32 = 10;

/// Standard streams, a job's two files, and one of the libraries' own; nothing opens more. Of an intruder's
/// next job, the source fits and the result does not.
const DESCRIPTORS: u64 = 6;

/// What the main thread gets on most systems anyway; where it is unlimited, nothing would bound it.
const STACK_BYTES: u64 = 8 << 20;

/// Of the calling thread and of what it starts. Once: who inherits it is low enough.
pub(in crate::platform) fn lower_priority() -> io::Result<()> {
    let so_far = getpriority_process(None)?;
    if so_far < NICENESS {
        setpriority_process(None, NICENESS)?;
    }
    if getpriority_process(None)? < NICENESS {
        return Err(io::Error::other("the priority did not change"));
    }
    Ok(())
}

pub(super) fn set(settings: &Settings) -> io::Result<()> {
    let ceilings = [
        // A core file would hold somebody's picture.
        (Resource::Core, 0),
        (Resource::Nofile, DESCRIPTORS),
        // Not enforced for root; the filter of system calls refuses threads and processes as well.
        (Resource::Nproc, 0),
        // Bounds an anonymous file too (measured).
        (Resource::Fsize, settings.result),
        // Private writable memory; of each job less, from outside.
        (Resource::Data, settings.memory),
        (Resource::Stack, STACK_BYTES),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ];
    for (resource, ceiling) in ceilings {
        let ceiling = Some(ceiling);
        setrlimit(resource, Rlimit { current: ceiling, maximum: ceiling })?;
    }
    Ok(())
}
