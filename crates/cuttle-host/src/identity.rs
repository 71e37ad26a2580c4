//! The name under which an application is known to other caches in `CDN-Loop`.
//!
//! All servers of an application should have the same one, so it follows from the application where its public address is known.
//! Else it is random and kept, so that a restart does not forget it.

use cuttle_config::{App, Config};
use cuttle_source::LoopId;

use crate::state::StateDir;

/// From the configuration, or from the state directory, or for this process alone.
pub(crate) fn loop_id(config: &Config, app: &App) -> LoopId {
    let id = &app.keys.id;
    if let Some(url) = &app.keys.public_url {
        return LoopId::of(format!("{id}\n{}", url.0).as_bytes());
    }
    let random = || format!("{:032x}", fastrand::u128(..));
    let kept = StateDir::of(config).and_then(|state| state.kept_id(random));
    let kept = kept.unwrap_or_else(|error| {
        tracing::debug!(%error, "the id for CDN-Loop cannot be saved, so each start has another");
        random()
    });
    LoopId::of(format!("{id}\n{kept}").as_bytes())
}
