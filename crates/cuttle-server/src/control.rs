//! The control socket: what may be asked of a server by those alone who could also stop it. One thing so far, `POST /reload`: the
//! build that is there now is the one that the application runs.
//!
//! SECURITY: it is a socket in the state directory and nowhere else, no page and no other machine reaches it, and who asks is
//! known from the kernel, not from what is sent.
//!
//! It is not the admin address, which may be a port: a port on loopback is everybody's on the machine.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::admin::json;
use crate::respond::{self, Body};

/// Whoever follows the build is asked to look now. Clones ask the same.
#[derive(Debug, Clone)]
pub struct Reload(mpsc::Sender<ReloadAsked>);

/// To be told which release is followed now, or why none is.
pub type ReloadAsked = oneshot::Sender<Result<String, String>>;

impl Reload {
    /// With what is asked. One question at a time: each is answered for everything that was there before it.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<ReloadAsked>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Asks, and returns when requests are answered by what was found.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn ask(&self) -> Result<String, String> {
        let gone = || "Cuttle no longer looks for new builds: restart it".to_owned();
        let (sender, told) = oneshot::channel();
        self.0.send(sender).await.map_err(|_gone| gone())?;
        told.await.unwrap_or_else(|_gone| Err(gone()))
    }
}

/// Who may ask, and for what.
#[derive(Debug, Clone)]
pub struct Control {
    /// Of the user that runs the server. Root may ask too.
    pub owner: u32,
    /// Follows the build.
    pub reload: Reload,
}

#[derive(Serialize)]
struct Reloaded {
    /// Empty where there is no build.
    release: String,
}

impl Control {
    /// `peer` is the user id of whoever connected.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Option<u32>,
    ) -> Response<Body> {
        if !peer.is_some_and(|peer| peer == 0 || peer == self.owner) {
            let text = "Only root and the user that runs this server may ask here.\n";
            return respond::sentence(StatusCode::FORBIDDEN, "wrong_user", text);
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/reload") => match self.reload.ask().await {
                Ok(release) => json(StatusCode::OK, &Reloaded { release }),
                Err(sentence) => {
                    respond::sentence(StatusCode::CONFLICT, "no_build", format!("{sentence}\n"))
                }
            },
            (_, "/reload") => respond::method_not_allowed(),
            _ => respond::not_found(),
        }
    }
}
