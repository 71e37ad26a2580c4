//! `POST /purge`: forget what was made from one source, from all whose name begins so, or from all.
//!
//! `{"source": "/photo.jpg"}`, `{"prefix": "https://cdn.example.com/blog/"}` or `{"all": true}`, and nothing else: a name that is
//! misspelt must not purge everything. Who may ask was decided before.

use std::time::Duration;

use cuttle_contract::Source;
use cuttle_pipeline::{Purge, Purged};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use super::json;
use crate::Server;
use crate::respond::{self, Body};

/// More than the longest source, escaped.
const LONGEST_BODY: usize = 16 << 10;
/// Of a tool, which has it in full before it asks.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Exactly one of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Asked {
    All(True),
    Source(String),
    Prefix(String),
}

/// `true`, and not `false`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "bool")]
struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(said: bool) -> Result<Self, Self::Error> {
        said.then_some(Self).ok_or("must be true")
    }
}

#[derive(Serialize)]
struct Done {
    /// Requests that were answered from it.
    requests: u64,
    variants: u64,
    bytes: u64,
    /// Nothing of it is served any more, but it is not yet deleted from the disk.
    pending: bool,
}

pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Body> {
    let body = Limited::new(request.into_body(), LONGEST_BODY).collect();
    let Ok(Ok(body)) = tokio::time::timeout(BODY_WITHIN, body).await else {
        return unclear("The body is too long, too slow, or broke off.");
    };
    let purges = match serde_json::from_slice::<Asked>(&body.to_bytes()) {
        Ok(Asked::All(True)) => vec![Purge::All],
        Ok(Asked::Prefix(text)) if !text.is_empty() => vec![Purge::Prefix(text.into())],
        Ok(Asked::Source(text)) => match Source::spellings(&text) {
            none if none.is_empty() => {
                return unclear("That is no source: a path that starts with /, or a URL.");
            }
            sources => sources.iter().map(|source| Purge::Source(source.as_str().into())).collect(),
        },
        _ => {
            return unclear(
                r#"Ask with {"source": "/photo.jpg"}, {"prefix": "/blog/"} or {"all": true}."#,
            );
        }
    };
    let mut done = Done { requests: 0, variants: 0, bytes: 0, pending: false };
    for purge in purges {
        let (scope, text) = match &purge {
            Purge::All => ("all", ""),
            Purge::Source(text) => ("source", &**text),
            Purge::Prefix(text) => ("prefix", &**text),
        };
        // A query may be a signature.
        let text = text.split('?').next();
        tracing::info!(scope, text, "purging");
        let Purged { requests, variants, bytes, pending } = server.parts.machine.purge(purge).await;
        done.requests += requests;
        done.variants += variants;
        done.bytes += bytes;
        done.pending |= pending;
    }
    json(StatusCode::OK, &done)
}

fn unclear(sentence: &'static str) -> Response<Body> {
    respond::sentence(StatusCode::BAD_REQUEST, "invalid_purge", format!("{sentence}\n"))
}
