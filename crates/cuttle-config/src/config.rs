//! From layers to meaning: flags over variables over the file over the Next build over defaults.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use cuttle_contract::{Images as ImagesOfBuild, NextBuild, StrictSources};

use crate::{
    apps::App,
    document::{Document, Section},
    interpolate::interpolate,
    keys::{
        AppKeys, Cache, Forward, Images, Key, Limits, Optimizer, Reader, Server, Storage, keys,
    },
    problem::{Place, Problem, nearest, suggestion},
    value::{Kind, Raw},
};

/// Everything that was said, for [`Config::resolve`].
#[derive(Clone, Default)]
pub struct Inputs {
    /// `(flag without dashes, text)`, of the flags that were given.
    pub flags: BTreeMap<&'static str, String>,
    /// The environment: for `CUTTLE_…`, and for `${…}` in the file.
    pub environment: BTreeMap<String, String>,
    /// The file, where there is one.
    pub document: Option<Document>,
    /// The build of the application, where there is one.
    pub build: Option<NextBuild>,
    /// A folder is served, without an application to keep in step with: AVIF is offered too.
    pub folder: bool,
}

impl fmt::Debug for Inputs {
    /// SECURITY: without the environment and the text of the file, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("build", &self.build).finish_non_exhaustive()
    }
}

/// What the configuration means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[images]`, with the build's lists where nothing else is written.
    pub images: Images,
    /// `[optimizer]`
    pub optimizer: Optimizer,
    /// `[limits]`
    pub limits: Limits,
    /// `[cache]`
    pub cache: Cache,
    /// `[storage]`
    pub storage: Storage,
    /// `[[apps]]`
    pub apps: Vec<App>,
    /// Whose patterns the strict endpoint follows.
    pub strict_sources: StrictSources,
    /// What works, but may not be meant. For the log.
    pub warnings: Vec<Problem>,
    /// Paths of the file that are not what they would be from where we run.
    pub moved: Vec<Moved>,
    pub(crate) effective: Vec<Effective>,
}

