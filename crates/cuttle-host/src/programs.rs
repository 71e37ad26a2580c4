//! The programs of applications that we run: started before anyone is answered, followed while they start again, replaced by a new
//! one that is ready before the old one gets no more requests, and ended with us.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cuttle_config::{App, Config};
use cuttle_gateway::{Available, Hold};
use cuttle_net::Restarts;
use cuttle_supervise::{Health, Spec, State, Supervised, parse_env_file, user_for, user_named};
use rustix::process::geteuid;
use tokio::sync::{mpsc, watch};

use crate::app_log::{self, AppLog};
use crate::configuration::{Configured, ConfiguredApp};
use crate::error::HostError;
use crate::state::{StateDir, StateError};

/// Requests that wait for one application at most.
const MOST_HELD: usize = 256;
/// What is under way at a program that was replaced may take so long, its `WebSocket`s too.
const DRAIN: Duration = Duration::from_secs(30);

/// `next dev` answers it 404, and compiles nothing for it.
const DEVELOPED_HEALTH: &str = "/_next/static/health";

/// All of them, by the ids of their applications.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    running: Arc<Mutex<RunningPrograms>>,
    moved: mpsc::Sender<()>,
    /// Where what they print is kept.
    state: Arc<Result<StateDir, StateError>>,
}

/// By the ids of their applications.
pub(crate) type RunningPrograms = BTreeMap<String, Arc<Program>>;

/// One program.
#[derive(Debug)]
pub(crate) struct Program {
    what: What,
    supervised: Supervised,
    state: watch::Receiver<State>,
    available: Available,
}

/// What a program follows from: where all of it is the same, it is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct What {
    run: Vec<String>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    user: Option<(u32, u32)>,
    health: String,
    /// The build that it began with.
    release: Vec<String>,
}

impl Programs {
    /// None yet. The receiver hears when one listens elsewhere than before.
    pub(crate) fn new(config: &Config) -> (Self, mpsc::Receiver<()>) {
        let (moved, moves) = mpsc::channel(1);
        let state = Arc::new(StateDir::of(config));
        (Self { running: Arc::default(), moved, state }, moves)
    }

    /// Starts what is configured and does not run as it is configured; gives back what it replaces and what is no longer
    /// configured, which still runs. Needs a runtime.
    ///
    /// # Errors
    /// A user, a file with variables or a health path that cannot be one. Nothing is started then.
    pub(crate) fn start(&self, configured: &Configured) -> Result<Vec<Arc<Program>>, HostError> {
        let wanted: Vec<_> = configured
            .apps
            .iter()
            .filter(|app| !app.app().keys.run.is_empty())
            .map(|app| Ok((app.app().keys.id.clone(), What::of(app)?, spec_host(app.app()))))
            .collect::<Result<_, HostError>>()?;
        let specs = wanted
            .into_iter()
            .map(|(id, what, host)| Ok((what.spec(&id, &host)?, id, what)))
            .collect::<Result<Vec<_>, HostError>>()?;
        let mut running = self.lock();
        let mut next = BTreeMap::new();
        for (spec, id, what) in specs {
            let same = running.get(&id).is_some_and(|program| program.what == what);
            // One that is another now stays among those that are replaced: what is under way there ends there.
            let kept = if same { running.remove(&id) } else { None };
            let program = kept.unwrap_or_else(|| Arc::new(self.begin(spec, &id, what)));
            next.insert(id, program);
        }
        let replaced = std::mem::replace(&mut *running, next);
        Ok(replaced.into_values().collect())
    }

    fn begin(&self, spec: Spec, id: &str, what: What) -> Program {
        tracing::info!(app = id, command = what.run.join(" "), "starting the app");
        let mut supervised = Supervised::start(spec);
        let state = supervised.state();
        let (told, available) = watch::channel(None);
        let lines = supervised.lines();
        let logs = self.state.as_ref().as_ref().ok().and_then(|state| state.logs().ok());
        let log = AppLog::open(id, logs.as_deref());
        if let Some(lines) = lines {
            cuttle_watchdog::spawn("app log", app_log::keep(lines, log));
        }
        let following = follow(state.clone(), told, self.moved.clone());
        cuttle_watchdog::spawn("app state", following);
        Program { what, supervised, state, available }
    }

    /// Waits until each is ready or has failed once.
    ///
    /// # Errors
    /// All of them have failed.
    pub(crate) async fn settled(&self) -> Result<(), HostError> {
        let (mut ready, mut failed) = (0, None);
        for (id, program) in self.running() {
            match program.settled().await {
                Ok(()) => ready += 1,
                Err(why) => failed = Some((id, why)),
            }
        }
        match failed {
            Some((app, why)) if ready == 0 => Err(HostError::App { app, why }),
            _ => Ok(()),
        }
    }

    /// Waits until those are ready that were not there before.
    ///
    /// # Errors
    /// One of them has failed.
    pub(crate) async fn ready(&self, before: &RunningPrograms) -> Result<(), HostError> {
        for (app, program) in self.running() {
            let is_new = before.get(&app).is_none_or(|before| !Arc::ptr_eq(before, &program));
            if is_new {
                program.settled().await.map_err(|why| HostError::App { app, why })?;
            }
        }
        Ok(())
    }

    /// Has `restarts` know when the program of an application starts again.
    pub(crate) fn tell_restarts(&self, id: &str, restarts: Restarts) {
        let Some(mut available) = self.lock().get(id).map(|it| it.available.clone()) else {
            return;
        };
        available.mark_unchanged();
        cuttle_watchdog::spawn("app restarts", async move {
            while available.changed().await.is_ok() {
                if available.borrow_and_update().is_some() {
                    restarts.note();
                }
            }
        });
    }

