//! The applications of a server that runs: made from the configuration at start, looked at once a second, and made again when
//! the configuration is read anew. The table that requests are answered by is replaced as a whole.

use std::sync::Arc;
use std::time::Duration;

use cuttle_config::Config;
use cuttle_gateway::{Proxy, ProxySettings};
use cuttle_net::Restarts;
use cuttle_pipeline::Machine;
use cuttle_server::{App, AppParts, Fallthrough, Reach, ReloadAsked, Server};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::configuration::{Configured, ConfiguredApp, Layers, configure, serves_a_folder};
use crate::deploys::Deploys;
use crate::error::HostError;
use crate::folder::ServedFolder;
use crate::origins::{self, Servers};
use crate::programs::{self, Programs, RunningPrograms};
use crate::releases::Assembly;
use crate::{application, identity};

/// Between looks at the disk.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// All of them, and what they are made with.
#[derive(Debug)]
pub(crate) struct Apps {
    pub(crate) server: Arc<Server>,
    pub(crate) machine: Machine,
    pub(crate) folder: Option<ServedFolder>,
    /// Bytes of the largest original that memory was divided for.
    pub(crate) largest: u64,
    /// Where the configuration is read again.
    pub(crate) layers: Layers,
    pub(crate) programs: Programs,
    pub(crate) config: Arc<Config>,
    pub(crate) running: Vec<Running>,
}

/// One that is asked, with what follows its build.
#[derive(Debug)]
pub(crate) struct Running {
    app: Arc<App>,
    deploys: Deploys,
}

impl Apps {
    /// Makes these and has the server ask them.
    ///
    /// # Errors
    /// A URL, a header or a pattern that cannot be one; a build that cannot be read.
    pub(crate) fn install(&mut self, apps: Vec<ConfiguredApp>) -> Result<(), HostError> {
        let made = apps.into_iter().map(|app| self.make(app)).collect::<Result<Vec<_>, _>>()?;
        self.running = made;
        self.server.install(self.running.iter().map(|it| Arc::clone(&it.app)).collect());
        Ok(())
    }

    fn make(&self, configured: ConfiguredApp) -> Result<Running, HostError> {
        let (config, app) = (Arc::clone(&configured.config), configured.app().clone());
        let rules = Arc::new(configured.rules()?);
        for warning in rules.warnings() {
            tracing::warn!(%warning, "images");
        }
        let restarts = Restarts::default();
        let loop_id = identity::loop_id(&config, &app);
        let developed = configured.development.as_ref().map(|it| &*it.folder);
        let place = self.folder.as_ref().map(|it| &*it.place).or(developed);
        let identity = application::identity(&config, &app, place);
        let parts = AppParts {
            id: Arc::clone(&identity.id),
            route: app.route(),
            prefix: config.prefix_of(&app),
            fallthrough: self.fallthrough(&configured, restarts.clone())?,
            forwarding: origins::forwarding(&app)?,
            reach: application::behind(&config, &app).as_ref().and_then(Reach::of),
            loop_id: loop_id.clone(),
            development: configured.development.is_some(),
        };
        let assembly = Assembly {
            machine: self.machine.clone(),
            application: identity,
            servers: Servers::new(&configured, loop_id, restarts.clone())?,
            folder: self.folder.as_ref().map(|it| Arc::clone(&it.folder)),
            largest: self.largest,
            static_files: configured.app().sends_files() && configured.development.is_none(),
        };
        self.programs.tell_restarts(&configured.app().keys.id, restarts.clone());
        let mut deploys = Deploys::new(assembly, configured, rules, restarts);
        let app = self.server.app(parts, deploys.releases()?, deploys.doubtful_until());
        Ok(Running { app, deploys })
    }

    /// Who answers for what is no picture.
    fn fallthrough(
        &self,
        configured: &ConfiguredApp,
        restarts: Restarts,
    ) -> Result<Fallthrough, HostError> {
        let (config, app) = (&configured.config, configured.app());
        match (&self.folder, &app.keys.upstream) {
            (Some(served), _) => Ok(Fallthrough::Folder(Arc::clone(&served.folder))),
            (None, Some(url)) if !config.optimizer.only => {
                let settings = ProxySettings {
                    head_within: config.limits.app_answer.duration(),
                    connect_within: config.limits.connect.duration(),
                    upload_silence: config.limits.upload_silence.duration(),
                    restarts,
                    roots: configured.roots.clone(),
                    hold: self.programs.hold(app),
                };
                let proxy = Proxy::new(&url.0, settings)
                    .map_err(|error| HostError::Argument(format!("{} {error}", url.0)))?;
                Ok(Fallthrough::Proxy(proxy))
            }
            (None, _) => Ok(Fallthrough::Nothing),
        }
    }

