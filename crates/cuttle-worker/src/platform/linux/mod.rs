//! Linux: sealed anonymous files, and the order in which a worker locks itself in.

mod landlock;
mod limits;
mod seccomp;

use std::{fs, fs::File, io};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, memfd_create},
    io::Errno,
    process::{
        DumpableBehavior, Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, Signal, getppid,
        pidfd_getfd, pidfd_open, prlimit, set_dumpable_behavior, set_parent_process_death_signal,
    },
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_name, set_no_new_privs},
};

pub(super) use limits::lower_priority;

use super::{Allowance, Draft, Memory, empty_environment, nothing_inherited, portable};
use crate::{Layer, LayerName, Refused, settings::Settings};

/// `None` where a container's profile or the kernel refuses the call: then there are unlinked files, as on other systems.
fn anonymous(name: &str) -> rustix::io::Result<Option<File>> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Linux before 6.3 does not know the flag that keeps such a file from ever being executable.
    let made = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(name, flags),
        made => made,
    };
    match made {
        Err(Errno::NOSYS | Errno::PERM) => Ok(None),
        made => Ok(Some(made?.into())),
    }
}

/// What is refused to this process that works without it, but less well: the call, and what becomes of it.
pub(super) fn refused() -> Vec<Refused> {
    let call = "memfd_create";
    let instead = "originals lie in files of the temporary folder that have no name, and not in sealed memory";
    match anonymous("cuttle-test") {
        Ok(None) => vec![Refused { call: call.to_owned(), instead: instead.to_owned() }],
        _ => Vec::new(),
    }
}

pub(super) fn draft() -> io::Result<Draft> {
    match anonymous("cuttle-original")? {
        Some(file) => Ok(Draft { file, read_only: None }),
        None => portable::draft(),
    }
}

pub(super) fn seal(draft: Draft) -> io::Result<File> {
    if draft.read_only.is_some() {
        return portable::seal(draft);
    }
    // SECURITY: every reader, ours too, may read twice and must see the same bytes twice.
    let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    fcntl_add_seals(&draft.file, seals)?;
    Ok(draft.file)
}

pub(super) fn result_file(limit: u64) -> io::Result<File> {
    let Some(file) = anonymous("cuttle-result")? else { return portable::result_file(limit) };
    // Sparse: pages exist only where the worker wrote.
    file.set_len(limit)?;
    // SECURITY: a worker can fill neither memory nor, by cutting it short, the reader's expectations.
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

pub(super) fn empty(result: &File, len: u64) -> io::Result<()> {
    Ok(fallocate(result, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, len)?)
}

/// Each step may need what a later one forbids; the filter of system calls comes last.
pub(super) fn confine(settings: &Settings) -> Vec<Layer> {
    // Only a name for `ps`; a worker without one works.
    let _ = set_name(c"cuttle-worker");
    LayerName::ALL
        .into_iter()
        .map(|name| {
            if settings.without.contains(&name) {
                return layer(name, Err("left out"));
            }
            match name {
                LayerName::EmptyEnvironment => empty_environment(),
                LayerName::NothingInherited => nothing_inherited(),
                LayerName::LowPriority => layer(name, lower_priority()),
                LayerName::Limits => layer(name, limits::set(settings)),
                LayerName::ParentDeath => layer(name, die_with(settings.parent)),
                LayerName::NotDumpable => {
                    layer(name, set_dumpable_behavior(DumpableBehavior::NotDumpable))
                }
                LayerName::NoCapabilities => layer(name, drop_capabilities()),
                LayerName::NoNewPrivileges => layer(name, set_no_new_privs(true)),
                LayerName::Landlock => landlock::restrict(),
                LayerName::Seccomp => layer(name, seccomp::restrict()),
            }
        })
        .collect()
}

fn layer<E: ToString>(name: LayerName, done: Result<(), E>) -> Layer {
    let failure = done.err().map(|error| error.to_string());
    Layer { name, active: failure.is_none(), detail: failure.unwrap_or_default() }
}

/// End of file on the socket ends an idle worker; this ends one in the middle of a picture.
///
/// The signal follows the *thread* that started us, which is why the pool keeps one for that alone.
fn die_with(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the request, and then no signal comes.
    if getppid().map(Pid::as_raw_nonzero).map(|pid| pid.get().cast_unsigned()) != Some(parent) {
        return Err(io::Error::other("the server is gone"));
    }
    Ok(())
}

/// A server that runs as root, as in many containers, must not lend that to a decoder.
fn drop_capabilities() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// From `/proc/PID/status`, which is readable whatever the dumpable flag says.
pub(super) fn memory(pid: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_memory(status: &str) -> Option<Memory> {
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        let kib = line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
        kib.checked_mul(1024)
    };
    Some(Memory {
        mapped: bytes("VmSize:")?,
        data: bytes("VmData:")?,
        private: bytes("RssAnon:")?,
        peak: bytes("VmHWM:")?,
    })
}

/// From outside, because a worker may not change its own limits.
pub(super) fn allow(pid: u32, now: &Allowance, most: &Allowance) -> io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(Errno::SRCH)?;
    for (resource, now, most) in [
        (Resource::Data, now.data, most.data),
        (Resource::As, now.mapped, most.mapped),
        (Resource::Fsize, now.file, most.file),
        (Resource::Cpu, now.cpu, most.cpu),
    ] {
        let limit = Rlimit { current: Some(now.min(most)), maximum: Some(most) };
        match prlimit(Some(pid), resource, limit) {
            Ok(_) => {}
            // Gone: the exchange that follows says so in better words.
            Err(Errno::SRCH) => break,
            Err(error) => {
                let text = format!("prlimit64, by which a worker's memory is bounded: {error}");
                return Err(io::Error::new(io::Error::from(error).kind(), text));
            }
        }
    }
    Ok(())
}

/// Needs what a debugger needs, so it stands for tracing the server and reading its memory too.
pub(crate) fn take_descriptor(process: Pid) -> io::Result<()> {
    let process = pidfd_open(process, PidfdFlags::empty())?;
    pidfd_getfd(process, 0, PidfdGetfdFlags::empty())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernel_s_words() {
        let status = "Name:\tx\nVmSize:\t   4096 kB\nVmHWM:\t   2048 kB\nVmData:\t     32 kB\nVmRSS:\t    512 kB\nRssAnon:\t     16 kB\n";
        assert_eq!(
            parse_memory(status),
            Some(Memory { mapped: 4 << 20, data: 32 << 10, private: 16 << 10, peak: 2 << 20 })
        );
        assert_eq!(parse_memory("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn memory_of_a_living_process_is_known() {
        let memory = memory(std::process::id()).expect("our own");
        assert!(memory.private > 0 && memory.peak >= memory.private, "{memory:?}");
    }
}
