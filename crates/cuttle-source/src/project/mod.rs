//! A built Next application on disk: which files are read of it, and where they are in a plain build and in a standalone one.
//!
//! What they mean is the contract's and [`Coverage`]'s; when those of a new build count is [`Following`]'s.

mod asked;
mod following;
mod stamp;
mod version;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cuttle_contract::{NextBuild, NextBuildError, NextBuildWarning};

use crate::static_files::Manner;
use crate::{
    Coverage, EndpointHeaders, Folder, FolderError, Manifests, Mount, StaticFiles, open_folder,
};
use stamp::{BUILD_ID, FUNCTIONS, MIDDLEWARE, ROUTES, SERVER_FILES};

pub use asked::AskedOfApp;
pub use following::{End, Following, Look, Sight};
pub use stamp::Stamp;

/// Where a build is. It is looked for once: a build that is written elsewhere (`distDir`) is another application's.
#[derive(Debug, Clone)]
pub struct BuildFolder {
    built: PathBuf,
    public: PathBuf,
}

/// What there is to know about a build.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its image configuration.
    pub build: NextBuild,
    /// What of it is not done, or should be thought about.
    pub warnings: Vec<NextBuildWarning>,
    /// Its rules about paths.
    pub coverage: Coverage,
    /// What its `headers()` say of its image endpoint.
    pub headers: EndpointHeaders,
    /// Names of this release.
    pub releases: Vec<String>,
    /// Of Next, where it can be seen.
    pub version: Option<String>,
    /// The files that this was read from.
    pub stamp: Stamp,
    public: PathBuf,
    /// `.next/static`, held open: what another build puts in its place is another folder.
    files: Option<Arc<Folder>>,
}

/// A folder that is no built application. The operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is nothing.
    #[error("there is no folder at {}; name that of the app, in which `next build` runs: --next .", .0.display())]
    Missing(PathBuf),
    /// There is no build in it.
    #[error(
        "{} has no build: .next/required-server-files.json is missing; run `next build`, or name the folder that holds .next",
        .0.display()
    )]
    NotBuilt(PathBuf),
    /// The system says no.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It is of another Next.
    #[error("{}: {}", .0.display(), .1)]
    NotUnderstood(PathBuf, NextBuildError),
    /// It is of an older Next.
    #[error(
        "{} is a build of Next {}, and Cuttle reads those of Next 14 to 16: update Next, or leave --next out and list widths, formats and patterns under [images] in cuttle.toml",
        .0.display(), .1
    )]
    TooOld(PathBuf, String),
}

impl BuildFolder {
    /// The build of the application in `folder`: `.next`, the named folder itself, or, where `distDir` is another, the one
    /// beside the sources that holds a manifest.
    ///
    /// # Errors
    /// There is none.
    pub fn find(folder: &Path) -> Result<Self, ProjectError> {
        if !folder.is_dir() {
            return Err(ProjectError::Missing(folder.to_owned()));
        }
        let has_manifest = |path: &PathBuf| path.join(SERVER_FILES).is_file();
        let usual = [folder.join(".next"), folder.to_owned()].into_iter().find(has_manifest);
        let built = usual.or_else(|| {
            let mut others: Vec<PathBuf> =
                fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
            others.sort();
            others.into_iter().find(has_manifest)
        });
        let built = built.ok_or_else(|| ProjectError::NotBuilt(folder.to_owned()))?;
        let root = if built == folder { folder.parent().unwrap_or(folder) } else { folder };
        let public = root.join("public");
        Ok(Self { built, public })
    }

    /// Reads the build that is there now. Blocks.
    ///
    /// # Errors
    /// [`ProjectError`]. Rules that cannot be read are none: then the application is asked for every file.
    pub fn read(&self) -> Result<Project, ProjectError> {
        let stamp = self.stamp();
        let manifest = self.built.join(SERVER_FILES);
        let text = fs::read_to_string(&manifest)
            .map_err(|error| ProjectError::Unreadable(manifest.clone(), error))?;
        let version = version::of_build(&self.built);
        if let Some(version) = version.as_ref().filter(|version| version::is_too_old(version)) {
            return Err(ProjectError::TooOld(self.built.clone(), version.clone()));
        }
        let (build, warnings) =
            NextBuild::read(&text).map_err(|error| ProjectError::NotUnderstood(manifest, error))?;
        let id = self.part(BUILD_ID).map(|id| id.trim().to_owned());
        let releases = build.deployment_id.clone().into_iter().chain(id).collect();
        let endpoint = format!("{}/_next/image", build.base_path);
        let headers = EndpointHeaders::of_build(self.part(ROUTES).as_deref(), &endpoint);
        let (coverage, public) = (self.coverage(), self.public.clone());
        let files = open_folder(&self.built.join("static")).ok();
        Ok(Project { build, warnings, coverage, headers, releases, version, stamp, public, files })
    }

    /// The rules that are there now, of whatever build, whole or not. Blocks.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let (routes, middleware, functions) =
            (self.part(ROUTES), self.part(MIDDLEWARE), self.part(FUNCTIONS));
        Coverage::of_build(Manifests {
            routes: routes.as_deref(),
            middleware: middleware.as_deref(),
            functions: functions.as_deref(),
        })
    }

    /// Tells this build from the next. Blocks.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::of(&self.built)
    }

    /// Where it is, for people.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.built
    }

    fn part(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.built.join(name)).ok()
    }
}

impl Project {
    /// `public/` at the base path, but for what `coverage` covers; nothing where the application has no such folder.
    ///
    /// # Errors
    /// A folder that is there and cannot be read.
    pub fn mount(&self, coverage: Coverage) -> Result<Option<Mount>, FolderError> {
        if !self.public.is_dir() {
            return Ok(None);
        }
        let folder = open_folder(&self.public)?;
        Ok(Some(Mount::new(&self.build.base_path, folder, coverage)))
    }

    /// Its files, but for what `coverage` says something about.
    #[must_use]
    pub fn static_files(&self, coverage: Coverage) -> StaticFiles {
        let public = self.public.is_dir().then(|| open_folder(&self.public).ok()).flatten();
        let NextBuild { base_path, etags, compress, .. } = &self.build;
        let manner = Manner { etags: *etags, compress: *compress };
        StaticFiles::new(base_path, [self.files.clone(), public], coverage, manner)
    }

    /// Which images of `public/` the application is asked for although they lie here, and why. Blocks.
    #[must_use]
    pub fn asked_of_app(&self) -> AskedOfApp {
        let folder = self.public.is_dir().then(|| open_folder(&self.public).ok()).flatten();
        folder.map_or_else(AskedOfApp::default, |folder| {
            AskedOfApp::of(&folder, &self.build.base_path, &self.coverage)
        })
    }

    /// What it is called in a log.
    #[must_use]
    pub fn name(&self) -> &str {
        self.releases.last().map_or("", String::as_str)
    }
}
