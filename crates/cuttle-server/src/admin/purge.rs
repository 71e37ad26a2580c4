//! `POST /purge`: forget what was made from one source, from all whose name begins so, or from all; of one application, or of
//! every one.
//!
//! `{"source": "/photo.jpg"}`, `{"prefix": "https://cdn.example.com/blog/"}` or `{"all": true}`, with or without `"app": "shop"`, and
//! nothing else: a name that is misspelt must not purge everything. Who may ask was decided before.

use std::collections::BTreeMap;
use std::time::Duration;

use cuttle_contract::Source;
use cuttle_pipeline::{Purge, Purged, Scope};
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

/// Exactly one of the first three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    all: Option<bool>,
    source: Option<String>,
    prefix: Option<String>,
    /// The application that it is about, by its id; every one without it.
    app: Option<Box<str>>,
}

#[derive(Serialize)]
struct Done {
    /// Requests that were answered from it.
    requests: u64,
    /// How many of each application, by its id.
    apps: BTreeMap<Box<str>, u64>,
    variants: u64,
    bytes: u64,
    /// Nothing of it is served any more, but it is not yet deleted from the disk.
    pending: bool,
    /// Another version of Cuttle may run on the same state directory and not hear of it.
    unreached: bool,
}

pub(super) async fn answer(server: &Server, request: Request<Incoming>) -> Response<Body> {
    let body = Limited::new(request.into_body(), LONGEST_BODY).collect();
    let Ok(Ok(body)) = tokio::time::timeout(BODY_WITHIN, body).await else {
        return unclear("The body is too long, too slow, or broke off.");
    };
    let Ok(Asked { all, source, prefix, app }) = serde_json::from_slice(&body.to_bytes()) else {
        return unclear(FORMS);
    };
    let apps = server.apps();
    let known: Vec<&str> = apps.iter().map(|app| app.id()).collect();
    if let Some(app) = &app
        && !known.contains(&&**app)
    {
        let sentence = format!("There is no app {app:?}; there is {}.\n", known.join(", "));
        return respond::sentence(StatusCode::BAD_REQUEST, "invalid_purge", sentence);
    }
    let scopes = match (all, source, prefix) {
        (Some(true), None, None) => vec![Scope::All],
        (None, None, Some(text)) if !text.is_empty() => vec![Scope::Prefix(text.into())],
        (None, Some(text), None) => match Source::spellings(&text) {
            none if none.is_empty() => {
                return unclear("A source is a path that starts with /, or a URL.");
            }
            sources => sources.iter().map(|source| Scope::Source(source.as_str().into())).collect(),
        },
        _ => return unclear(FORMS),
    };
    let mut purged = Purged::default();
    for scope in scopes {
        let (word, text) = match &scope {
            Scope::All => ("all", ""),
            Scope::Source(text) => ("source", &**text),
            Scope::Prefix(text) => ("prefix", &**text),
        };
        // A query may be a signature.
        let text = text.split('?').next();
        tracing::info!(scope = word, text, app = app.as_deref(), "purging");
        purged += server.parts.machine.purge(Purge { application: app.clone(), scope }).await;
    }
    let of = |id: &str| purged.applications.get(id).copied().unwrap_or_default();
    let of_known = known.into_iter().filter(|id| app.as_deref().is_none_or(|app| app == *id));
    let mut apps: BTreeMap<Box<str>, u64> = of_known.map(|id| (id.into(), of(id))).collect();
    // And those that are configured no more.
    apps.extend(purged.applications.clone());
    let Purged { requests, variants, bytes, pending, unreached, .. } = purged;
    json(StatusCode::OK, &Done { requests, apps, variants, bytes, pending, unreached })
}

const FORMS: &str = r#"Ask with {"source": "/photo.jpg"}, {"prefix": "/blog/"} or {"all": true}; add "app": "shop" for one app."#;

fn unclear(sentence: &'static str) -> Response<Body> {
    respond::sentence(StatusCode::BAD_REQUEST, "invalid_purge", format!("{sentence}\n"))
}
