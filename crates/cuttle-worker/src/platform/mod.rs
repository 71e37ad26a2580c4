//! Everything that differs between kernels, in two halves with the same functions.
//!
//! `linux` has sealed anonymous files and the sandbox. `portable` has unlinked temporary files and
//! no sandbox, and says so; it compiles and is tested on Linux too, so that another system needs a
//! machine and not a redesign. Nothing outside this module asks which kernel it runs on.

use std::{
    env,
    fs::{self, File},
    io,
};

use rustix::net::RecvFlags;

use crate::{Layer, LayerName, Refused, settings::Settings};

#[cfg(target_os = "linux")]
mod linux;
mod portable;

/// Which half to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Platform {
    /// Sealed anonymous files, and the sandbox.
    #[cfg(target_os = "linux")]
    Linux,
    /// What every Unix has: no sandbox.
    Portable,
}

/// An anonymous file that is still written to.
#[derive(Debug)]
pub(crate) struct Draft {
    /// For writing.
    pub(crate) file: File,
    /// For reading only, where the kernel cannot seal `file` itself.
    read_only: Option<File>,
}

/// Memory of another process, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// Bytes of address space, whatever is behind it: what `RLIMIT_AS` counts.
    pub(crate) mapped: u64,
    /// Bytes of private mappings that can be written, touched or not: what `RLIMIT_DATA` counts.
    pub(crate) data: u64,
    /// Bytes of its own now: what its end would give back.
    pub(crate) private: u64,
    /// Bytes resident at most so far, with what it shares.
    pub(crate) peak: u64,
}

/// What a worker may have at most from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Bytes of private memory (`RLIMIT_DATA`).
    pub(crate) data: u64,
    /// Bytes of address space (`RLIMIT_AS`), so that no page table grows for what the other does not count.
    pub(crate) mapped: u64,
    /// Bytes up to which a file can be written (`RLIMIT_FSIZE`).
    pub(crate) file: u64,
    /// Seconds of CPU since its start (`RLIMIT_CPU`).
    pub(crate) cpu: u64,
}

#[cfg(target_os = "linux")]
impl Platform {
    /// This system's.
    pub const NATIVE: Self = Self::Linux;

    /// Received descriptors are closed on exec from their first moment.
    pub(crate) const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;

    /// System calls that are refused to this process and that it does without.
    pub(crate) fn refused(self) -> Vec<Refused> {
        match self {
            Self::Linux => linux::refused(),
            Self::Portable => Vec::new(),
        }
    }

    /// Makes an anonymous file to write an original into.
    pub(crate) fn draft(self) -> io::Result<Draft> {
        match self {
            Self::Linux => linux::draft(),
            Self::Portable => portable::draft(),
        }
    }

    /// Takes away every way to write to it.
    pub(crate) fn seal(self, draft: Draft) -> io::Result<File> {
        match self {
            Self::Linux => linux::seal(draft),
            Self::Portable => portable::seal(draft),
        }
    }

    /// Makes the file that a worker writes its results into.
    pub(crate) fn result_file(self, limit: u64) -> io::Result<File> {
        match self {
            Self::Linux => linux::result_file(limit),
            Self::Portable => portable::result_file(limit),
        }
    }

    /// Confines the calling process for ever, and says how far that went.
    pub(crate) fn confine(self, settings: &Settings) -> Vec<Layer> {
        match self {
            Self::Linux => linux::confine(settings),
            Self::Portable => portable::confine(),
        }
    }

    /// Asks how much memory a process has; `None` where the kernel does not say.
    pub(crate) fn memory(self, pid: u32) -> Option<Memory> {
        match self {
            Self::Linux => linux::memory(pid),
            Self::Portable => None,
        }
    }

    /// Sets what a worker may have, and for all time to come at most `most`, which does not rise again.
    pub(crate) fn allow(self, pid: u32, now: &Allowance, most: &Allowance) -> io::Result<()> {
        match self {
            Self::Linux => linux::allow(pid, now, most),
            Self::Portable => Ok(()),
        }
    }

    /// Gives back what a result file holds, and leaves it as long as it is.
    pub(crate) fn empty(self, result: &File, len: u64) -> io::Result<()> {
        match self {
            Self::Linux => linux::empty(result, len),
            Self::Portable => portable::empty(result, len),
        }
    }

    /// Lowers the priority of the calling thread, and of what it starts.
    pub(crate) fn lower_priority(self) -> io::Result<()> {
        match self {
            Self::Linux => linux::lower_priority(),
            Self::Portable => Ok(()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Platform {
    /// This system's.
    pub const NATIVE: Self = Self::Portable;

    pub(crate) const RECEIVE: RecvFlags = RecvFlags::empty();

    pub(crate) fn refused(self) -> Vec<Refused> {
        Vec::new()
    }

    pub(crate) fn draft(self) -> io::Result<Draft> {
        portable::draft()
    }

    pub(crate) fn seal(self, draft: Draft) -> io::Result<File> {
        portable::seal(draft)
    }

    pub(crate) fn result_file(self, limit: u64) -> io::Result<File> {
        portable::result_file(limit)
    }

    pub(crate) fn confine(self, _: &Settings) -> Vec<Layer> {
        portable::confine()
    }

    pub(crate) fn memory(self, _: u32) -> Option<Memory> {
        None
    }

    pub(crate) fn allow(self, _: u32, _: &Allowance, _: &Allowance) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn empty(self, result: &File, len: u64) -> io::Result<()> {
        portable::empty(result, len)
    }

    pub(crate) fn lower_priority(self) -> io::Result<()> {
        Ok(())
    }
}

/// Tries to take a descriptor out of another process.
#[cfg(target_os = "linux")]
pub(crate) use linux::take_descriptor;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::take_descriptor;

/// The pool clears it; the worker looks again, because secrets live there.
fn empty_environment() -> Layer {
    let variables = env::vars_os().count();
    let detail = if variables == 0 { String::new() } else { format!("{variables} variables") };
    Layer { name: LayerName::EmptyEnvironment, active: variables == 0, detail }
}

/// The socket, `/dev/null` twice, and the directory that is read to count them.
const OWN_DESCRIPTORS: usize = 4;

/// The pool marks everything else close-on-exec; the worker counts.
fn nothing_inherited() -> Layer {
    let (active, detail) = match fs::read_dir("/dev/fd").map(Iterator::count) {
        Ok(OWN_DESCRIPTORS) => (true, String::new()),
        Ok(open) => (false, format!("{open} open descriptors, not {OWN_DESCRIPTORS}")),
        Err(error) => (false, format!("cannot be counted: {error}")),
    };
    Layer { name: LayerName::NothingInherited, active, detail }
}
