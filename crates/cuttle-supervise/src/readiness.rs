//! Whether an app is ready: it listens where it was told to, the socket is its own, and it answers.
//!
//! That a port can be connected to says nothing: between its choice and the start of the app anybody may have taken it, and
//! would get our visitors. So the kernel is asked whose the socket is. With `npx next start` it is a grandchild's.

use std::{net::SocketAddr, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    health::Health,
    look::{Look, Ready, Sought, look_aside},
    sockets,
};

const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// While it is ready.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// In a row. A socket that was closed between two questions to the kernel is nobody's in one look.
const LOOKS_AT_A_STRANGER: u32 = 3;

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    #[error("port {port} was taken by {by} before the app listened on it")]
    Stranger { port: u16, by: String },
    #[error("it was not ready within {} s: {why}", within.as_secs_f32())]
    Late { within: Duration, why: String },
}

/// Looks and asks until it is ready.
pub(crate) async fn wait(
    sought: Sought,
    health: &Health,
    within: Duration,
) -> Result<Ready, NotReady> {
    let until = Instant::now() + within;
    let (mut pause, mut strangers) = (FIRST_LOOK, 0);
    loop {
        let found = look_aside(sought).await;
        strangers = if matches!(found, Ok(Look::Stranger { .. })) { strangers + 1 } else { 0 };
        let why = match found {
            Ok(Look::Ours(ready)) => match ask(sought, health, &ready).await {
                Ok(()) => return Ok(ready),
                Err(why) => why,
            },
            Ok(Look::Stranger { by }) if strangers == LOOKS_AT_A_STRANGER => {
                return Err(NotReady::Stranger { port: sought.port, by });
            }
            Ok(Look::Stranger { by }) => format!("port {} is taken by {by}", sought.port),
            Ok(Look::Nobody { elsewhere }) => nobody(sought.port, &elsewhere),
            Err(error) => format!("it cannot be seen who listens: {error}"),
        };
        if Instant::now() + pause > until {
            return Err(NotReady::Late { within, why });
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Returns when the app does not listen any more. A shell around it, or its other processes, may well live on.
pub(crate) async fn lost(sought: Sought, mut ready: Ready) -> String {
    loop {
        sleep(BETWEEN_LOOKS).await;
        // One process is looked at, which is cheap; everything only if that is not the holder.
        let holds = sockets::held_by(ready.pid).is_ok_and(|held| held.contains(&ready.inode));
        if holds {
            continue;
        }
        match look_aside(sought).await {
            Ok(Look::Ours(still)) => ready = still,
            Ok(Look::Stranger { by }) => {
                return format!("it stopped listening, and port {} is taken by {by}", sought.port);
            }
            Ok(Look::Nobody { .. }) => return "it stopped listening".to_owned(),
            Err(_) => {}
        }
    }
}

fn nobody(port: u16, elsewhere: &[SocketAddr]) -> String {
    let addresses: Vec<_> = elsewhere.iter().map(ToString::to_string).collect();
    match addresses.is_empty() {
        true => format!("it does not listen on port {port}, which is its PORT"),
        false => format!(
            "it listens on {} and not on port {port}, which is its PORT",
            addresses.join(" and ")
        ),
    }
}

/// Asks, and looks again: the socket must be the app's before and after.
async fn ask(sought: Sought, health: &Health, ready: &Ready) -> Result<(), String> {
    health.ask(ready.address).await.map_err(|unhealthy| unhealthy.to_string())?;
    match look_aside(sought).await {
        Ok(Look::Ours(still)) if still.address == ready.address => Ok(()),
        _ => Err("it closed its socket again".to_owned()),
    }
}
