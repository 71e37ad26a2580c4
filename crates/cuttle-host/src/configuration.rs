//! From flags, variables, `cuttle.toml` and Next builds to what they mean together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cuttle_config::{App, Config, Document, Inputs, Problem};
use cuttle_contract::{NextBuild, Rules};
use cuttle_net::Roots;
use cuttle_source::{BuildFolder, Project};
use cuttle_supervise::user_for;
use rustix::process::geteuid;

use crate::application;
use crate::development::Development;
use crate::error::HostError;
use crate::roots::roots;

/// Read where it lies unless another is named.
const FILE: &str = "cuttle.toml";

/// Where a configuration comes from, beside variables.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The file, where one is named; else it is `cuttle.toml` in the current folder, if that is there.
    pub config: Option<PathBuf>,
    /// Flags that were given, by name, as text.
    pub flags: BTreeMap<&'static str, String>,
    /// The command of the application, where it was typed.
    pub run: Vec<String>,
    /// It is being written in this folder, and `next dev` is the command.
    pub development: Option<PathBuf>,
}

/// What everything together means.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Every setting.
    pub config: Arc<Config>,
    /// One at least.
    pub apps: Vec<ConfiguredApp>,
    /// What works, but may not be meant, whichever application it is about.
    pub warnings: Vec<String>,
}

/// One application of it.
#[derive(Debug, Clone)]
pub struct ConfiguredApp {
    pub(crate) config: Arc<Config>,
    /// Its place among the applications.
    index: usize,
    /// Where it is built, and what the build says that was read there.
    pub(crate) folder: Option<BuildFolder>,
    pub(crate) project: Option<Project>,
    /// Whose certificates are trusted; the same for all of them.
    pub(crate) roots: Roots,
    /// What `next dev` says, where that is what runs.
    pub(crate) development: Option<Development>,
    inputs: Arc<Inputs>,
    /// What works, but may not be meant.
    pub(crate) warnings: Vec<String>,
}

/// Reads all layers.
///
/// # Errors
/// Everything that is wrong with the configuration at once, or the file that cannot be read.
pub fn configure(layers: &Layers) -> Result<Configured, HostError> {
    let mut inputs = inputs(layers)?;
    // Once to learn which applications there are, once with what their builds say.
    let mut config = Config::resolve(&inputs).map_err(HostError::Configuration)?;
    let found = config.apps.iter().map(|app| {
        let folder = app.keys.next.as_deref().map(BuildFolder::find).transpose()?;
        let project = folder.as_ref().map(BuildFolder::read).transpose()?;
        Ok((folder, project))
    });
    let found: Vec<(Option<BuildFolder>, Option<Project>)> =
        found.collect::<Result<_, HostError>>()?;
    let build = |(_, project): &(_, Option<Project>)| Some(project.as_ref()?.build.clone());
    inputs.builds = found.iter().map(build).collect();
    let development = layers.development.as_deref().map(developed).transpose()?;
    if let (Some(development), Some(first)) = (&development, inputs.builds.first_mut()) {
        *first = development.build.clone().ok();
    }
    inputs.folder = serves_a_folder(&config);
    if inputs.folder || inputs.builds.iter().any(Option::is_some) {
        config = Config::resolve(&inputs).map_err(HostError::Configuration)?;
    }
    let (roots, of_roots) = roots(&config)?;
    let (config, inputs) = (Arc::new(config), Arc::new(inputs));
    let apps = found.into_iter().enumerate().map(|(index, (folder, project))| {
        let warnings = warnings(&config, &config.apps[index], project.as_ref());
        let (config, inputs) = (Arc::clone(&config), Arc::clone(&inputs));
        let (development, roots) = (development.clone(), roots.clone());
        ConfiguredApp { config, index, folder, project, roots, development, inputs, warnings }
    });
    let apps: Vec<_> = apps.collect();
    let of_config = config.warnings.iter().map(|warning: &Problem| warning.to_string());
    let both = config.moved.iter().filter(|moved| moved.paths.iter().all(|path| path.exists()));
    let both = both.filter(|moved| {
        let real = moved.paths.each_ref().map(|path| path.canonicalize().ok());
        real[0] != real[1]
    });
    let both = both.map(|moved| moved.warning().to_string());
    let idle = config.set_in_vain().map(|path| format!("`{path}` has no effect in this version"));
    let of_apps = apps.iter().flat_map(|app| &app.warnings).cloned();
    let developed = development.iter().filter_map(Development::warning);
    let warnings = of_config.chain(of_roots).chain(developed).chain(both);
    let warnings = warnings.chain(of_apps).chain(idle).collect();
    Ok(Configured { config, apps, warnings })
}

fn developed(folder: &Path) -> Result<Development, HostError> {
    Ok(Development::read(folder, user_for(folder, geteuid().is_root())?))
}

/// What is configured, whether or not it could be served from here: for commands that talk to a server.
///
/// # Errors
/// As [`configure`], but for what a server alone would read.
pub fn read_only(layers: &Layers) -> Result<Config, HostError> {
    Config::resolve(&inputs(layers)?).map_err(HostError::Configuration)
}

fn inputs(layers: &Layers) -> Result<Inputs, HostError> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let document = match &layers.config {
        Some(path) => Some(read(path)?),
        None if Path::new(FILE).is_file() => Some(read(Path::new(FILE))?),
        None => None,
    };
    let (flags, run) = (layers.flags.clone(), layers.run.clone());
    Ok(Inputs { flags, environment, document, run, ..Inputs::default() })
}

impl Configured {
    /// Says what works, but may not be meant.
    pub(crate) fn warn(&self) {
        self.warnings.iter().for_each(|warning| tracing::warn!(%warning, "configuration"));
    }

