//! How many connections fit into the number of files that the system lets us have open.

use cuttle_config::Config;
use cuttle_server::{ConnectionLimits, MOST_REFUSALS};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// One to the client, one to the application.
const PER_CONNECTION: u64 = 2;
/// Workers, originals, files of the cache, connections to remote servers and operators: seen 120 under load.
const OTHERS: u64 = 512 + MOST_REFUSALS as u64;
/// With less there is no share to speak of.
const LEAST: u64 = 16;

/// As many as are configured, or as fit. The soft limit is 1,024 on most systems, for programs that use `select`: it is raised
/// as far as the hard one allows.
pub(crate) fn provide(config: &Config) -> ConnectionLimits {
    let limits = &config.limits;
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let open_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let fitting = fit(limits.connections, limits.streams, open_files);
    if fitting != (limits.connections, limits.streams) {
        let needed = needed(limits.connections, limits.streams);
        let (connections, streams) = fitting;
        tracing::warn!(
            open_files,
            needed,
            connections,
            streams,
            "the limit of open files is too low for the configured connections, so there are fewer: raise it to `needed` (LimitNOFILE of systemd, ulimit -Hn, --ulimit nofile of Docker)"
        );
    }
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    ConnectionLimits {
        connections: size(fitting.0),
        streams: size(fitting.1),
        idle: config.server.keep_alive.duration(),
    }
}

fn needed(connections: u64, streams: u64) -> u64 {
    PER_CONNECTION * (connections + streams) + OTHERS
}

/// Both kinds are cut in proportion.
fn fit(connections: u64, streams: u64, open_files: u64) -> (u64, u64) {
    if needed(connections, streams) <= open_files {
        return (connections, streams);
    }
    let room = open_files.saturating_sub(OTHERS) / PER_CONNECTION;
    let part = |number: u64| (number * room / (connections + streams)).max(LEAST);
    (part(connections), part(streams))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_in_proportion() {
        for (connections, streams, open_files, expected) in [
            (1024, 1024, 1 << 20, (1024, 1024)),
            (1024, 1024, 4096, (832, 832)),
            (3000, 1000, 4768, (1500, 500)),
            (1024, 1024, 256, (16, 16)),
        ] {
            let fitting = fit(connections, streams, open_files);
            assert_eq!(fitting, expected, "{open_files}");
        }
    }
}