    /// Where each application listens, in their order; nothing for those that we do not run.
    pub(crate) fn addresses(&self, configured: &Configured) -> Vec<Option<String>> {
        let running = self.lock();
        let address = |app: &ConfiguredApp| {
            let state = running.get(&app.app().keys.id)?.state.borrow();
            Some(match &*state {
                State::Ready { address, .. } => format!("http://{address}"),
                // Nobody asks it: requests are held, or answered 503.
                _ => "http://127.0.0.1:9".to_owned(),
            })
        };
        configured.apps.iter().map(address).collect()
    }

    /// What waits while an application is started again, if it is one that we run.
    pub(crate) fn hold(&self, app: &App) -> Option<Hold> {
        let running = self.lock();
        let available = running.get(&app.keys.id)?.available.clone();
        Some(Hold::new(available, MOST_HELD, app.keys.hold.duration()))
    }

    /// Puts back what a configuration replaced that does not hold after all, and ends what it began.
    pub(crate) fn put_back(&self, before: RunningPrograms) {
        let is_new = |id: &String, it: &Arc<Program>| {
            before.get(id).is_none_or(|before| !Arc::ptr_eq(before, it))
        };
        let running = self.running();
        let begun = running.into_iter().filter(|(id, it)| is_new(id, it));
        retire(begun.map(|(_, program)| program).collect(), Duration::ZERO);
        *self.lock() = before;
    }

    /// Those that run, for [`put_back`](Self::put_back).
    pub(crate) fn running(&self) -> RunningPrograms {
        self.lock().clone()
    }

    /// Ends all, and waits for that.
    pub(crate) async fn stop(&self) {
        let running = std::mem::take(&mut *self.lock());
        let mut ending = tokio::task::JoinSet::new();
        for program in running.into_values() {
            ending.spawn(async move { program.supervised.stop().await });
        }
        while ending.join_next().await.is_some() {}
    }

    fn lock(&self) -> MutexGuard<'_, RunningPrograms> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends programs that get no new requests any more, once what is under way had time. Needs a runtime.
pub(crate) fn retire(programs: Vec<Arc<Program>>, drain: Duration) {
    if programs.is_empty() {
        return;
    }
    cuttle_watchdog::spawn("app drain", async move {
        tokio::time::sleep(drain).await;
        for program in programs {
            program.supervised.stop().await;
        }
    });
}

/// The same, with the time that requests have.
pub(crate) fn drain(programs: Vec<Arc<Program>>) {
    retire(programs, DRAIN);
}

impl Program {
    /// Waits until it is ready or has failed once.
    async fn settled(&self) -> Result<(), String> {
        let mut state = self.state.clone();
        let is_settled = |state: &State| {
            matches!(state, State::Ready { .. } | State::Waiting { .. } | State::Stopped)
        };
        let settled = state.wait_for(is_settled).await;
        match settled.as_deref() {
            Ok(State::Ready { .. }) => Ok(()),
            Ok(State::Waiting { why, .. }) => Err(why.clone()),
            _ => Err("it was stopped".to_owned()),
        }
    }
}

/// Says in `told` since which start it answers, and in `moved` when it listens elsewhere.
async fn follow(
    mut state: watch::Receiver<State>,
    told: watch::Sender<Option<u64>>,
    moved: mpsc::Sender<()>,
) {
    let (mut starts, mut place) = (0, None);
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            State::Ready { address, .. } => {
                starts += 1;
                if place.is_some_and(|place| place != address) {
                    // One that waits already will see this as well.
                    let _ = moved.try_send(());
                }
                place = Some(address);
                told.send_replace(Some(starts));
            }
            _ => {
                told.send_replace(None);
            }
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

impl What {
    fn of(configured: &ConfiguredApp) -> Result<Self, HostError> {
        let keys = &configured.app().keys;
        let folder = keys.next.clone().unwrap_or_else(|| configured.place().to_owned());
        let folder = folder.canonicalize().unwrap_or(folder);
        let environment = match &keys.env_file {
            None => Vec::new(),
            Some(path) => {
                let wrong = |why: String| HostError::EnvFile { path: path.clone(), why };
                let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
                parse_env_file(&text).map_err(|error| wrong(error.to_string()))?
            }
        };
        let user = match &keys.user {
            Some(name) => user_named(name).map(Some),
            None => user_for(&folder, geteuid().is_root()),
        };
        let release = configured.project.as_ref().map_or_else(Vec::new, |it| it.releases.clone());
        let (run, mut health) = (keys.run.clone(), keys.health.clone());
        if configured.development.is_some() {
            // A page that does not compile is one to look at, and `/` may be one.
            DEVELOPED_HEALTH.clone_into(&mut health);
        }
        Ok(Self { run, folder, environment, user: user?, health, release })
    }

    fn spec(&self, id: &str, host: &str) -> Result<Spec, HostError> {
        let health = Health::new(&self.health, host).map_err(|error| {
            HostError::Argument(format!("`apps.health` of the app {id:?}: {error}"))
        })?;
        let (program, arguments) = self.run.split_first().expect("a command that is not empty");
        let arguments = arguments.iter().map(Into::into).collect();
        let spec = Spec::new(id, self.folder.clone(), program.into(), arguments, health);
        Ok(Spec { environment: self.environment.clone(), user: self.user, ..spec })
    }
}

/// Under which name its health is asked: its own, as an app may answer others with an error.
fn spec_host(app: &App) -> String {
    let named = app.keys.hosts.iter().find_map(|host| host.exact());
    let public = app.keys.public_url.as_ref().and_then(|url| url.0.host_str());
    named.or(public).unwrap_or("localhost").to_owned()
}
