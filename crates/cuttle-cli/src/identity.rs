//! The name under which this site is known to other caches in `CDN-Loop`.
//!
//! All servers of a site should have the same one, so it follows from the site where its public address is known. Else it is
//! random and kept, so that a restart does not forget it.

use cuttle_config::Config;
use cuttle_source::LoopId;

use crate::state::StateDir;

/// From the configuration, or from the state directory, or for this process alone.
pub(crate) fn loop_id(config: &Config) -> LoopId {
    let app = config.apps.first().map(|app| &app.keys);
    if let Some((id, url)) = app.and_then(|app| Some((&app.id, app.public_url.as_ref()?))) {
        return LoopId::of(format!("{id}\n{}", url.0).as_bytes());
    }
    let random = || format!("{:032x}", fastrand::u128(..));
    let kept = StateDir::of(config).and_then(|state| state.kept_id(random));
    let id = kept.unwrap_or_else(|error| {
        tracing::debug!(%error, "no id can be kept for CDN-Loop");
        random()
    });
    LoopId::of(id.as_bytes())
}
