//! From flags, variables, `cuttle.toml` and a Next build to what they mean together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cuttle_config::{App, Config, Document, Inputs, Problem};
use cuttle_contract::Rules;
use cuttle_source::{BuildFolder, Project};

use crate::application;
use crate::args::Layers;
use crate::failure::Failure;

/// Read where it lies unless another is named.
const FILE: &str = "cuttle.toml";

/// What everything together means.
#[derive(Debug, Clone)]
pub(crate) struct Configured {
    pub(crate) config: Config,
    /// Where the application is built, and what the build says that was read there.
    pub(crate) folder: Option<BuildFolder>,
    pub(crate) project: Option<Project>,
    inputs: Inputs,
    /// What works, but may not be meant.
    pub(crate) warnings: Vec<String>,
}

/// Reads all layers.
///
/// # Errors
/// Everything that is wrong with the configuration at once, or the file that cannot be read.
pub(crate) fn configure(layers: &Layers) -> Result<Configured, Failure> {
    let mut inputs = inputs(layers)?;
    // Once to learn whether there is an application, once with what its build says.
    let mut config = Config::resolve(&inputs).map_err(Failure::Configuration)?;
    if config.apps.len() > 1 {
        return Err(Failure::SeveralApps(config.apps.len()));
    }
    let next = config.apps.first().and_then(|app| app.keys.next.clone());
    let folder = next.as_deref().map(BuildFolder::find).transpose()?;
    let project = folder.as_ref().map(BuildFolder::read).transpose()?;
    inputs.build = project.as_ref().map(|project| project.build.clone());
    inputs.folder = serves_a_folder(&config);
    if inputs.build.is_some() || inputs.folder {
        config = Config::resolve(&inputs).map_err(Failure::Configuration)?;
    }
    let warnings = warnings(&config, project.as_ref());
    Ok(Configured { config, folder, project, inputs, warnings })
}

/// What is configured, whether or not it could be served from here: for commands that talk to a server.
///
/// # Errors
/// As [`configure`], but for what a server alone would read.
pub(crate) fn read_only(layers: &Layers) -> Result<Config, Failure> {
    Config::resolve(&inputs(layers)?).map_err(Failure::Configuration)
}

fn inputs(layers: &Layers) -> Result<Inputs, Failure> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let document = match &layers.config {
        Some(path) => Some(read(path)?),
        None if Path::new(FILE).is_file() => Some(read(Path::new(FILE))?),
        None => None,
    };
    let flags = layers.flags.0.clone();
    Ok(Inputs { flags, environment, document, build: None, folder: false })
}

impl Configured {
    /// What the same flags, variables and file mean with another build of the application.
    ///
    /// # Errors
    /// As [`configure`].
    pub(crate) fn with_build(&self, project: Project) -> Result<Self, Failure> {
        let inputs = Inputs { build: Some(project.build.clone()), ..self.inputs.clone() };
        let config = Config::resolve(&inputs).map_err(Failure::Configuration)?;
        let warnings = warnings(&config, Some(&project));
        let (folder, project) = (self.folder.clone(), Some(project));
        Ok(Self { config, folder, project, inputs, warnings })
    }

    /// Says what works, but may not be meant.
    pub(crate) fn warn(&self) {
        for warning in &self.warnings {
            tracing::warn!(%warning, "configuration");
        }
    }

    /// What both endpoints allow.
    ///
    /// # Errors
    /// An entry of `[images]` that could never work.
    pub(crate) fn rules(&self) -> Result<Rules, Failure> {
        let images = self.config.contract_images();
        Ok(match &self.project {
            Some(project) => {
                Rules::compile_build(&project.build, &images, self.config.strict_sources)?
            }
            None => Rules::compile(&images)?,
        })
    }
}

/// Without an application of any kind, pictures are those of a folder.
pub(crate) fn serves_a_folder(config: &Config) -> bool {
    let app = |app: &App| app.keys.upstream.is_some() || app.keys.next.is_some();
    !config.optimizer.only && config.optimizer.fallback.is_none() && !config.apps.iter().any(app)
}

fn read(path: &Path) -> Result<Document, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Config { path: path.to_owned(), error })?;
    Document::parse(&path.display().to_string(), &text).map_err(Failure::Configuration)
}

fn warnings(config: &Config, project: Option<&Project>) -> Vec<String> {
    let of_config = config.warnings.iter().map(|warning: &Problem| warning.to_string());
    let of_build = project.iter().flat_map(|project| &project.warnings).map(ToString::to_string);
    let unclear = project
        .and_then(|project| project.coverage.unclear())
        .map(|why| format!("every file of public/ is asked of the application: {why}"));
    let left_out = project.iter().flat_map(|project| &project.headers.left_out);
    let left_out = left_out
        .map(|header| format!("headers() of the app: {header} is not sent with optimized images"));
    let alone = project.filter(|_| application::original_server(config).is_none());
    let alone = alone.map(|_| {
        "there is a Next build and no app to ask: only images in its public/ are found, and pages are not. Say where the app listens: --upstream http://127.0.0.1:3000".to_owned()
    });
    let both = config.moved.iter().filter(|moved| moved.paths.iter().all(|path| path.exists()));
    let both = both.filter(|moved| {
        let real = moved.paths.each_ref().map(|path| path.canonicalize().ok());
        real[0] != real[1]
    });
    let both = both.map(|moved| moved.warning().to_string());
    let idle = config.set_in_vain().map(|path| format!("`{path}` has no effect in this version"));
    of_config
        .chain(both)
        .chain(of_build)
        .chain(alone)
        .chain(unclear)
        .chain(left_out)
        .chain(idle)
        .collect()
}
