//! `refusing ENOSYS CALL,CALL PROGRAM ARG…`: becomes the program under a filter that answers these system calls so, as kernels that do not
//! know them (`ENOSYS`) and profiles of containers that forbid them (`EPERM`) do.
#![forbid(unsafe_code)]

use std::env::{args_os, consts::ARCH};
use std::error::Error;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

fn number(call: &str) -> Result<i64, String> {
    Ok(match call {
        "capset" => libc::SYS_capset,
        "clone3" => libc::SYS_clone3,
        "close_range" => libc::SYS_close_range,
        "fallocate" => libc::SYS_fallocate,
        "flock" => libc::SYS_flock,
        "getrandom" => libc::SYS_getrandom,
        "landlock_create_ruleset" => libc::SYS_landlock_create_ruleset,
        "memfd_create" => libc::SYS_memfd_create,
        "openat2" => libc::SYS_openat2,
        "pidfd_open" => libc::SYS_pidfd_open,
        "prctl" => libc::SYS_prctl,
        "preadv2" => libc::SYS_preadv2,
        "prlimit64" => libc::SYS_prlimit64,
        "rseq" => libc::SYS_rseq,
        "sched_getaffinity" => libc::SYS_sched_getaffinity,
        "seccomp" => libc::SYS_seccomp,
        "setpriority" => libc::SYS_setpriority,
        "statx" => libc::SYS_statx,
        _ => return Err(format!("{call} is not among the calls that are tried")),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = args_os().skip(1);
    let mut text = || args.next().and_then(|text| text.into_string().ok()).unwrap_or_default();
    let error = match text().as_str() {
        "ENOSYS" => libc::ENOSYS,
        "EPERM" => libc::EPERM,
        other => return Err(format!("{other:?} is neither ENOSYS nor EPERM").into()),
    };
    let calls = text();
    let rules = calls.split(',').map(|call| Ok((number(call)?, Vec::new())));
    let rules = rules.collect::<Result<_, String>>()?;
    let refuse = SeccompAction::Errno(error.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    let mut command = Command::new(args.next().ok_or("no program")?);
    apply_filter(&program)?;
    Err(command.args(args).exec().into())
}
