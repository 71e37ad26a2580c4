//! Everything that a worker must not be able to do, tried for real.
//!
//! It runs inside the sandbox, before the first job. An act that the kernel lets through is undone
//! at once where it leaves something behind. A verdict is about the kernel's answer: a connection
//! that nobody accepted was still allowed.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    os::unix::{net::UnixStream, process::CommandExt},
    path::Path,
    process::{self, Command},
    thread,
};

use rustix::{
    net::{AddressFamily, SocketType, socket},
    process::{Pid, test_kill_process},
};

use crate::{
    Act, ActName, Verdict, WORKER_ARGUMENT,
    executable::{PROC_SELF_EXE, program_name},
    platform,
    settings::AFTER_EXEC,
};

/// A path that no machine has: trying it tells whether the kernel came as far as looking.
const NOWHERE: &str = "/cuttle/self-test/no-such-file";

/// The discard service on this machine: nothing listens there, and nothing happens if it does.
const DISCARD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// Tries all but [`ActName::Exec`].
pub(crate) fn try_all(parent: u32) -> Vec<Act> {
    let parent = parent.cast_signed();
    let pid = || Pid::from_raw(parent).ok_or(io::Error::from(ErrorKind::InvalidInput));
    let own = process::id();
    vec![
        judge(ActName::ReadFile, read(PROC_SELF_EXE), &[]),
        judge(ActName::ListDirectory, fs::read_dir("/").map(drop), &[]),
        judge(ActName::CreateFile, create(), &[]),
        judge(ActName::OpenSocket, open_socket(), &[]),
        judge(
            ActName::ConnectTcp,
            TcpStream::connect(DISCARD).map(drop),
            &[ErrorKind::ConnectionRefused],
        ),
        judge(ActName::SendUdp, send_udp(), &[ErrorKind::ConnectionRefused]),
        judge(ActName::ConnectUnix, UnixStream::connect(NOWHERE).map(drop), &[ErrorKind::NotFound]),
        judge(ActName::StartThread, start_thread(), &[]),
        judge(ActName::Fork, fork(), &[ErrorKind::NotFound]),
        judge(ActName::SignalParent, pid().and_then(|pid| Ok(test_kill_process(pid)?)), &[]),
        judge(ActName::ReadParentEnvironment, read(&format!("/proc/{parent}/environ")), &[]),
        judge(ActName::ReadOwnEnvironment, read(&format!("/proc/{own}/environ")), &[]),
        judge(ActName::TakeParentDescriptor, pid().and_then(platform::take_descriptor), &[]),
        judge(ActName::MapExecutable, map_executable(), &[]),
    ]
}

/// Tries to become this same program again, which then says [`executed`] in our place.
pub(crate) fn try_exec() -> Act {
    let become_again = |path: &Path| Command::new(path).args([WORKER_ARGUMENT, AFTER_EXEC]).exec();
    let mut error = become_again(Path::new(PROC_SELF_EXE));
    if error.kind() == ErrorKind::NotFound {
        error = program_name().map_or_else(|error| error, |path| become_again(&path));
    }
    judge(ActName::Exec, Err(error), &[])
}

/// What the program says that [`try_exec`] should not have been able to start.
pub(crate) fn executed() -> Act {
    judge(ActName::Exec, Ok(()), &[])
}

/// `unprotected` are the errors that come only after the kernel agreed.
fn judge(name: ActName, done: io::Result<()>, unprotected: &[ErrorKind]) -> Act {
    let (verdict, detail) = match done {
        Ok(()) => (Verdict::Allowed, String::new()),
        Err(error) if unprotected.contains(&error.kind()) => (Verdict::Allowed, error.to_string()),
        Err(error) => {
            let denied = match error.kind() {
                ErrorKind::PermissionDenied | ErrorKind::Unsupported => true,
                // How a limit of zero processes answers.
                ErrorKind::WouldBlock => matches!(name, ActName::Fork | ActName::StartThread),
                _ => false,
            };
            (if denied { Verdict::Denied } else { Verdict::Unclear }, error.to_string())
        }
    };
    Act { name, verdict, detail }
}

fn read(path: &str) -> io::Result<()> {
    File::open(path).map(drop)
}

fn create() -> io::Result<()> {
    let path = env::temp_dir().join(format!("cuttle-self-test-{}", process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    fs::remove_file(path)
}

fn open_socket() -> io::Result<()> {
    socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    Ok(())
}

fn send_udp() -> io::Result<()> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(&[], DISCARD).map(drop)
}

fn start_thread() -> io::Result<()> {
    let _ = thread::Builder::new().spawn(|| {})?.join();
    Ok(())
}

/// The program does not exist: with a process to look for it in, the answer is "not found".
fn fork() -> io::Result<()> {
    Command::new(NOWHERE).spawn()?.wait().map(drop)
}

fn map_executable() -> io::Result<()> {
    memmap2::MmapMut::map_anon(1)?.make_exec().map(drop)
}
