//! The life of an app: started, watched, started again, stopped.

use std::{
    collections::HashSet,
    env, io,
    net::SocketAddr,
    os::fd::OwnedFd,
    process::ExitStatus,
    time::{Duration, Instant},
};

use rustix::process::geteuid;
use tokio::{net::unix::pipe, sync::watch, task::JoinHandle, time::sleep};

use crate::{
    account::{self, Account},
    backoff::Backoff,
    command::arguments,
    environment::environment,
    look::{Ready, Sought, free_port},
    orders::Orders,
    output::{Output, Stream},
    readiness::{self, NotReady},
    spec::{Spec, State},
    starter::Guardian,
};

/// Starts in a row that a stranger's socket may cost. More, and there is something wrong that a pause may mend.
const STRANGERS: u32 = 5;

/// Whether somebody wants it to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Also where nobody is left who could say so.
    async fn asked(&mut self) {
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

pub(crate) struct App {
    spec: Spec,
    output: Output,
    state: watch::Sender<State>,
    stop: Stop,
    /// The last one, which is the next one too: whoever waits for the app waits at its address.
    port: Option<u16>,
    /// Addresses beyond loopback that were warned of.
    told: HashSet<SocketAddr>,
}

/// How one run of the command ended.
enum Ended {
    Asked,
    Stranger(NotReady),
    Failed { why: String, ready_for: Option<Duration> },
}

impl App {
    pub(crate) fn new(spec: Spec, output: Output, state: watch::Sender<State>, stop: Stop) -> Self {
        Self { spec, output, state, stop, port: None, told: HashSet::new() }
    }

    pub(crate) async fn run(mut self) {
        let (mut backoff, mut strangers) = (Backoff::new(), 0);
        loop {
            self.state.send_replace(State::Starting);
            let ended = match self.once().await {
                Ok(ended) => ended,
                Err(error) => {
                    Ended::Failed { why: format!("it cannot be started: {error}"), ready_for: None }
                }
            };
            let app = &self.spec.name;
            let (why, ready_for) = match ended {
                Ended::Asked => break,
                Ended::Stranger(why) => {
                    tracing::warn!(app, %why, "an app is started again, on another port");
                    self.port = None;
                    strangers += 1;
                    if strangers < STRANGERS {
                        continue;
                    }
                    (why.to_string(), None)
                }
                Ended::Failed { why, ready_for } => (why, ready_for),
            };
            strangers = 0;
            let pause = backoff.after(ready_for);
            tracing::error!(app, why, again_in_ms = pause.as_millis(), "an app does not run");
            self.state.send_replace(State::Waiting { again_at: Instant::now() + pause, why });
            tokio::select! {
                () = self.stop.asked() => break,
                () = sleep(pause) => {}
            }
        }
        self.state.send_replace(State::Stopped);
    }

    /// Starts the command and stays with it until nothing of it is left.
    async fn once(&mut self) -> io::Result<Ended> {
        let port = free_port(self.port)?;
        self.port = Some(port);
        let variables =
            environment(env::vars_os(), self.account().as_ref(), &self.spec.environment, port);
        let mut guardian = Guardian::start(self.orders(port), variables).await?;
        let readers = self.read(&mut guardian)?;
        let uid = self.spec.user.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid);
        let sought = Sought { guardian: guardian.pid, port, uid };
        let ended = self.stay(&mut guardian, sought).await;
        // Before its end, which may take long: its port may be another's by then.
        self.state.send_replace(State::Stopping);
        guardian.end(self.spec.stop_within).await;
        let last = self.output.last_words(readers).await;
        Ok(match (ended, last) {
            (Ended::Failed { why, ready_for }, Some(last)) => {
                Ended::Failed { why: format!("{why}; it last said: {last}"), ready_for }
            }
            (ended, _) => ended,
        })
    }

    async fn stay(&mut self, guardian: &mut Guardian, sought: Sought) -> Ended {
        let mut stop = self.stop.clone();
        let ready = tokio::select! {
            () = stop.asked() => return Ended::Asked,
            status = guardian.ended() => {
                let why = format!("it ended before it was ready, with {}", told(status));
                return Ended::Failed { why, ready_for: None };
            }
            ready = readiness::wait(sought, &self.spec.health, self.spec.ready_within) => ready,
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(why @ NotReady::Stranger { .. }) => return Ended::Stranger(why),
            Err(why) => return Ended::Failed { why: why.to_string(), ready_for: None },
        };
        let since = Instant::now();
        self.tell(&ready);
        let pid = ready.pid.as_raw_pid().cast_unsigned();
        self.state.send_replace(State::Ready { address: ready.address, pid });
        let why = tokio::select! {
            () = stop.asked() => return Ended::Asked,
            status = guardian.ended() => format!("it ended with {}", told(status)),
            why = readiness::lost(sought, ready) => why,
        };
        Ended::Failed { why, ready_for: Some(since.elapsed()) }
    }

    fn tell(&mut self, ready: &Ready) {
        let app = &self.spec.name;
        tracing::info!(app, address = %ready.address, "an app is ready");
        for address in &ready.beyond_loopback {
            if self.told.insert(*address) {
                tracing::warn!(
                    app,
                    %address,
                    "an app listens beyond this machine, so that it can be asked around Cuttle: make its server listen on HOSTNAME, which is 127.0.0.1"
                );
            }
        }
    }

    /// Whom it runs as, where that is not us.
    fn account(&self) -> Option<Account> {
        self.spec.user.map(|user| account::of(user, &self.spec.folder))
    }

    fn orders(&self, port: u16) -> Orders {
        Orders {
            program: self.spec.program.clone(),
            arguments: arguments(&self.spec.program, &self.spec.arguments, port),
            folder: self.spec.folder.clone(),
            user: self.spec.user,
            stop_within: self.spec.stop_within,
        }
    }

    fn read(&self, guardian: &mut Guardian) -> io::Result<Vec<JoinHandle<()>>> {
        let out = guardian.stdout.take().map(|pipe| (Stream::Out, OwnedFd::from(pipe)));
        let error = guardian.stderr.take().map(|pipe| (Stream::Error, OwnedFd::from(pipe)));
        let pipes = [out, error].into_iter().flatten();
        pipes
            .map(|(stream, pipe)| {
                Ok(self.output.read(stream, pipe::Receiver::from_owned_fd(pipe)?))
            })
            .collect()
    }
}

fn told(status: Option<ExitStatus>) -> String {
    // A shell's number for a signal.
    const SIGNALLED: i32 = 128;
    match status.and_then(|status| status.code()) {
        Some(code) if code > SIGNALLED => format!("status {code} (signal {})", code - SIGNALLED),
        Some(code) => format!("status {code}"),
        None => "its guardian, which was killed".to_owned(),
    }
}
