//! One question to the admin address, over TCP or a socket in the file system.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::sample::Sample;
use crate::failure::Failure;

/// A server that takes longer is not answering.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far more than all series together.
const LONGEST: usize = 1 << 20;

/// Where to ask, and what to show.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: String,
    pub(super) token: Option<String>,
}

type Wrong = Box<dyn std::error::Error + Send + Sync>;

impl Server {
    /// What it counts at this moment.
    pub(super) async fn sample(&self) -> Result<Sample, Failure> {
        let failed = |error: String| Failure::NoServer { address: self.address.clone(), error };
        match timeout(PATIENCE, self.ask()).await {
            Ok(Ok(text)) => Ok(Sample::parse(&text)),
            Ok(Err(wrong)) => Err(failed(wrong.to_string())),
            Err(_elapsed) => Err(failed("it does not answer".to_owned())),
        }
    }

    async fn ask(&self) -> Result<String, Wrong> {
        match self.address.strip_prefix("unix:") {
            Some(path) => self.exchange(UnixStream::connect(path).await?, "localhost").await,
            None => self.exchange(TcpStream::connect(&self.address).await?, &self.address).await,
        }
    }

    async fn exchange<S>(&self, stream: S, host: &str) -> Result<String, Wrong>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::get("/metrics").header(HOST, host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        match status {
            StatusCode::OK => Ok(text),
            StatusCode::UNAUTHORIZED => {
                Err("it wants its admin token; set CUTTLE_SERVER_ADMIN_TOKEN".into())
            }
            _ => Err(format!("it says {status}: {}", text.trim()).into()),
        }
    }
}
