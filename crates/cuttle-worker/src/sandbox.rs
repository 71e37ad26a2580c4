//! The words in which a worker's confinement is reported: the layers that hold it, and what happened
//! when it tried to break out. Plain data, shared by both processes and by `cuttle check`.

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
