//! `cuttle stats`: what a server does, read from its own `/metrics`, for people and for programs.

mod ask;
mod sample;
mod table;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cuttle_config::Secret;

use crate::args::{Layers, Stats};
use crate::configuration::read_only;
use crate::failure::Failure;
use crate::flags::KeyFlags;
use crate::state::{StateDir, shown};
use ask::Server;
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
    let server = find(stats)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let live = !stats.once && !stats.json && io::stdout().is_terminal();
    runtime.block_on(async {
        let now = server.sample().await?;
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

async fn watch(server: &Server, first: Sample) -> Result<(), Failure> {
    let mut ticks = tokio::time::interval(EVERY);
    let mut seen = VecDeque::from([(Instant::now(), first)]);
    loop {
        ticks.tick().await;
        let now = (Instant::now(), server.sample().await?);
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

/// By what was typed, else by the note that the server left, else by the configuration.
fn find(stats: &Stats) -> Result<Server, Failure> {
    let typed = [
        ("admin", &stats.admin),
        ("state-dir", &stats.state_dir.as_ref().map(|dir| dir.display().to_string())),
    ];
    let flags: BTreeMap<_, _> =
        typed.into_iter().filter_map(|(flag, text)| Some((flag, text.clone()?))).collect();
    let layers = Layers { config: stats.config.clone(), flags: KeyFlags(flags) };
    let config = read_only(&layers)?;
    let noted = StateDir::of(&config).ok().and_then(|state| state.noted());
    let configured = || (shown(&config.server.admin), None);
    let (address, of_note) = match (&stats.admin, noted) {
        (None, Some(noted)) => noted,
        // A token is for the server that noted it, and for no other address that somebody typed.
        (Some(typed), Some((noted, token))) if *typed == noted => (noted, token),
        _ => configured(),
    };
    let of_config =
        || config.server.admin_token.as_ref().map(|token| Secret::reveal(token).to_owned());
    Ok(Server { address, token: of_note.or_else(of_config) })
}
