//! The layers of a configuration: a flag over a variable over the file over the Next build over the default, asked for each key. What
//! a value means is its key's to say, and what several mean together the configuration's.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use cuttle_contract::{Images as ImagesOfBuild, NextBuild, StrictSources};

use crate::{
    apps::App,
    document::{Document, DocumentApp, Section},
    interpolate::interpolate,
    keys::{AppKeys, Forward, Images, Key, Reader, keys},
    problem::{Place, Problem},
    value::{Kind, Raw},
};

/// Everything that was said, for [`Config::resolve`](crate::Config::resolve).
#[derive(Clone, Default)]
pub struct Inputs {
    /// `(flag without dashes, text)`, of the flags that were given.
    pub flags: BTreeMap<&'static str, String>,
    /// The environment: for `CUTTLE_…`, and for `${…}` in the file.
    pub environment: BTreeMap<String, String>,
    /// The file, where there is one.
    pub document: Option<Document>,
    /// The builds of the applications, in the order of the file, where there are any.
    pub builds: Vec<Option<NextBuild>>,
    /// The command of the only application, where one was typed.
    pub run: Vec<String>,
    /// Where the applications listen that are run, in the order of the file.
    pub started: Vec<Option<String>>,
    /// A folder is served, without an application to keep in step with: AVIF is offered too.
    pub folder: bool,
}

impl fmt::Debug for Inputs {
    /// SECURITY: without the environment and the text of the file, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("builds", &self.builds).finish_non_exhaustive()
    }
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
    /// What was typed after `cuttle run --`.
    Command,
    Variable(String),
    File(Place),
    Build,
    Default,
}

impl Origin {
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Flag(flag) => Place::Flag((*flag).to_owned()),
            Self::Command => Place::Nowhere,
            Self::Variable(name) => Place::Variable(name.clone()),
            Self::File(place) => place.clone(),
            Self::Build | Self::Default => Place::Nowhere,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Command => f.write_str("cuttle run"),
            Self::Variable(name) => f.write_str(name),
            Self::File(Place::File { name, line, .. }) => write!(f, "{name}:{line}"),
            Self::File(_) => f.write_str("file"),
            Self::Build => f.write_str("the Next build"),
            Self::Default => f.write_str("default"),
        }
    }
}

pub(crate) struct Resolving<'a> {
    inputs: &'a Inputs,
    pub(crate) effective: Vec<Effective>,
    pub(crate) moved: Vec<Moved>,
    pub(crate) problems: Vec<Problem>,
}

/// Where the value of a key may be written in the file, the first that has it, and what holds where nobody writes any.
pub(crate) struct Layers<'a> {
    pub(crate) sections: &'a [&'a Section],
    /// Which application's, for the keys of one.
    pub(crate) app: Option<usize>,
    pub(crate) build: &'a BTreeMap<&'static str, Raw>,
}

/// A problem was recorded.
pub(crate) struct Recorded;

impl<'a> Resolving<'a> {
    pub(crate) fn of(inputs: &'a Inputs) -> Self {
        Self { inputs, effective: Vec::new(), moved: Vec::new(), problems: Vec::new() }
    }

    /// Finds the value of a key and has it read.
    pub(crate) fn answer(
        &mut self,
        key: &'static Key,
        read: &mut Reader<'_>,
        layers: &Layers<'_>,
    ) -> Result<(), Recorded> {
        let (raw, origin) = self.find(key, layers)?;
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
        self.effective.push(Effective { app: layers.app, key, raw, origin });
        result.map_err(|message| {
            self.problems.push(Problem::new(message, place));
            Recorded
        })
    }

