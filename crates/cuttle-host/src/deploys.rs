//! The build in the folder of an application, followed while we serve: what it says is asked of the disk once a second, and
//! becomes the releases that may be running.
//!
//! When a build counts, and until when another may be running, is [`Following`]'s to say. Nothing here ends the server: what
//! cannot be read costs speed, as then the application is asked.

use std::mem::replace;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use cuttle_contract::Rules;
use cuttle_net::Restarts;
use cuttle_server::{App, Release, Releases};
use cuttle_source::{BuildFolder, Coverage, End, FolderError, Following, Look, Manifests, Sight};

use crate::configuration::ConfiguredApp;
use crate::error::HostError;
use crate::releases::Assembly;

/// Builds that may be running beside the last one. Whoever builds more without a restart has the application asked for
/// everything.
const MOST_EARLIER: usize = 8;

/// A build with what it means under our configuration.
#[derive(Debug)]
struct Candidate {
    configured: ConfiguredApp,
    rules: Arc<Rules>,
}

/// What of one application may be running.
#[derive(Debug)]
pub(crate) struct Deploys {
    assembly: Assembly,
    restarts: Restarts,
    /// Nothing where there is no build to be followed.
    following: Option<(BuildFolder, Following)>,
    newest: Candidate,
    earlier: Vec<Candidate>,
    /// There were more of these.
    forgotten: bool,
    /// The rules of files that are no build yet, or of none that can be read.
    unfinished: Option<Coverage>,
}

impl Deploys {
    /// From the build on that was read at start.
    pub(crate) fn new(
        assembly: Assembly,
        configured: ConfiguredApp,
        rules: Arc<Rules>,
        restarts: Restarts,
    ) -> Self {
        let built = configured.folder.clone().zip(configured.project.as_ref());
        let following = built.map(|(folder, project)| {
            (folder, Following::new(project.stamp.clone(), SystemTime::now()))
        });
        let newest = Candidate { configured, rules };
        let (earlier, forgotten, unfinished) = (Vec::new(), false, None);
        Self { assembly, restarts, following, newest, earlier, forgotten, unfinished }
    }

    /// Until when the application may have run another build than the one that is there, which nobody saw begin.
    pub(crate) fn doubtful_until(&self) -> SystemTime {
        self.following.as_ref().map_or(SystemTime::UNIX_EPOCH, |(_, following)| {
            following.doubtful_until().min(SystemTime::now())
        })
    }

    /// The name of the newest build; empty without one.
    pub(crate) fn name(&self) -> &str {
        self.newest.name()
    }

    /// What is configured for it, with the newest build.
    pub(crate) fn configured(&self) -> &ConfiguredApp {
        &self.newest.configured
    }

    /// What may be running, as it is known now.
    ///
    /// # Errors
    /// `public/` is there and cannot be read.
    pub(crate) fn releases(&mut self) -> Result<Releases, FolderError> {
        let known = self.earlier.iter().chain([&self.newest]).filter_map(Candidate::coverage);
        let known = known.chain(&self.unfinished).cloned().chain(self.forgotten.then(everything));
        let coverage = known.reduce(|one, next| one.or(&next)).unwrap_or_else(Coverage::nothing);
        self.with_files(Some(&coverage))
    }

    /// The same where nobody waits to be told what is wrong.
    fn replace_in(&mut self, app: &App) {
        let releases = self.releases().or_else(|error| {
            // SECURITY: not by the rules that held before.
            tracing::error!(%error, "the files of public/ cannot be read: every local image is loaded through the app");
            self.with_files(None)
        });
        match releases {
            Ok(releases) => app.replace(releases),
            Err(error) => {
                tracing::error!(%error, "the new build cannot be used, so the one before it stays");
            }
        }
    }

    fn with_files(&mut self, coverage: Option<&Coverage>) -> Result<Releases, FolderError> {
        // What is being written may be half a file.
        let whole = self.unfinished.is_none();
        let Self { assembly, newest, earlier, .. } = self;
        let settled = self.following.as_ref().is_none_or(|(_, it)| !it.is_unsettled());
        let mut release = |candidate: &Candidate| {
            let Candidate { configured, rules } = candidate;
            assembly.release(configured, rules, coverage, [settled, whole])
        };
        let newest: Release = release(newest)?;
        let earlier = earlier.iter().rev().map(release).collect::<Result<_, _>>()?;
        Ok(Releases::new(newest, earlier, settled))
    }

