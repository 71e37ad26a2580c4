//! `wrk` on the other core: as many requests as sixteen connections can make.

use std::io;
use std::net::SocketAddr;
use std::process::Command;

use crate::serving::programs::{ASKING, on_core};

/// Requests per second. Every answer must be a success, or the figure would be that of refusals.
pub(crate) fn requests_per_second(
    address: SocketAddr,
    target: &str,
    seconds: u32,
) -> io::Result<f64> {
    let output = on_core(ASKING, || {
        Command::new("wrk")
            .args(["-t1", "-c16", &format!("-d{seconds}s"), "-H", "Accept: image/webp"])
            .arg(format!("http://{address}{target}"))
            .output()
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(io::Error::other(format!("wrk met failures at {address}{target}: {said}")));
    }
    said.lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("wrk said nothing of its rate: {said}")))
}
