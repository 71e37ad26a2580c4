//! A built Next application on disk: which files are read of it, and where they are in a plain build and in a standalone one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cuttle_contract::{NextBuild, NextBuildError, NextBuildWarning};
use cuttle_source::{Coverage, FolderError, Manifests, Mount, open_folder};

const MANIFEST: &str = "required-server-files.json";

/// What there is to know about a build.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its image configuration.
    pub(crate) build: NextBuild,
    /// What of it is not done, or should be thought about.
    pub(crate) warnings: Vec<NextBuildWarning>,
    /// Its rules about paths.
    pub(crate) coverage: Coverage,
    /// Names of this release.
    pub(crate) releases: Vec<String>,
    public: PathBuf,
}

/// A folder that is no built application. The operator's fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("there is no folder at {}", .0.display())]
    Missing(PathBuf),
    #[error(
        "{} has no build: .next/required-server-files.json is missing; run `next build`, or name the folder that holds .next",
        .0.display()
    )]
    NotBuilt(PathBuf),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    #[error("{}: {}", .0.display(), .1)]
    NotUnderstood(PathBuf, NextBuildError),
}

impl Project {
    /// Reads the build of the application in `folder`.
    ///
    /// # Errors
    /// [`ProjectError`]. Rules that cannot be read are none: then the application is asked for every file.
    pub(crate) fn read(folder: &Path) -> Result<Self, ProjectError> {
        if !folder.is_dir() {
            return Err(ProjectError::Missing(folder.to_owned()));
        }
        let built = built(folder).ok_or_else(|| ProjectError::NotBuilt(folder.to_owned()))?;
        let manifest = built.join(MANIFEST);
        let text = fs::read_to_string(&manifest)
            .map_err(|error| ProjectError::Unreadable(manifest.clone(), error))?;
        let (build, warnings) =
            NextBuild::read(&text).map_err(|error| ProjectError::NotUnderstood(manifest, error))?;
        let part = |name: &str| fs::read_to_string(built.join(name)).ok();
        let (routes, middleware, functions) = (
            part("routes-manifest.json"),
            part("server/middleware-manifest.json"),
            part("server/functions-config-manifest.json"),
        );
        let coverage = Coverage::of_build(Manifests {
            routes: routes.as_deref(),
            middleware: middleware.as_deref(),
            functions: functions.as_deref(),
        });
        let id = part("BUILD_ID").map(|id| id.trim().to_owned());
        let releases = build.deployment_id.clone().into_iter().chain(id).collect();
        let root = if built == folder { folder.parent().unwrap_or(folder) } else { folder };
        Ok(Self { build, warnings, coverage, releases, public: root.join("public") })
    }

    /// `public/` at the base path; none where the application has no such folder.
    ///
    /// # Errors
    /// A folder that is there and cannot be read.
    pub(crate) fn mounts(&self) -> Result<Vec<Mount>, FolderError> {
        if !self.public.is_dir() {
            return Ok(Vec::new());
        }
        let folder = open_folder(&self.public)?;
        Ok(vec![Mount::new(&self.build.base_path, folder, self.coverage.clone())])
    }
}

/// The folder of the build: `.next`, the named folder itself, or, where `distDir` is another, the one beside the sources
/// that holds a manifest.
fn built(folder: &Path) -> Option<PathBuf> {
    let has_manifest = |path: &PathBuf| path.join(MANIFEST).is_file();
    let usual = [folder.join(".next"), folder.to_owned()].into_iter().find(has_manifest);
    usual.or_else(|| {
        let mut others: Vec<PathBuf> =
            fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
        others.sort();
        others.into_iter().find(has_manifest)
    })
}