/// One value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    /// Which application, from 0.
    pub(crate) app: Option<usize>,
    pub(crate) key: &'static Key,
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(String),
    File(Place),
    Build,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(Place::File { name, line, .. }) => write!(f, "{name}:{line}"),
            Self::File(_) => f.write_str("file"),
            Self::Build => f.write_str("the Next build"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Config {
    /// Puts the layers over each other and says what each value means.
    ///
    /// # Errors
    /// Everything that is wrong, at once, each with its place.
    pub fn resolve(inputs: &Inputs) -> Result<Self, Vec<Problem>> {
        let mut resolving = Resolving {
            inputs,
            build: match &inputs.build {
                Some(build) => of_build(build),
                None if inputs.folder => of_folder(),
                None => BTreeMap::new(),
            },
            effective: Vec::new(),
            moved: Vec::new(),
            problems: Vec::new(),
        };
        let empty = Section::new();
        let root = inputs.document.as_ref().map_or(&empty, |written| &written.root);
        let server = Server::read(|key, read| resolving.answer(key, read, root, None));
        let images = Images::read(|key, read| resolving.answer(key, read, root, None));
        let optimizer = Optimizer::read(|key, read| resolving.answer(key, read, root, None));
        let limits = Limits::read(|key, read| resolving.answer(key, read, root, None));
        let cache = Cache::read(|key, read| resolving.answer(key, read, root, None));
        let storage = Storage::read(|key, read| resolving.answer(key, read, root, None));
        let apps = resolving.apps();
        let patterns = ["images.local_patterns", "images.remote_patterns"];
        let replaced = resolving.effective.iter().any(|effective| {
            patterns.contains(&effective.key.path().as_str()) && effective.origin != Origin::Default
        });
        let strict_sources = if inputs.build.is_some() && !replaced {
            StrictSources::OfBuild
        } else {
            StrictSources::OfImages
        };
        let Resolving { effective, moved, mut problems, .. } = resolving;
        if let (Ok(server), Ok(images), Ok(optimizer), Ok(limits), Ok(cache), Ok(storage)) =
            (server, images, optimizer, limits, cache, storage)
            && problems.is_empty()
        {
            let mut config = Self {
                server,
                images,
                optimizer,
                limits,
                cache,
                storage,
                apps,
                strict_sources,
                warnings: misspelled_variables(&inputs.environment),
                moved,
                effective,
            };
            config.warnings.extend(config.taken_for_seconds());
            config.check(&mut problems);
            if problems.is_empty() {
                return Ok(config);
            }
        }
        Err(problems)
    }

    /// What no single key can see.
    fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(id) = App::repeated(&self.apps) {
            let message = format!("there are two applications with the id {id:?}");
            problems.push(Problem::new(message, self.place("apps.id")));
        }
        if let Some(fallback) = &self.optimizer.fallback {
            let is_url = fallback.starts_with("http://") || fallback.starts_with("https://");
            let ids = || self.apps.iter().map(|app| app.keys.id.as_str());
            if !is_url && !ids().any(|id| id == fallback) {
                let near = suggestion(fallback, ids());
                let message = format!(
                    "`optimizer.fallback` is {fallback:?}, which is neither a URL nor the id of an application{near}"
                );
                problems.push(Problem::new(message, self.place("optimizer.fallback")));
            }
        }
        if self.optimizer.only && self.optimizer.fallback.is_none() {
            let message = "`optimizer.only` needs `optimizer.fallback`, where the app's own images are fetched from; write fallback = \"http://127.0.0.1:3000\", or --fallback http://127.0.0.1:3000";
            problems.push(Problem::new(message, self.place("optimizer.only")));
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

    fn place(&self, path: &str) -> Place {
        let effective =
            self.effective.iter().rev().find(|effective| {
                effective.key.path() == path && effective.origin != Origin::Default
            });
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

    /// `[images]` in the contract's terms, ready for [`cuttle_contract::Rules`].
    #[must_use]
    pub fn contract_images(&self) -> ImagesOfBuild {
        let images = &self.images;
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
            prefix: self.server.prefix.clone(),
            hosts: self.server.hosts.clone(),
        }
    }
}

impl Key {
    /// What could be written instead, as the end of a sentence.
    fn example_at(&self, origin: &Origin) -> String {
        let Some(example) = self.example() else { return String::new() };
        match origin {
            Origin::Flag(flag) if self.kind == Kind::Bool => format!("; write --{flag} alone"),
            Origin::Flag(flag) => format!(
                "; write --{flag} {}",
                example.trim_matches(['[', ']']).replace('"', "").replace(", ", ",")
            ),
            Origin::Variable(name) => format!(
                "; write {name}={}",
                example.trim_matches(['[', ']']).replace('"', "").replace(", ", ",")
            ),
            _ => format!("; write {} = {example}", self.name()),
        }
    }
}

impl Origin {
    fn place(&self) -> Place {
        match self {
            Self::Flag(flag) => Place::Flag((*flag).to_owned()),
            Self::Variable(name) => Place::Variable(name.clone()),
            Self::File(place) => place.clone(),
            Self::Build | Self::Default => Place::Nowhere,
        }
    }
}

/// What a build says about keys of ours.
fn of_build(build: &NextBuild) -> BTreeMap<&'static str, Raw> {
    let images = ImagesOfBuild::of_build(build);
    let numbers = |list: &[u32]| Raw::List(list.iter().map(|&n| Raw::Integer(n.into())).collect());
    let milliseconds = i64::try_from(images.min_ttl.as_millis()).unwrap_or(i64::MAX);
    BTreeMap::from([
        ("images.sizes", numbers(&images.sizes)),
        ("images.qualities", numbers(&images.qualities)),
        ("images.formats", Raw::List(images.formats.into_iter().map(Raw::Text).collect())),
        ("images.min_ttl", Raw::Integer(milliseconds)),
    ])
}

/// What a folder has by default, in the place of a build.
fn of_folder() -> BTreeMap<&'static str, Raw> {
    let images = ImagesOfBuild::for_folder();
    let qualities = images.qualities.iter().map(|&quality| Raw::Integer(quality.into())).collect();
    let formats = images.formats.into_iter().map(Raw::Text).collect();
    BTreeMap::from([
        ("images.qualities", Raw::List(qualities)),
        ("images.formats", Raw::List(formats)),
    ])
}

struct Resolving<'a> {
    inputs: &'a Inputs,
    build: BTreeMap<&'static str, Raw>,
    effective: Vec<Effective>,
    moved: Vec<Moved>,
    problems: Vec<Problem>,
}

/// A path of the file that is relative, so that it means one beside the file: that, and what it would mean from where we run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    key: &'static Key,
    /// Beside the file, and from the working directory.
    pub paths: [PathBuf; 2],
    place: Place,
}

