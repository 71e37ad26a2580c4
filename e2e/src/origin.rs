//! An origin that misbehaves as it is told: the last folder of a path names what is answered there, so a test
//! reads `/open/status-404/photo.jpg` and nothing has to be set up.
//!
//! One request per connection, and no cleverness: what a client makes of a broken answer must not depend on what
//! a good server would have sent.

mod script;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use script::{Script, Step};

/// A running origin, stopped when it is dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    photo: Vec<u8>,
    requests: AtomicU32,
    stopped: AtomicBool,
}

impl Origin {
    /// Answers with `photo` on this address, of which the port may be 0.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start(address: &str, photo: Vec<u8>) -> Self {
        let listener = TcpListener::bind(address)
            .unwrap_or_else(|error| panic!("the scripted origin cannot have {address}: {error}"));
        let address = listener.local_addr().expect("a bound socket has an address");
        let state =
            Arc::new(State { photo, requests: AtomicU32::new(0), stopped: AtomicBool::new(false) });
        let accepting = Arc::clone(&state);
        let listener = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&accepting);
                // A client that leaves ends the thread with an error that nobody needs.
                thread::spawn(move || state.answer(stream).unwrap_or_default());
            }
        });
        Self { address, state, listener: Some(listener) }
    }

    /// Where it is, `127.0.0.1:40123`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let target = target(&mut stream)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let host = stream.local_addr()?;
        for step in Script::of(&target, &host.to_string(), &self.photo).0 {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes)?,
                Step::Wait(time) => wait(time),
                Step::Break => {
                    // With nothing to linger for, closing resets the connection.
                    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Path and query of the request on a connection.
fn target(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    head.split(' ').nth(1).map(ToOwned::to_owned).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn wait(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}
