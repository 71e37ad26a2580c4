//! Where originals come from, by configuration: the application, and remote servers behind the guard.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use cuttle_config::App;
use cuttle_contract::Pattern;
use cuttle_net::{Exceptions, Guard, Restarts, SystemResolver};
use cuttle_server::{Forwarding, ForwardingRule};
use cuttle_source::{HttpSettings, Limits, LoopId, Origins, Remote, Retry, Upstream};
use http::HeaderName;
use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

use crate::application::original_server;
use crate::configuration::ConfiguredApp;
use crate::error::HostError;

/// Before the second attempt; it doubles.
const FIRST_GAP: Duration = Duration::from_millis(200);
/// Next's own limit of a hop, on which the timeouts of pages that use it are built.
const NEXT_HOP: Duration = Duration::from_secs(7);

/// The servers that originals of one application come from. They outlive a build, with their connections and limits.
#[derive(Debug)]
pub(crate) struct Servers {
    application: Origins,
    loop_id: LoopId,
    exceptions: Exceptions,
    /// By whether a build allows remote sources on addresses of this network.
    guarded: BTreeMap<bool, Origins>,
}

impl Servers {
    /// # Errors
    /// An address or a URL that cannot be one.
    pub(crate) fn new(
        configured: &ConfiguredApp,
        loop_id: LoopId,
        restarts: Restarts,
    ) -> Result<Self, HostError> {
        let (config, app) = (&configured.config, configured.app());
        let public = app.keys.public_url.as_ref();
        let application = match original_server(config, app) {
            None => Origins::default(),
            Some(url) => {
                let (public, resolver) =
                    (public.map(|url| &url.0), Arc::new(SystemResolver::default()));
                let upstream =
                    Upstream::new(&url, public, resolver, http_settings(configured, &loop_id))
                        .map_err(|error| HostError::Argument(format!("{url} {error}")))?;
                Origins::default().with_upstream(upstream.telling(restarts))
            }
        };
        let exceptions = exceptions(&app.images.allow_addresses)?;
        Ok(Self { application, loop_id, exceptions, guarded: BTreeMap::new() })
    }

    /// Those of a build.
    pub(crate) fn of(&mut self, configured: &ConfiguredApp) -> Origins {
        let Self { application, loop_id, exceptions, guarded } = self;
        let local_addresses = configured.build().is_some_and(|build| build.allow_local_addresses);
        let guarded = guarded.entry(local_addresses).or_insert_with(|| {
            let guard = Guard::new(Exceptions { local_addresses, ..exceptions.clone() });
            let remote = Remote::new(
                guard,
                Arc::new(SystemResolver::default()),
                http_settings(configured, loop_id),
            );
            application.clone().with_remote(remote)
        });
        guarded.clone()
    }
}

fn http_settings(configured: &ConfiguredApp, loop_id: &LoopId) -> HttpSettings {
    let ConfiguredApp { config, roots, .. } = configured;
    let limits = &config.limits;
    HttpSettings {
        connect: limits.connect.duration(),
        per_origin: usize::try_from(limits.fetches_per_host).unwrap_or(usize::MAX),
        retry: Retry::new(
            u32::try_from(config.optimizer.max_attempts).unwrap_or(u32::MAX),
            FIRST_GAP,
        ),
        loop_id: loop_id.clone(),
        roots: roots.clone(),
        ..HttpSettings::default()
    }
}

fn exceptions(written: &[String]) -> Result<Exceptions, HostError> {
    let mut exceptions = Exceptions::default();
    for entry in written {
        let network =
            IpNet::from_str(entry).ok().or_else(|| IpAddr::from_str(entry).ok().map(IpNet::from));
        match network {
            Some(network) => exceptions.networks.push(network),
            // A name, as a URL would have it.
            None if Url::parse(&format!("http://{entry}/")).is_ok_and(|url| {
                url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(entry))
            }) =>
            {
                exceptions.hosts.push(entry.clone());
            }
            None => {
                let wrong = format!(
                    "`images.allow_addresses` lists {entry:?}, which is neither a host name nor a network such as 10.1.0.0/16"
                );
                return Err(HostError::Argument(wrong));
            }
        }
    }
    Ok(exceptions)
}

/// What of a request goes along to the application, for which paths.
///
/// # Errors
/// A pattern or a header that cannot be one.
pub(crate) fn forwarding(app: &App) -> Result<Forwarding, HostError> {
    let rules = app.forward.iter().map(|forward| {
        let wrong = |entry: &str, why: &dyn std::fmt::Display| {
            HostError::Argument(format!("`apps.forward` lists {entry:?}: {why}"))
        };
        let paths = forward.paths.iter().map(|entry| {
            Pattern::local(entry).map(|(pattern, _)| pattern).map_err(|why| wrong(entry, &why))
        });
        let headers = forward
            .headers
            .iter()
            .map(|entry| HeaderName::from_str(entry).map_err(|why| wrong(entry, &why)));
        let (paths, headers) =
            (paths.collect::<Result<_, _>>()?, headers.collect::<Result<_, _>>()?);
        ForwardingRule::new(paths, headers, forward.cookies.clone())
            .map_err(|why| HostError::Argument(format!("`apps.forward`: {why}")))
    });
    Ok(Forwarding::new(rules.collect::<Result<_, HostError>>()?))
}

/// What originals may cost at each endpoint: `/_next/image` takes it from the build. `most` is what memory was divided by.
pub(crate) fn limits(configured: &ConfiguredApp, most: u64) -> [Limits; 2] {
    let config = &configured.config;
    let strict = Limits {
        bytes: config.limits.source.0,
        redirects: u32::try_from(config.limits.max_redirects).unwrap_or(u32::MAX),
        first_byte: config.limits.fetch.duration(),
        hop: config.limits.fetch.duration(),
    };
    let next = configured.build().map_or(strict, |build| Limits {
        bytes: build.max_response_body.unwrap_or(strict.bytes).min(most),
        redirects: build.max_redirects,
        first_byte: NEXT_HOP,
        hop: NEXT_HOP,
    });
    [next, strict]
}