impl Moved {
    /// What to say where both are there.
    #[must_use]
    pub fn warning(&self) -> Problem {
        let [meant, other] = &self.paths;
        let message = format!(
            "`{}` is {}, as paths in a file are relative to the file; there is also {} where cuttle was started: write the one that you mean in full",
            self.key.path(),
            meant.display(),
            other.display()
        );
        Problem::new(message, self.place.clone())
    }
}

/// A path as it is meant in a file that lies in `folder`, and both readings where they differ.
fn beside(text: &str, kind: Kind, folder: &Path) -> (String, Option<[PathBuf; 2]>) {
    let prefix = if kind == Kind::Path { "" } else { "unix:" };
    let Some(path) = text.strip_prefix(prefix).map(Path::new).filter(|path| path.is_relative())
    else {
        return (text.to_owned(), None);
    };
    if folder.as_os_str().is_empty() || path.as_os_str().is_empty() {
        return (text.to_owned(), None);
    }
    let meant = folder.join(path);
    (format!("{prefix}{}", meant.display()), Some([meant, path.to_owned()]))
}

/// A problem was recorded.
struct Recorded;

impl Resolving<'_> {
    /// Finds the value of a key and has it read. `app`: which application's, for the keys of one.
    fn answer(
        &mut self,
        key: &'static Key,
        read: &mut Reader<'_>,
        section: &Section,
        app: Option<usize>,
    ) -> Result<(), Recorded> {
        let (raw, origin) = self.find(key, section, app)?;
        let result = read(&raw, key.range);
        let mut place = origin.place();
        // SECURITY: the values kept for printing, and the lines that mistakes show, end in tickets and logs.
        let raw = if key.kind == Kind::Secret && raw != Raw::Absent {
            place = place.without_value();
            Raw::Text("<redacted>".to_owned())
        } else {
            raw
        };
        let message = |wrong: String| {
            let path = key.path();
            // In a file, the line that is shown has the value.
            let is = match (&origin, &raw) {
                (Origin::Flag(_) | Origin::Variable(_), Raw::Text(text)) => {
                    format!("is {text:?} and ")
                }
                (Origin::Flag(_) | Origin::Variable(_), Raw::Integer(number)) => {
                    format!("is {number} and ")
                }
                _ => String::new(),
            };
            format!("`{path}` {is}{wrong}{}", key.example_at(&origin))
        };
        let result = result.map_err(message);
        self.effective.push(Effective { app, key, raw, origin });
        result.map_err(|message| {
            self.problems.push(Problem::new(message, place));
            Recorded
        })
    }

    fn find(
        &mut self,
        key: &'static Key,
        section: &Section,
        app: Option<usize>,
    ) -> Result<(Raw, Origin), Recorded> {
        // Flags and variables speak of the one application; of several, the file speaks.
        let outside = app.is_none() || (key.flag.is_some() && app == Some(0));
        if outside
            && let Some(flag) = key.flag
            && let Some(text) = self.inputs.flags.get(flag)
        {
            return Ok((from_text(key.kind, text), Origin::Flag(flag)));
        }
        let variable = key.variable();
        if outside && let Some(text) = self.inputs.environment.get(&variable) {
            return Ok((from_text(key.kind, text), Origin::Variable(variable)));
        }
        if let (Some(written), Some(entry)) = (&self.inputs.document, section.get(&key.path())) {
            let place = written.place(&entry.span);
            let raw = self.interpolated(&entry.raw).map_err(|wrong| {
                let message = format!("`{}` {wrong}", key.path());
                self.problems.push(Problem::new(message, place.clone()));
                Recorded
            })?;
            let raw = match (key.kind, raw) {
                (Kind::Path | Kind::AddressOrOff, Raw::Text(text)) => {
                    let (found, moved) = beside(&text, key.kind, written.folder());
                    self.moved.extend(moved.map(|paths| Moved {
                        key,
                        paths,
                        place: place.clone(),
                    }));
                    Raw::Text(found)
                }
                (_, raw) => raw,
            };
            return Ok((raw, Origin::File(place)));
        }
        if let Some(raw) = self.build.get(key.path().as_str()) {
            let origin = if self.inputs.build.is_some() { Origin::Build } else { Origin::Default };
            return Ok((raw.clone(), origin));
        }
        let raw = key.default.map_or(Raw::Absent, |text| from_text(key.kind, text));
        Ok((raw, Origin::Default))
    }

    fn interpolated(&self, raw: &Raw) -> Result<Raw, String> {
        match raw {
            Raw::Text(text) => {
                interpolate(text, |name| self.inputs.environment.get(name).cloned()).map(Raw::Text)
            }
            Raw::List(entries) => entries
                .iter()
                .map(|entry| self.interpolated(entry))
                .collect::<Result<_, _>>()
                .map(Raw::List),
            other => Ok(other.clone()),
        }
    }

    fn apps(&mut self) -> Vec<App> {
        let written = self.inputs.document.as_ref().map_or(&[][..], |written| &written.apps);
        let outside: Vec<&Key> = keys()
            .iter()
            .filter(|key| key.table == "apps")
            .filter(|key| {
                key.flag.is_some_and(|flag| self.inputs.flags.contains_key(flag))
                    || (key.flag.is_some() && self.inputs.environment.contains_key(&key.variable()))
            })
            .collect();
        if written.len() > 1
            && let Some(key) = outside.first()
        {
            let message = format!(
                "`--{}` speaks of one application, and the file has {}",
                key.name(),
                written.len()
            );
            self.problems.push(Problem::new(message, Place::Flag(key.name().to_owned())));
        }
        let mut apps = Vec::new();
        for (index, app) in written.iter().enumerate() {
            let keys = AppKeys::read(|key, read| self.answer(key, read, &app.section, Some(index)));
            let forward = app.forward.iter().map(|section| {
                Forward::read(|key, read| self.answer(key, read, section, Some(index)))
            });
            let forward: Result<Vec<Forward>, Recorded> = forward.collect();
            if let (Ok(keys), Ok(forward)) = (keys, forward) {
                apps.push(App { keys, forward });
            }
        }
        if written.is_empty() && !outside.is_empty() {
            let keys = AppKeys::read(|key, read| self.answer(key, read, &Section::new(), Some(0)));
            apps.extend(keys.ok().map(|keys| App { keys, forward: Vec::new() }));
        }
        apps
    }
}

