//! What sets the requests of one application and configuration apart from those of another in the same index.

use cuttle_image::ENGINE_VERSION;

use crate::application::Application;
use crate::settings::Settings;

/// Keeps this digest apart from those of other meaning, whatever their input.
const CONTEXT: &str = "cuttle 2026 realm";

/// Whose pictures they are, and all that decides what becomes of an original without being asked for: the index outlives the
/// process, and the next one may be configured otherwise, or stand in front of another application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheNamespace(pub(crate) [u8; 32]);

impl CacheNamespace {
    /// `svg` is whether it is passed through, by `/_next/image` and by the strict endpoint.
    pub(crate) fn of(settings: &Settings, application: &Application, svg: [bool; 2]) -> Self {
        let (Settings { limits, profile, .. }, key) = (settings, &application.key);
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key.as_bytes());
        hasher.update(&ENGINE_VERSION.to_le_bytes());
        hasher.update(&svg.map(u8::from));
        // As they are written for people: a limit or a profile that is added later is in it by itself.
        hasher.update(format!("{limits:?} {profile:?}").as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cuttle_image::{Limits, Profile};

    use super::*;
    use crate::memory_plan::MemoryPlan;

    #[test]
    fn what_is_kept_for_another_application_policy_or_engine_answers_nobody() {
        let memory = MemoryPlan::new(1 << 30, 1, 1 << 20, None);
        let base = || Settings::new(Limits::default(), memory);
        let application = |key: &str| Application { id: "app".into(), key: key.into() };
        let of = |settings: &_, key, svg| CacheNamespace::of(settings, &application(key), svg).0;
        let with = |change: fn(&mut Settings)| {
            let mut settings = base();
            change(&mut settings);
            of(&settings, "a", [false, false])
        };
        let namespaces: HashSet<_> = [
            with(|_| {}),
            of(&base(), "another", [false, false]),
            of(&base(), "a", [true, false]),
            of(&base(), "a", [false, true]),
            with(|settings| settings.limits.pixels -= 1),
            with(|settings| settings.profile = Profile::Small),
        ]
        .into();
        assert_eq!(namespaces.len(), 6);
        assert_eq!(with(|settings| settings.queue_length += 1), with(|_| {}));
    }
}
