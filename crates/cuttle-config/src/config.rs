//! What a configuration means: each key by itself, and what no single key can see.

use std::collections::BTreeMap;

use cuttle_contract::{Images as ImagesOfBuild, RouteHost};

use crate::{
    apps::{App, conflicts},
    document::Section,
    keys::{Cache, Limits, Optimizer, Server, Storage, Tls},
    layers::{Effective, Inputs, Layers, Moved, Origin, Resolving},
    problem::{Place, Problem, suggestion},
    value::Raw,
    variables::misspelled_variables,
};

/// What the configuration means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[optimizer]`
    pub optimizer: Optimizer,
    /// `[limits]`
    pub limits: Limits,
    /// `[cache]`
    pub cache: Cache,
    /// `[storage]`
    pub storage: Storage,
    /// `[tls]`
    pub tls: Tls,
    /// `[[apps]]`: one at least, which is nothing but its defaults where nothing is written.
    pub apps: Vec<App>,
    /// What works, but may not be meant. For the log.
    pub warnings: Vec<Problem>,
    /// Paths of the file that are not what they would be from where we run.
    pub moved: Vec<Moved>,
    pub(crate) effective: Vec<Effective>,
}

impl Config {
    /// Puts the layers over each other and says what each value means.
    ///
    /// # Errors
    /// Everything that is wrong, at once, each with its place.
    pub fn resolve(inputs: &Inputs) -> Result<Self, Vec<Problem>> {
        let mut resolving = Resolving::of(inputs);
        let empty = Section::new();
        let root = inputs.document.as_ref().map_or(&empty, |document| &document.root);
        let everywhere = Layers { sections: &[root], app: None, build: &BTreeMap::new() };
        let server = Server::read(|key, read| resolving.answer(key, read, &everywhere));
        let images = resolving.images(root);
        let optimizer = Optimizer::read(|key, read| resolving.answer(key, read, &everywhere));
        let limits = Limits::read(|key, read| resolving.answer(key, read, &everywhere));
        let cache = Cache::read(|key, read| resolving.answer(key, read, &everywhere));
        let storage = Storage::read(|key, read| resolving.answer(key, read, &everywhere));
        let tls = Tls::read(|key, read| resolving.answer(key, read, &everywhere));
        let apps = resolving.apps(images, root);
        let Resolving { effective, moved, mut problems, .. } = resolving;
        if let (Ok(server), Ok(optimizer), Ok(limits), Ok(cache), Ok(storage), Ok(tls)) =
            (server, optimizer, limits, cache, storage, tls)
            && problems.is_empty()
        {
            let mut config = Self {
                server,
                optimizer,
                limits,
                cache,
                storage,
                tls,
                apps,
                warnings: misspelled_variables(&inputs.environment),
                moved,
                effective,
            };
            config.warnings.extend(config.taken_for_seconds());
            config.check(&mut problems, inputs.started.iter().any(Option::is_some));
            if problems.is_empty() {
                return Ok(config);
            }
        }
        Err(unrepeated(problems))
    }

    /// What no single key can see.
    fn check(&self, problems: &mut Vec<Problem>, started: bool) {
        let several = self.apps.len() > 1;
        for (message, app, path) in conflicts(&self.apps, started) {
            problems.push(Problem::new(message, self.place(path, Some(app))));
        }
        let mut wrong = |message: String, path| {
            problems.push(Problem::new(message, self.place(path, None)));
        };
        if let Some(fallback) = &self.optimizer.fallback {
            let is_url = fallback.starts_with("http://") || fallback.starts_with("https://");
            let ids = || self.apps.iter().map(|app| app.keys.id.as_str());
            if several {
                let message = "`optimizer.fallback` is for one application; of several, each has its originals at its own `upstream`";
                wrong(message.to_owned(), "optimizer.fallback");
            } else if !is_url && !ids().any(|id| id == fallback) {
                let near = suggestion(fallback, ids());
                let message = format!(
                    "`optimizer.fallback` is {fallback:?}, which is neither a URL nor the id of an application{near}"
                );
                wrong(message, "optimizer.fallback");
            }
        }
        if self.optimizer.only && self.optimizer.fallback.is_none() && !several {
            let message = "`optimizer.only` needs `optimizer.fallback`, where the app's own images are fetched from; write fallback = \"http://127.0.0.1:3000\", or --fallback http://127.0.0.1:3000";
            wrong(message.to_owned(), "optimizer.only");
        }
    }

    /// A plain number is milliseconds, and Next has this one in seconds: `60` is likely to mean a minute.
    fn taken_for_seconds(&self) -> Option<Problem> {
        let is_it = |effective: &&Effective| effective.key.path() == "images.min_ttl";
        let Effective { raw, origin, .. } = self.effective.iter().find(is_it)?;
        let number = match raw {
            Raw::Integer(number) => u64::try_from(*number).ok()?,
            Raw::Text(text) => text.parse().ok()?,
            _ => return None,
        };
        let is_meant = matches!(origin, Origin::Build | Origin::Default) || number == 0;
        (!is_meant && number < 1_000).then(|| {
            let message = format!(
                "`images.min_ttl` is {number} milliseconds; if it is `minimumCacheTTL` of Next, which is in seconds, write \"{number}s\", else \"{number}ms\""
            );
            Problem::new(message, origin.place())
        })
    }

    fn place(&self, path: &str, app: Option<usize>) -> Place {
        let of_app = || self.effective.iter().filter(|effective| effective.app == app);
        let set = of_app().filter(|effective| effective.origin != Origin::Default);
        // What is missing has no place; its application has one.
        let named = set.clone().find(|effective| effective.key.path() == path);
        let effective = named.or_else(|| set.clone().next().filter(|_| app.is_some()));
        effective.map_or(Place::Nowhere, |effective| effective.origin.place())
    }

    /// Keys that were set, by flag, variable or file, and do nothing in this version; `table.name`.
    pub fn set_in_vain(&self) -> impl Iterator<Item = String> {
        let in_vain = |effective: &&Effective| {
            let set = !matches!(effective.origin, Origin::Default | Origin::Build);
            set && !effective.key.has_effect()
        };
        self.effective.iter().filter(in_vain).map(|effective| effective.key.path())
    }

    /// The `[images]` of an application in the contract's terms, ready for [`cuttle_contract::Rules`].
    #[must_use]
    pub fn contract_images(&self, app: &App) -> ImagesOfBuild {
        let images = &app.images;
        let names = self.apps.iter().flat_map(|app| &app.keys.hosts).filter_map(RouteHost::exact);
        ImagesOfBuild {
            sizes: images.sizes.clone(),
            heights: images.heights.clone(),
            qualities: images.qualities.clone(),
            formats: images.formats.clone(),
            local_patterns: images.local_patterns.clone(),
            remote_patterns: images.remote_patterns.clone(),
            min_ttl: images.min_ttl.duration(),
            stale_while_revalidate: images.stale_while_revalidate.duration(),
            stale_if_error: images.stale_if_error.duration(),
            svg: images.svg,
            prefix: self.prefix_of(app),
            hosts: self
                .server
                .hosts
                .iter()
                .map(String::as_str)
                .chain(names)
                .map(Into::into)
                .collect(),
        }
    }

    /// Below it everything is Cuttle's, in the paths of an application.
    #[must_use]
    pub fn prefix_of(&self, app: &App) -> String {
        format!("{}{}", app.keys.prefix.as_str(), self.server.prefix)
    }
}

/// A mistake in what several applications share is found once for each.
fn unrepeated(problems: Vec<Problem>) -> Vec<Problem> {
    let mut told: Vec<Problem> = Vec::new();
    for problem in problems {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}
