//! One question to the admin address, over TCP or a socket in the file system.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use cuttle_config::Secret;
use cuttle_host::{Layers, StateDir, read_only, shown_admin};
use cuttle_net::SystemResolver;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::args::ServerArgs;
use crate::failure::Failure;

/// A server that takes longer is not answering.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far more than all series together.
const LONGEST: usize = 1 << 20;

/// What an admin address answers with: its metrics, and what it did.
const OURS: [&str; 2] = ["application/openmetrics-text", "application/json"];

/// Where to ask, and what to show.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) token: Option<String>,
}

type Wrong = Box<dyn std::error::Error + Send + Sync>;

impl Server {
    /// By what was typed, else by the note that the server left, else by the configuration. A state directory that somebody
    /// named stands for the server that runs with it and for no other: a slip of the pen must not purge a stranger.
    pub(crate) fn find(typed: &ServerArgs) -> Result<Self, Failure> {
        let flags = [
            ("admin", &typed.admin),
            ("state-dir", &typed.state_dir.as_ref().map(|dir| dir.display().to_string())),
        ];
        let flags: BTreeMap<_, _> =
            flags.into_iter().filter_map(|(flag, text)| Some((flag, text.clone()?))).collect();
        let layers = Layers { config: typed.config.clone(), flags, ..Layers::default() };
        let config = read_only(&layers)?;
        let noted = StateDir::of(&config).ok().and_then(|state| state.noted());
        if let (None, None, Some(path)) = (&typed.admin, &noted, &config.server.state_dir) {
            return Err(Failure::NoServerWith(path.clone()));
        }
        let configured = || (shown_admin(&config.server.admin), None);
        let (address, of_note) = match (&typed.admin, noted) {
            (None, Some(noted)) => noted,
            // A token is for the server that noted it, and for no other address that somebody typed.
            (Some(address), Some((noted, token))) if *address == noted => (noted, token),
            _ => configured(),
        };
        let of_config =
            || config.server.admin_token.as_ref().map(|token| Secret::reveal(token).to_owned());
        Ok(Self { address, token: of_note.or_else(of_config) })
    }

    /// The text of its answer to one request; `json` is the body of one that changes something.
    ///
    /// # Errors
    /// It does not answer, or refuses, in its own words.
    pub(crate) async fn ask(
        &self,
        method: &'static str,
        path: &str,
        json: Option<&str>,
    ) -> Result<String, Failure> {
        let address = self.address.clone();
        match timeout(PATIENCE, self.connect(method, path, json)).await {
            Ok(Ok(answer)) => self.judge(&answer),
            Ok(Err(wrong)) => Err(Failure::NoServer { address, error: in_words(&*wrong) }),
            Err(_elapsed) => {
                Err(Failure::NoServer { address, error: "it does not answer".to_owned() })
            }
        }
    }

    /// Its text, or why it refused: in its own words, if it is one of ours.
    fn judge(&self, answer: &Response<String>) -> Result<String, Failure> {
        let text = answer.body().trim();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        // Of whoever else listens there, 200 means nothing.
        let is_ours =
            header("content-type").is_some_and(|it| OURS.iter().any(|own| it.starts_with(own)));
        let sentence = match (answer.status(), &self.token) {
            (StatusCode::OK, _) if is_ours => return Ok(answer.body().clone()),
            (StatusCode::UNAUTHORIZED, None) => {
                "it needs its admin token: set CUTTLE_SERVER_ADMIN_TOKEN".to_owned()
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => {
                "its admin token is a different one: check CUTTLE_SERVER_ADMIN_TOKEN and --config"
                    .to_owned()
            }
            (_, _) if header("x-cuttle-error").is_some() => text.to_owned(),
            (status, _) => {
                format!("this is no admin address ({status}); name another with --admin")
            }
        };
        Err(Failure::Refused { address: self.address.clone(), sentence })
    }

    async fn connect(
        &self,
        method: &'static str,
        path: &str,
        json: Option<&str>,
    ) -> Result<Response<String>, Wrong> {
        let request = Request::builder().method(method).uri(path);
        let request = match json {
            Some(_) => request.header(CONTENT_TYPE, "application/json"),
            None => request,
        };
        let body = Full::from(json.unwrap_or_default().to_owned());
        match self.address.strip_prefix("unix:") {
            Some(path) => {
                let request = request.header(HOST, "localhost").body(body)?;
                self.exchange(UnixStream::connect(path).await?, request).await
            }
            None => {
                let request = request.header(HOST, &self.address).body(body)?;
                let wrong = || io::Error::from(io::ErrorKind::InvalidInput);
                let (host, port) = self.address.rsplit_once(':').ok_or_else(wrong)?;
                let (host, port) = (host.trim_matches(['[', ']']), port.parse()?);
                self.exchange(SystemResolver::default().connect(host, port).await?, request).await
            }
        }
    }

    async fn exchange<S>(
        &self,
        stream: S,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<String>, Wrong>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        if let Some(token) = &self.token {
            let shown = HeaderValue::from_str(&format!("Bearer {token}"))?;
            request.headers_mut().insert(AUTHORIZATION, shown);
        }
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
        Ok(Response::from_parts(head, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Without the system's number, which says nothing to a person.
fn in_words(wrong: &(dyn std::error::Error + 'static)) -> String {
    match wrong.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => wrong.to_string(),
    }
}
