//! `cuttle stats`: what a server does, read from its own `/metrics`, for people and for programs.

mod sample;
mod screen;
mod table;

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cuttle_host::{HostError, Stop};
use tokio::signal::unix::{SignalKind, signal};

use crate::admin_client::Server;
use crate::args::Stats;
use crate::failure::Failure;
use crate::runtime;
use crate::say::say;
use sample::Sample;
use screen::Screen;

/// As often as a person can read it.
const EVERY: Duration = Duration::from_secs(1);
/// What happened in so many seconds is shown: one alone jumps about.
const WINDOW: usize = 10;

/// Prints until it is stopped, or once.
///
/// # Errors
/// There is no server to be found, or it does not answer.
pub(crate) fn run(stats: &Stats) -> Result<ExitCode, Failure> {
    let server = Server::find(&stats.server)?;
    let runtime = runtime::on_this_thread()?;
    let is_terminal =
        io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    let live = !stats.once && !stats.json && is_terminal;
    runtime.block_on(async {
        let now = sample(&server).await?;
        if stats.json {
            say(format_args!("{:#}\n", now.json()))?;
        } else if live {
            watch(&server, now).await?;
        } else {
            say(table::table(&server.address, &now, &Sample::default(), None))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What it counts at this moment.
async fn sample(server: &Server) -> Result<Sample, Failure> {
    Ok(Sample::parse(&server.ask("GET", "/metrics", None).await?))
}

/// Until a person, or a terminal that is closed, ends it.
async fn watch(server: &Server, first: Sample) -> Result<(), Failure> {
    let mut stop = Stop::listen().map_err(HostError::Runtime)?;
    let mut resized = signal(SignalKind::window_change()).map_err(HostError::Runtime)?;
    let mut ticks = tokio::time::interval(EVERY);
    let mut seen = VecDeque::from([(Instant::now(), first)]);
    let Ok(mut screen) = Screen::open() else { return Ok(()) };
    loop {
        let next = async {
            ticks.tick().await;
            sample(server).await
        };
        let shown = tokio::select! {
            () = stop.asked() => return Ok(()),
            _ = resized.recv() => screen.again(),
            now = next => {
                let (when, now) = (Instant::now(), now?);
                let (then, before) = &seen[0];
                let text = table::table(&server.address, &now, before, Some(when - *then));
                seen.push_back((when, now));
                if seen.len() > WINDOW {
                    seen.pop_front();
                }
                screen.show(text)
            }
        };
        if shown.is_err() {
            return Ok(());
        }
    }
}
