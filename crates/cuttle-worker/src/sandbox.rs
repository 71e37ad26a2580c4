//! The words in which a worker's confinement is reported: the layers that hold it, and what happened
//! when it tried to break out. Plain data, shared by both processes and by `cuttle check`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that confines a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerName {
    /// No variable of the server's environment, where secrets live.
    EmptyEnvironment,
    /// No file or socket that the server had open.
    NothingInherited,
    /// Lower scheduling priority than the server.
    LowPriority,
    /// Ceilings on memory, files, descriptors, processes and core dumps.
    Limits,
    /// Dies with the server even in the middle of a job.
    ParentDeath,
    /// Not traceable, never dumped.
    NotDumpable,
    /// No capabilities, even when the server runs as root.
    NoCapabilities,
    /// Never gains privileges by executing a file.
    NoNewPrivileges,
    /// No file, TCP port, abstract socket or outside process by kernel object.
    Landlock,
    /// No system call outside a short list.
    Seccomp,
}

impl LayerName {
    /// Every layer, outermost first.
    pub const ALL: [Self; 10] = [
        Self::EmptyEnvironment,
        Self::NothingInherited,
        Self::LowPriority,
        Self::Limits,
        Self::ParentDeath,
        Self::NotDumpable,
        Self::NoCapabilities,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::Seccomp,
    ];

    /// Its name in reports and on a worker's command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyEnvironment => "empty-environment",
            Self::NothingInherited => "nothing-inherited",
            Self::LowPriority => "low-priority",
            Self::Limits => "limits",
            Self::ParentDeath => "parent-death",
            Self::NotDumpable => "not-dumpable",
            Self::NoCapabilities => "no-capabilities",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
        }
    }

    /// What to allow in the profile of a container that refuses it, or which kernel has it.
    #[must_use]
    pub fn needs(self) -> Option<&'static str> {
        Some(match self {
            Self::EmptyEnvironment | Self::NothingInherited => return None,
            Self::LowPriority => "getpriority and setpriority",
            Self::Limits => "prlimit64",
            Self::ParentDeath | Self::NotDumpable | Self::NoNewPrivileges => "prctl",
            Self::NoCapabilities => "capget and capset",
            Self::Landlock => {
                "landlock_create_ruleset and landlock_restrict_self, and Linux 6.12 or newer with landlock among its security modules"
            }
            Self::Seccomp => "seccomp and prctl",
        })
    }
}

/// A system call that is refused, and done without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its name.
    pub call: String,
    /// What is done instead.
    pub instead: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, instead } = self;
        write!(
            f,
            "the system call {call} is refused, so {instead}: allow it in the container's seccomp profile"
        )
    }
}

/// Whether a layer holds, as the worker found after asking for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Which.
    pub name: LayerName,
    /// Whether it holds completely.
    pub active: bool,
    /// What holds (such as the landlock ABI), or why it does not.
    pub detail: String,
}

/// Something that a worker must not be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the acts")]
pub enum ActName {
    ReadFile,
    ListDirectory,
    CreateFile,
    OpenSocket,
    ConnectTcp,
    SendUdp,
    ConnectUnix,
    StartThread,
    Fork,
    Exec,
    SignalParent,
    ReadParentEnvironment,
    ReadOwnEnvironment,
    TakeParentDescriptor,
    MapExecutable,
}

/// What the kernel said to an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Refused.
    Denied,
    /// Done, or tried by the kernel and failed for a reason that protects nothing.
    Allowed,
    /// Failed in a way that proves neither.
    Unclear,
}

/// One attempt of the self-test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What was tried.
    pub name: ActName,
    /// What happened.
    pub verdict: Verdict,
    /// The kernel's error, in words; empty when there was none.
    pub detail: String,
}
