//! The applications behind Cuttle: what each is told, and that a request is always for one of them at most.

use std::collections::BTreeSet;

use cuttle_contract::{Route, RouteConflict, StrictSources};

use crate::keys::{AppKeys, Forward, Images};

/// One application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// `[[apps]]`
    pub keys: AppKeys,
    /// `[[apps.forward]]`
    pub forward: Vec<Forward>,
    /// `[images]`, with its build's lists where nothing else is written, and with its `[apps.images]`.
    pub images: Images,
    /// Whose patterns its strict endpoint follows.
    pub strict_sources: StrictSources,
}

impl App {
    /// Which requests are for it.
    #[must_use]
    pub fn route(&self) -> Route {
        let AppKeys { hosts, prefix, routes, methods, .. } = self.keys.clone();
        Route { hosts, prefix, routes, methods }
    }

    /// Whether its static files are sent without asking it. Of what runs elsewhere, the build here may be another one.
    #[must_use]
    pub fn sends_files(&self) -> bool {
        self.keys.static_files.unwrap_or(!self.keys.run.is_empty())
    }
}

/// What is wrong with several of them together, in a sentence, and which one and which of its keys it is about.
pub(crate) fn conflicts(apps: &[App], started: bool) -> Vec<(String, usize, &'static str)> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, app) in apps.iter().enumerate() {
        let id = &app.keys.id;
        if !seen.insert(id) {
            let message =
                format!("there are two applications with the id {id:?}; give each its own `id`");
            wrong.push((message, index, "apps.id"));
        }
        for other in &apps[..index] {
            let Some(conflict) = app.route().conflict(&other.route()) else { continue };
            let RouteConflict { host, path, method } = conflict;
            let other = &other.keys.id;
            let names = host.map_or_else(|| "every name".to_owned(), |host| format!("{host}"));
            let method = method.map(|method| format!("{method} ")).unwrap_or_default();
            let message = format!(
                "the applications {other:?} and {id:?} both answer {method}{names}{path}; give one of them other `hosts`, another `prefix`, or other `routes`"
            );
            wrong.push((message, index, "apps.hosts"));
        }
        let outside = app.keys.routes.iter().find(|it| !it.is_below(&app.keys.prefix));
        if let Some(route) = outside {
            let prefix = app.keys.prefix.as_str();
            let message = format!(
                "the route {route} of the application {id:?} is not below its prefix {prefix}; write {prefix}{route}"
            );
            wrong.push((message, index, "apps.routes"));
        }
        if !app.keys.run.is_empty() && app.keys.upstream.is_some() && !started {
            let message = format!(
                "the application {id:?} has both `upstream` and `run`: leave `upstream` out, as Cuttle chooses the port of what it runs"
            );
            wrong.push((message, index, "apps.upstream"));
        }
        if apps.len() > 1 && app.keys.upstream.is_none() && app.keys.run.is_empty() {
            let message = format!(
                "the application {id:?} has no `upstream` and no `run`: of several applications, each needs one, such as upstream = \"http://127.0.0.1:3000\""
            );
            wrong.push((message, index, "apps.upstream"));
        }
    }
    wrong
}