    /// Has `app` know the releases that may be running now. Blocks.
    pub(crate) fn look(&mut self, app: &App) {
        let Some(look) = self.seen() else { return };
        while self.see(&look) {
            self.replace_in(app);
        }
    }

    fn seen(&self) -> Option<Look> {
        let (folder, _) = self.following.as_ref()?;
        let (now, clock) = (Instant::now(), SystemTime::now());
        Some(Look { stamp: folder.stamp(), now, clock, restarted: self.restarts.last() })
    }

    /// The build that is there now is the one that the application runs: the operator says so. Its name. Blocks.
    pub(crate) fn reload(&mut self, app: &App) -> Result<String, String> {
        if let (Some(look), Some((folder, following))) = (self.seen(), &mut self.following) {
            let built = folder.path().display();
            if let Some(file) = following.lacks(&look.stamp) {
                return Err(format!(
                    "{built} holds no whole build: {file} is missing. Nothing was changed. Run `next build` to its end, then reload again."
                ));
            }
            let next = self.newest.next(folder).map_err(|error| error.to_string())?;
            if next.stamp() != Some(&look.stamp) {
                return Err(format!(
                    "{built} is being written. Reload again when the build is done."
                ));
            }
            following.follow(&look);
            following.settle();
            self.newest = next;
            self.earlier.clear();
            self.forgotten = false;
            self.unfinished = None;
        }
        self.replace_in(app);
        let release = self.newest.name();
        let app = app.id();
        tracing::info!(app, release, "reloaded: every image of the app is checked again");
        Ok(release.to_owned())
    }

    /// Whether there is anything new.
    fn see(&mut self, look: &Look) -> bool {
        let Some((folder, following)) = &mut self.following else { return false };
        match following.look(look) {
            Sight::Same => return false,
            Sight::Writing { begun } => {
                // SECURITY: it may be running before it counts.
                self.unfinished = Some(folder.coverage());
                if begun {
                    tracing::info!(
                        build = %folder.path().display(),
                        "the build is being written: images that a rule of the old or the new build covers are loaded through the app"
                    );
                }
            }
            Sight::Restored => {
                self.unfinished = None;
                tracing::info!("the build on disk is the one from before again");
            }
            Sight::Finished => return self.finish(look),
            Sight::Settled(end) => {
                self.earlier.clear();
                self.forgotten = false;
                let how = match end {
                    End::Restarted => "it restarted",
                    End::WaitedLongEnough => "no restart was seen for ten minutes",
                };
                let release = self.newest.name();
                tracing::info!(release, how, "the app runs the new build");
            }
        }
        true
    }

    fn finish(&mut self, look: &Look) -> bool {
        let Some((folder, following)) = &mut self.following else { return false };
        match self.newest.next(folder) {
            // Written to meanwhile: it is looked at again.
            Ok(next) if next.stamp() != Some(&look.stamp) => return false,
            Ok(next) => {
                following.follow(look);
                let release = next.name().to_owned();
                next.warn();
                self.earlier.push(replace(&mut self.newest, next));
                self.unfinished = None;
                if self.earlier.len() > MOST_EARLIER {
                    self.earlier.remove(0);
                    self.forgotten = true;
                }
                tracing::info!(
                    release,
                    "there is a new build: until the app restarts, what either build allows is allowed, and images that a rule of either covers are loaded through the app"
                );
            }
            Err(error) => {
                following.refuse(look);
                self.unfinished = Some(everything());
                tracing::error!(
                    %error,
                    "there is a new build that cannot be read: every local image is loaded through the app. Run `next build` again"
                );
            }
        }
        true
    }
}

impl Candidate {
    /// The build that is there now, under the same configuration.
    fn next(&self, folder: &BuildFolder) -> Result<Self, HostError> {
        let configured = self.configured.with_build(folder.read()?)?;
        let rules = Arc::new(configured.rules()?);
        Ok(Self { configured, rules })
    }

    fn coverage(&self) -> Option<&Coverage> {
        self.configured.project.as_ref().map(|project| &project.coverage)
    }

    fn stamp(&self) -> Option<&cuttle_source::Stamp> {
        self.configured.project.as_ref().map(|project| &project.stamp)
    }

    fn name(&self) -> &str {
        self.configured.project.as_ref().map_or("", |project| project.name())
    }

    fn warn(&self) {
        self.configured.warn();
        for warning in self.rules.warnings() {
            tracing::warn!(%warning, "images");
        }
    }
}

/// What is known of a build that nobody can read.
fn everything() -> Coverage {
    Coverage::of_build(Manifests::default())
}
