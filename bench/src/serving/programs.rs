//! What is measured, each as a process of its own: Cuttle, nginx, and the pinning of either to a core.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cuttle_e2e::{Client, binary, descendants, memory_pss};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;

use crate::memory::mib;

/// The core of what is measured, and that of what asks it.
pub(crate) const SERVED: usize = 0;
pub(crate) const ASKING: usize = 1;

/// Does `work` on one core; processes that it starts stay there.
pub(crate) fn on_core<T>(core: usize, work: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None).expect("the kernel knows our cores");
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).expect("the bench wants two cores");
    let done = work();
    sched_setaffinity(None, &before).expect("the cores that we had");
    done
}

/// A process with its scratch folder, told to end when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// State and logs.
    scratch: TempDir,
}

impl Program {
    /// `cuttle serve`, with a log file as any installation has one.
    pub(crate) fn cuttle<S: AsRef<OsStr>>(args: &[S], toml: &str) -> io::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let config = scratch.path().join("cuttle.toml");
        fs::write(&config, toml)?;
        let mut child = Command::new(binary())
            .arg("serve")
            .args(args)
            .args(["--listen", "127.0.0.1:0", "--admin", "off"])
            .arg("--config")
            .arg(config)
            .env("CUTTLE_STATE_DIR", scratch.path().join("state"))
            .stdout(Stdio::piped())
            .stderr(File::create(scratch.path().join("log"))?)
            .spawn()?;
        let mut ready = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut ready)?;
        let address = ready.trim().strip_prefix("cuttle listening on http://");
        let address = address.and_then(|address| address.parse().ok()).ok_or_else(|| {
            let log = fs::read_to_string(scratch.path().join("log")).unwrap_or_default();
            io::Error::other(format!("no ready line but {ready:?}: {log}"))
        })?;
        Ok(Self { child, address, scratch })
    }

    /// nginx with one worker that serves `root`, or stands in front of `upstream`.
    pub(crate) fn nginx(root: &Path, upstream: Option<SocketAddr>) -> io::Result<Self> {
        let scratch = tempfile::tempdir()?;
        // Its workers become another user.
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
        let address = free_address()?;
        let (at, root) = (scratch.path().display(), root.display());
        let location = match upstream {
            None => format!("root {root};"),
            Some(_) => "location / { proxy_pass http://app; proxy_http_version 1.1; \
                        proxy_set_header Connection \"\"; proxy_set_header Host $host; }"
                .to_owned(),
        };
        let app = upstream.map_or_else(String::new, |app| {
            format!("upstream app {{ server {app}; keepalive 64; }}")
        });
        let mut file = File::create(scratch.path().join("nginx.conf"))?;
        write!(
            file,
            "worker_processes 1;\ndaemon off;\npid {at}/pid;\nerror_log {at}/errors;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n  types {{ image/webp webp; text/html html; }}\n  sendfile on; tcp_nopush on;\n  \
             keepalive_requests 1000000000;\n  open_file_cache max=1000 inactive=60s;\n  \
             access_log {at}/access.log;\n  {app}\n  \
             server {{ listen {address}; {location} }}\n}}\n"
        )?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(scratch.path())
            .arg("-c")
            .arg(scratch.path().join("nginx.conf"))
            .stderr(Stdio::null())
            .spawn()?;
        let patience = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > patience {
                let errors = fs::read_to_string(scratch.path().join("errors")).unwrap_or_default();
                return Err(io::Error::other(format!("nginx did not come up: {errors}")));
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        Ok(Self { child, address, scratch })
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Proportional set size of all of its processes, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        family_memory(self.child.id())
    }

    /// Empties the logs: at sixty thousand lines a second they would fill the disk.
    pub(crate) fn truncate_logs(&self) {
        for name in ["log", "access.log"] {
            let path: PathBuf = self.scratch.path().join(name);
            if let Ok(file) = File::options().write(true).open(path) {
                let _ = file.set_len(0);
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The most that is weighed until it is over, in MiB.
pub(crate) fn peak(over: &AtomicBool, weigh: impl Fn() -> u64) -> f64 {
    let mut peak = 0;
    while !over.load(Ordering::Relaxed) {
        peak = peak.max(weigh());
        thread::park_timeout(Duration::from_millis(50));
    }
    mib(peak)
}

/// Of a process and everything that descends from it.
pub(crate) fn family_memory(pid: u32) -> u64 {
    memory_pss(pid) + descendants(pid).into_iter().map(memory_pss).sum::<u64>()
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