    /// The same, with the addresses of the applications that we run, in their order.
    ///
    /// # Errors
    /// As [`configure`].
    pub(crate) fn with_started(self, started: &[Option<String>]) -> Result<Self, HostError> {
        let Self { config, apps, warnings } = self;
        let apps = apps.into_iter().map(|app| app.with_started(started));
        let apps = apps.collect::<Result<Vec<_>, _>>()?;
        let config = apps.first().map_or(config, |app| Arc::clone(&app.config));
        Ok(Self { config, apps, warnings })
    }

    /// Bytes of the largest original that any build allows at its own endpoint, or that is configured.
    pub(crate) fn largest_original(&self) -> u64 {
        let of_build =
            |app: &ConfiguredApp| app.project.as_ref().and_then(|it| it.build.max_response_body);
        let of_builds = self.apps.iter().filter_map(of_build).max();
        self.config.limits.source.0.max(of_builds.unwrap_or_default())
    }
}

impl ConfiguredApp {
    /// What is written of it.
    pub(crate) fn app(&self) -> &App {
        &self.config.apps[self.index]
    }

    /// The folder of the file that it is written in, or where we run.
    pub(crate) fn place(&self) -> &Path {
        let written = self.inputs.document.as_ref().filter(|_| self.inputs.run.is_empty());
        let folder = written.map(Document::folder).filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// Whether both follow from the same file; flags and variables of a process stay as they are.
    pub(crate) fn is_written_as(&self, other: &Self) -> bool {
        self.development.is_none() && self.inputs.document == other.inputs.document
    }

    fn with_started(self, started: &[Option<String>]) -> Result<Self, HostError> {
        let mut inputs = Inputs::clone(&self.inputs);
        inputs.started = started.to_owned();
        let config = Arc::new(Config::resolve(&inputs).map_err(HostError::Configuration)?);
        Ok(Self { config, inputs: Arc::new(inputs), ..self })
    }

    /// What the same flags, variables and file mean with another build of it.
    ///
    /// # Errors
    /// As [`configure`].
    pub(crate) fn with_build(&self, project: Project) -> Result<Self, HostError> {
        let mut inputs = Inputs::clone(&self.inputs);
        inputs.builds[self.index] = Some(project.build.clone());
        let config = Arc::new(Config::resolve(&inputs).map_err(HostError::Configuration)?);
        let warnings = warnings(&config, &config.apps[self.index], Some(&project));
        let (project, inputs) = (Some(project), Arc::new(inputs));
        Ok(Self { config, project, inputs, warnings, ..self.clone() })
    }

    /// Says what works, but may not be meant.
    pub(crate) fn warn(&self) {
        self.warnings.iter().for_each(|warning| tracing::warn!(%warning, "configuration"));
    }

    /// What Next allows of images here, as it was built or is being written.
    pub(crate) fn build(&self) -> Option<&NextBuild> {
        let developed = || self.development.as_ref()?.build.as_ref().ok();
        self.project.as_ref().map(|project| &project.build).or_else(developed)
    }

    /// What both of its endpoints allow.
    ///
    /// # Errors
    /// An entry of `[images]` that could never work.
    pub fn rules(&self) -> Result<Rules, HostError> {
        let app = self.app();
        let mut images = self.config.contract_images(app);
        if self.development.is_some() {
            (images.min_ttl, images.stale_while_revalidate) = (Duration::ZERO, Duration::ZERO);
            images.stale_if_error = Duration::ZERO;
        }
        Ok(match self.build() {
            Some(build) => Rules::compile_build(build, &images, app.strict_sources)?,
            None => Rules::compile(&images)?,
        })
    }
}

/// Without an application of any kind, pictures are those of a folder.
pub(crate) fn serves_a_folder(config: &Config) -> bool {
    let app = |app: &App| {
        app.keys.upstream.is_some() || app.keys.next.is_some() || !app.keys.run.is_empty()
    };
    !config.optimizer.only && config.optimizer.fallback.is_none() && !config.apps.iter().any(app)
}

fn read(path: &Path) -> Result<Document, HostError> {
    let text = fs::read_to_string(path)
        .map_err(|error| HostError::Config { path: path.to_owned(), error })?;
    Document::parse(&path.display().to_string(), &text).map_err(HostError::Configuration)
}

fn warnings(config: &Config, app: &App, project: Option<&Project>) -> Vec<String> {
    let of_build = project.iter().flat_map(|project| &project.warnings).map(ToString::to_string);
    let unclear = project
        .and_then(|project| project.coverage.unclear())
        .map(|why| format!("every image in public/ is loaded through the app, as Cuttle cannot tell which ones its rules cover: {why}"));
    let left_out = project.iter().flat_map(|project| &project.headers.left_out);
    let left_out = left_out
        .map(|header| format!("headers() of the app: {header} is not sent with optimized images"));
    let is_alone = application::original_server(config, app).is_none() && app.keys.run.is_empty();
    let alone = project.filter(|_| is_alone);
    let alone = alone.map(|_| {
        "there is a Next build and no app to ask: only images in its public/ are found, and pages are not. Say where the app listens: --upstream http://127.0.0.1:3000".to_owned()
    });
    let elsewhere = project.filter(|project| !app.keys.prefix.covers(&project.build.base_path));
    let elsewhere = elsewhere.map(|project| {
        let (prefix, base_path) = (app.keys.prefix.as_str(), &project.build.base_path);
        format!("its Next build has the basePath {base_path:?} and `apps.prefix` is {prefix:?}: no visitor reaches its images")
    });
    let all = of_build.chain(alone).chain(elsewhere).chain(unclear).chain(left_out);
    let id = &app.keys.id;
    let named = |warning| if config.apps.len() > 1 { format!("{id}: {warning}") } else { warning };
    all.map(named).collect()
}
