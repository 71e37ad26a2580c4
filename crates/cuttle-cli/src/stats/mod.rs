//! `cuttle stats`: what a server does, read from its own `/metrics`, for people and for programs.

mod sample;
mod table;

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::args::Stats;
use crate::ask::Server;
use crate::failure::Failure;
use sample::Sample;

/// As often as a person can read it.
const EVERY: Duration = Duration::from_secs(1);
/// What happened in so many seconds is shown: one alone jumps about.
const WINDOW: usize = 10;
/// Cursor to the first line, and nothing below it.
const AGAIN: &str = "\x1b[H\x1b[J";

/// Prints until it is stopped, or once.
///
/// # Errors
/// There is no server to be found, or it does not answer.
pub(crate) fn run(stats: &Stats) -> Result<ExitCode, Failure> {
    let server = Server::find(&stats.server)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let live = !stats.once && !stats.json && io::stdout().is_terminal();
    runtime.block_on(async {
        let now = sample(&server).await?;
        if stats.json {
            println!("{:#}", now.json());
        } else if live {
            watch(&server, now).await?;
        } else {
            print!("{}", table::table(&server.address, &now, &Sample::default(), None));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What it counts at this moment.
async fn sample(server: &Server) -> Result<Sample, Failure> {
    Ok(Sample::parse(&server.ask("GET", "/metrics", None).await?))
}

async fn watch(server: &Server, first: Sample) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(EVERY);
    let mut seen = VecDeque::from([(Instant::now(), first)]);
    loop {
        ticks.tick().await;
        let now = (Instant::now(), sample(server).await?);
        let (then, before) = &seen[0];
        let text = table::table(&server.address, &now.1, before, Some(now.0 - *then));
        let mut out = io::stdout().lock();
        // A terminal that is gone is the end of it.
        if out.write_all(format!("{AGAIN}{text}").as_bytes()).and_then(|()| out.flush()).is_err() {
            return Ok(());
        }
        seen.push_back(now);
        if seen.len() > WINDOW {
            seen.pop_front();
        }
    }
}
