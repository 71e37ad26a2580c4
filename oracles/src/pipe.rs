//! A child that answers as long as its pipe is open: starting node or Python costs more than a whole matrix
//! of small pictures.
//!
//! A request is a line of JSON and as many bytes as its `bytes` says; an answer is the same.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The child and its pipes. It ends when they are closed.
#[derive(Debug)]
pub struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Pipe {
    /// Starts `command` with its input and output taken; what it writes as an error is shown.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().map(BufReader::new).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, input, output })
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// When the child is gone or says what nobody asked for.
    pub fn ask<A: DeserializeOwned>(
        &mut self,
        request: &impl Serialize,
        payload: &[u8],
    ) -> io::Result<(A, Vec<u8>)> {
        let mut head = serde_json::to_value(request)?;
        head["bytes"] = payload.len().into();
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{head}")?;
        input.write_all(payload)?;
        input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let head: serde_json::Value = serde_json::from_str(&line)?;
        let length = head["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
        let mut data = vec![0; length.ok_or(io::ErrorKind::InvalidData)?];
        self.output.read_exact(&mut data)?;
        Ok((serde_json::from_value(head)?, data))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