    /// Has the server know what may be running, for as long as it serves.
    pub(crate) async fn follow(
        mut self,
        mut reloads: Receiver<ReloadAsked>,
        mut moves: Receiver<()>,
    ) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let what = tokio::select! {
                _ = ticks.tick() => Work::Look,
                Some(()) = moves.recv() => Work::Move,
                Some(reload) = reloads.recv() => Work::Reload(reload),
                else => return,
            };
            let looking = spawn_blocking(move || {
                match what {
                    Work::Look => self.look(),
                    Work::Move => self.moved(),
                    // Who asked may have left.
                    Work::Reload(reload) => drop(reload.send(self.reload())),
                }
                self
            });
            match looking.await {
                Ok(apps) => self = apps,
                Err(stopped) => {
                    tracing::error!(%stopped, "Cuttle no longer looks for new builds: restart it, and please report this");
                    return;
                }
            }
        }
    }

    fn look(&mut self) {
        self.running.iter_mut().for_each(|it| it.deploys.look(&it.app));
        let developed = |it: &Running| it.deploys.configured().development.clone();
        if self.running.iter().filter_map(developed).any(|it| it.is_outdated())
            && let Err(why) = self.reload()
        {
            tracing::warn!(why, "next.config was changed, and cannot be read");
        }
    }

    /// The configuration and the builds that are there now hold: the operator says so. The names of the builds. Blocks.
    fn reload(&mut self) -> Result<String, String> {
        let configured = configure(&self.layers).map_err(|failure| failure.to_string())?;
        if let Some(table) = fixed(&self.config, &configured.config) {
            return Err(format!(
                "[{table}] is not what it was at the start, and only [images] and [[apps]] can change while Cuttle runs. Nothing was changed: restart Cuttle."
            ));
        }
        if serves_a_folder(&configured.config) != self.folder.is_some() {
            return Err(
                "Cuttle would serve a folder instead of apps, or apps instead of a folder: that needs a restart. Nothing was changed."
                    .to_owned(),
            );
        }
        let (known, now) = (self.running.first(), configured.apps.first());
        let same =
            known.zip(now).is_some_and(|(it, now)| it.deploys.configured().is_written_as(now));
        let before = self.programs.running();
        let replaced = self.programs.start(&configured).map_err(|error| error.to_string())?;
        if same && replaced.is_empty() {
            return self.reload_builds();
        }
        let apps = configured.apps.len();
        if let Err(error) = self.replace(configured, &before) {
            self.programs.put_back(before);
            return Err(format!("{error}. Nothing is changed."));
        }
        programs::drain(replaced);
        tracing::info!(apps, "the configuration was read again");
        Ok(self.names())
    }

    /// Waits for the programs that are new, and has the server ask these applications. Blocks.
    fn replace(
        &mut self,
        configured: Configured,
        before: &RunningPrograms,
    ) -> Result<(), HostError> {
        Handle::current().block_on(self.programs.ready(before))?;
        let addresses = self.programs.addresses(&configured);
        let configured = configured.with_started(&addresses)?;
        self.install(configured.apps)?;
        self.config = configured.config;
        Ok(())
    }

    /// A program listens elsewhere, as somebody else took its port: its application is asked there.
    fn moved(&mut self) {
        let apps = self.running.iter().map(|it| it.deploys.configured().clone()).collect();
        let configured =
            Configured { config: Arc::clone(&self.config), apps, warnings: Vec::new() };
        let addresses = self.programs.addresses(&configured);
        let installed = configured.with_started(&addresses).and_then(|it| self.install(it.apps));
        if let Err(error) = installed {
            tracing::error!(%error, "an app listens on another port, and cannot be asked there");
        }
    }

    fn reload_builds(&mut self) -> Result<String, String> {
        let several = self.running.len() > 1;
        let mut wrong = Vec::new();
        for Running { app, deploys } in &mut self.running {
            if let Err(sentence) = deploys.reload(app) {
                wrong.push(if several { format!("{}: {sentence}", app.id()) } else { sentence });
            }
        }
        if wrong.is_empty() { Ok(self.names()) } else { Err(wrong.join(" ")) }
    }

    fn names(&self) -> String {
        match &self.running[..] {
            [only] => only.deploys.name().to_owned(),
            several => several
                .iter()
                .filter(|it| !it.deploys.name().is_empty())
                .map(|it| format!("{} {}", it.app.id(), it.deploys.name()))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// What is done beside answering, one after the other.
enum Work {
    Look,
    Move,
    Reload(ReloadAsked),
}

/// The first table that holds until the end of the process, and is another now.
fn fixed(before: &Config, now: &Config) -> Option<&'static str> {
    [
        ("server", before.server != now.server),
        ("optimizer", before.optimizer != now.optimizer),
        ("limits", before.limits != now.limits),
        ("cache", before.cache != now.cache),
        ("storage", before.storage != now.storage),
    ]
    .into_iter()
    .find_map(|(table, is_other)| is_other.then_some(table))
}