    fn find(&mut self, key: &'static Key, layers: &Layers<'_>) -> Result<(Raw, Origin), Recorded> {
        // Flags and variables speak of the one application; of several, the file speaks. Of images they speak for all of them.
        let of_all = layers.app.is_none() || key.table == "images";
        let outside = of_all || (key.flag.is_some() && layers.app == Some(0));
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
        let path = key.path();
        if let Some(own) = layers.app.and_then(|app| self.of_run(&path, app)) {
            return Ok(own);
        }
        let entry = layers.sections.iter().find_map(|section| section.get(&path));
        if let (Some(document), Some(entry)) = (&self.inputs.document, entry) {
            let place = document.place(&entry.span);
            let raw = self.interpolated(&entry.raw).map_err(|wrong| {
                let message = format!("`{path}` {wrong}");
                self.problems.push(Problem::new(message, place.clone()));
                Recorded
            })?;
            let raw = match (key.kind, raw) {
                (Kind::Path | Kind::AddressOrOff, Raw::Text(text)) => {
                    let (found, moved) = beside(&text, key.kind, document.folder());
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
        if let Some(raw) = layers.build.get(path.as_str()) {
            let origin = if self.inputs.folder { Origin::Default } else { Origin::Build };
            return Ok((raw.clone(), origin));
        }
        let raw = key.default.map_or(Raw::Absent, |text| from_text(key.kind, text));
        Ok((raw, Origin::Default))
    }

    /// What is known of an application because we run it.
    fn of_run(&self, path: &str, app: usize) -> Option<(Raw, Origin)> {
        match path {
            "apps.run" if app == 0 && !self.inputs.run.is_empty() => {
                let words = self.inputs.run.iter().cloned().map(Raw::Text).collect();
                Some((Raw::List(words), Origin::Command))
            }
            "apps.upstream" => {
                let started = self.inputs.started.get(app)?.clone()?;
                Some((Raw::Text(started), Origin::Default))
            }
            _ => None,
        }
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

    /// The applications of the file; one without anything where there are none.
    fn documented(&self) -> Vec<DocumentApp> {
        let apps = self.inputs.document.as_ref().map(|document| document.apps.clone());
        apps.filter(|apps| !apps.is_empty()).unwrap_or_else(|| vec![DocumentApp::default()])
    }

    /// What a build, or a folder, says about keys of ours.
    fn said(&self, app: usize) -> BTreeMap<&'static str, Raw> {
        match self.inputs.builds.get(app) {
            Some(Some(build)) => of_build(build),
            _ if self.inputs.folder => of_folder(),
            _ => BTreeMap::new(),
        }
    }

    /// `[images]`: of the one application, or what holds for several where their own tables say nothing.
    pub(crate) fn images(&mut self, root: &Section) -> Result<Images, Recorded> {
        let apps = self.documented();
        let build = if apps.len() > 1 { BTreeMap::new() } else { self.said(0) };
        let own: &[&Section] = match &apps[..] {
            [app] => &[&app.images, root],
            _ => &[root],
        };
        let layers = Layers { sections: own, app: None, build: &build };
        Images::read(|key, read| self.answer(key, read, &layers))
    }

    pub(crate) fn apps(&mut self, images: Result<Images, Recorded>, root: &Section) -> Vec<App> {
        let documented = self.documented();
        let several = documented.len() > 1;
        let outside: Vec<&Key> = keys()
            .iter()
            .filter(|key| key.table == "apps")
            .filter(|key| {
                key.flag.is_some_and(|flag| self.inputs.flags.contains_key(flag))
                    || (key.flag.is_some() && self.inputs.environment.contains_key(&key.variable()))
            })
            .collect();
        if several && let Some(key) = outside.first() {
            let message = format!(
                "`--{}` speaks of one application, and the file has {}",
                key.name(),
                documented.len()
            );
            self.problems.push(Problem::new(message, Place::Flag(key.name().to_owned())));
        }
        let (mut apps, mut of_one) = (Vec::new(), Some(images));
        for (index, app) in documented.iter().enumerate() {
            let before = self.effective.len();
            let (app_of, no_build) = (Some(index), BTreeMap::new());
            let own = Layers { sections: &[&app.section], app: app_of, build: &no_build };
            let keys = AppKeys::read(|key, read| self.answer(key, read, &own));
            let images = match of_one.take().filter(|_| !several) {
                Some(images) => images,
                None => {
                    let (sections, build) = (&[&app.images, root], &self.said(index));
                    let layers = Layers { sections, app: app_of, build };
                    Images::read(|key, read| self.answer(key, read, &layers))
                }
            };
            let forward = app.forward.iter().map(|section| {
                let own = Layers { sections: &[section], app: app_of, build: &no_build };
                Forward::read(|key, read| self.answer(key, read, &own))
            });
            let forward: Result<Vec<Forward>, Recorded> = forward.collect();
            let strict_sources = self.strict_sources(several.then_some(index), index);
            if let (Ok(keys), Ok(images), Ok(forward)) = (keys, images, forward) {
                apps.push(App { keys, forward, images, strict_sources });
            }
            if *app == DocumentApp::default() && outside.is_empty() {
                // Nothing was said of it.
                self.effective.truncate(before);
            }
        }
        apps
    }

    /// The build's patterns hold unless one is written here.
    fn strict_sources(&self, app: Option<usize>, build: usize) -> StrictSources {
        let patterns = ["images.local_patterns", "images.remote_patterns"];
        let replaced =
            self.effective.iter().filter(|effective| effective.app == app).any(|it| {
                patterns.contains(&it.key.path().as_str()) && it.origin != Origin::Default
            });
        match self.inputs.builds.get(build) {
            Some(Some(_)) if !replaced => StrictSources::OfBuild,
            _ => StrictSources::OfImages,
        }
    }
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