/// A variable that is spelled wrong is a setting that silently does nothing. No more than a warning, because not every
/// `CUTTLE_…` is ours.
fn misspelled_variables(environment: &BTreeMap<String, String>) -> Vec<Problem> {
    let settable =
        |key: &&Key| key.table != "forward" && (key.table != "apps" || key.flag.is_some());
    let variables = || keys().iter().filter(settable).map(Key::variable);
    // The file itself, and the filter of the log, are found before there is a configuration.
    let own: BTreeSet<String> =
        variables().chain(["CUTTLE_CONFIG", "CUTTLE_LOG"].map(str::to_owned)).collect();
    let bare = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    let known: Vec<String> = own.iter().filter_map(|name| bare(name)).collect();
    // As it would be called if every variable were called like its key in the file.
    let by_path = |written: &str| {
        let spelled = |key: &Key| key.path().replace('.', "_").to_ascii_uppercase();
        let key = keys().iter().filter(settable).find(|key| spelled(key) == written);
        key.map(Key::variable)
    };
    environment
        .keys()
        .filter(|name| !own.contains(*name))
        .filter_map(|name| {
            let written = bare(name)?;
            let near = || nearest(&written, known.iter().map(String::as_str));
            let meant = by_path(&written).or_else(|| near().map(|near| format!("{PREFIX}{near}")));
            let message = match meant {
                Some(meant) => format!("there is no variable {name}; did you mean `{meant}`?"),
                None if is_of_kubernetes(&written) => return None,
                None => format!(
                    "there is no variable {name}, so it does nothing; docs/configuration.md lists those that there are"
                ),
            };
            Some(Problem::new(message, Place::Variable(name.clone())))
        })
        .collect()
}

/// What Kubernetes sets in every container for a service that is called `cuttle`, or `cuttle-…`.
fn is_of_kubernetes(written: &str) -> bool {
    ["SERVICE_", "PORT"]
        .iter()
        .any(|part| written.starts_with(part) || written.contains(&format!("_{part}")))
}

const PREFIX: &str = "CUTTLE_";

/// Outside of the file everything is text: a list has commas. What is no number or no truth stays text, for whoever says
/// what is wrong with it.
fn from_text(kind: Kind, text: &str) -> Raw {
    match kind {
        Kind::Integer => text.parse().map_or_else(|_| Raw::Text(text.to_owned()), Raw::Integer),
        Kind::Bool => text.parse().map_or_else(|_| Raw::Text(text.to_owned()), Raw::Bool),
        Kind::List(of) => {
            let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            Raw::List(entries.map(|entry| from_text(*of, entry)).collect())
        }
        _ => Raw::Text(text.to_owned()),
    }
}
