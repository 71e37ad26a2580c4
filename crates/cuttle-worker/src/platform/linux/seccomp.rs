//! The few system calls that decoding needs, by `seccompiler`.
//!
//! Everything else is answered with EPERM rather than with death. It is as closed (nothing is done
//! either way), libraries that ask for a luxury (the number of processors) go on without, and the
//! self-test can try every forbidden act in one process and live to report.

use std::{collections::BTreeMap, env::consts::ARCH};

use rustix::process::getpid;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule as Rule, apply_filter_all_threads,
};

/// Allowed whatever the arguments: each works on memory or on descriptors that the worker already has.
const ALLOWED: &[i64] = &[
    // The socket and the job's two files.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_recvmsg,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_close,
    // Memory. `mmap`, `mprotect` and `madvise` have conditions, below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    // Locks, signals and the end, as the runtime and abort() use them.
    libc::SYS_futex,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // CPU time of a job, and the seeds of hash maps.
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
];

pub(super) fn restrict() -> Result<(), Error> {
    apply_filter_all_threads(&filter()?)
}

fn filter() -> Result<BpfProgram, Error> {
    let exec = u64::from(libc::PROT_EXEC.cast_unsigned());
    let anonymous = u64::from((libc::MAP_ANONYMOUS | libc::MAP_PRIVATE).cast_unsigned());
    let kind = u64::from(
        (libc::MAP_ANONYMOUS | libc::MAP_PRIVATE | libc::MAP_SHARED | libc::MAP_GROWSDOWN)
            .cast_unsigned(),
    );
    let own = u64::from(getpid().as_raw_nonzero().get().cast_unsigned());

    let mut rules: BTreeMap<i64, Vec<Rule>> = ALLOWED.iter().map(|&call| (call, vec![])).collect();
    // SECURITY: shellcode needs memory that is both written and run. No file is ever mapped either, and
    // nothing shared: RLIMIT_DATA counts private memory only.
    rules.insert(
        libc::SYS_mmap,
        all(&[(2, Op::MaskedEq(exec), 0), (3, Op::MaskedEq(kind), anonymous)])?,
    );
    rules.insert(libc::SYS_mprotect, all(&[(2, Op::MaskedEq(exec), 0)])?);
    // SECURITY: allocators give pages back by it, and `cuttle_image::heap` asks for huge ones. Other advice fills page tables at a stroke (MADV_POPULATE_READ) or
    // tells by the clock what other processes hold (MADV_MERGEABLE).
    let advice = |advice: libc::c_int| all(&[(2, Op::Eq, u64::from(advice.cast_unsigned()))]);
    let advised = [advice(libc::MADV_DONTNEED)?, advice(libc::MADV_HUGEPAGE)?].concat();
    rules.insert(libc::SYS_madvise, advised);
    // abort() signals its own thread; anybody else's process is out of reach.
    rules.insert(libc::SYS_tgkill, all(&[(0, Op::Eq, own)])?);

    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    // On another architecture's entry points the generated prelude kills the process.
    Ok(SeccompFilter::new(rules, refuse, SeccompAction::Allow, ARCH.try_into()?)?.try_into()?)
}

/// One rule whose conditions (argument, comparison, value) must all hold.
fn all(conditions: &[(u8, Op, u64)]) -> Result<Vec<Rule>, BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, op, value)| Condition::new(*argument, Len::Dword, op.clone(), *value));
    Ok(vec![Rule::new(conditions.collect::<Result<_, _>>()?)?])
}
