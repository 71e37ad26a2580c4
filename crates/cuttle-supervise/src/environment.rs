//! The environment of an app: ours without what is ours alone, and where to listen.

use std::ffi::{OsStr, OsString};

use crate::account::Account;

/// What systemd says to us, and to nobody whom we start: an app that believed it would take our sockets for its own, or tell
/// that we are ready.
const FROM_SYSTEMD: [&str; 6] = [
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// Milliseconds for which an app keeps an idle connection. Longer than our pool does (60 s): with Next's own 5 s a connection
/// may be closed in the moment in which a request is sent on it.
const KEEP_ALIVE_TIMEOUT: &str = "75000";

/// Names and values, each name once. `as_user` is whom it runs as where that is not us.
pub(crate) fn environment(
    own: impl IntoIterator<Item = (OsString, OsString)>,
    as_user: Option<&Account>,
    added: &[(String, String)],
    port: u16,
) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> =
        own.into_iter().filter(|(name, _)| !is_ours(name)).collect();
    let mut set = |name: &str, value: OsString| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.into(), value));
    };
    if let Some(account) = as_user {
        // npx writes into its home, and root's is closed to others.
        set("HOME", account.home.clone().into());
        set("USER", account.name.clone().into());
        set("LOGNAME", account.name.clone().into());
    }
    for (name, value) in added {
        set(name, value.into());
    }
    // Last. An .env with HOSTNAME=0.0.0.0, as it is copied from Next's Dockerfile, would open the app to everyone beside us, and
    // with another PORT it would never be found. A standalone build reads HOSTNAME, and not HOST.
    set("PORT", port.to_string().into());
    set("HOSTNAME", "127.0.0.1".into());
    set("KEEP_ALIVE_TIMEOUT", KEEP_ALIVE_TIMEOUT.into());
    variables
}

/// SECURITY: tokens and addresses of a server are in its own variables.
fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"CUTTLE_") || FROM_SYSTEMD.iter().any(|it| name == *it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_taken_out_and_where_to_listen_is_put_in() {
        let own = [
            ("CUTTLE_ADMIN_TOKEN", "secret"),
            ("LISTEN_FDS", "1"),
            ("NOTIFY_SOCKET", "/run/x"),
            ("HOME", "/root"),
            ("PATH", "/bin"),
            ("PORT", "1"),
            ("HOSTNAME", "machine"),
            ("NODE_ENV", "production"),
        ];
        let own = own.map(|(name, value)| (name.into(), value.into()));
        let account = crate::account::of((u32::MAX - 7, 7), "/srv".as_ref());
        let added = [("CUTTLE_URL_BLOG", "http://b"), ("HOSTNAME", "0.0.0.0"), ("PATH", "/shop")];
        let added = added.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let made = environment(own, Some(&account), &added, 4000);
        let mut made: Vec<_> = made
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        made.sort();
        assert_eq!(
            made,
            [
                "CUTTLE_URL_BLOG=http://b",
                "HOME=/srv",
                "HOSTNAME=127.0.0.1",
                "KEEP_ALIVE_TIMEOUT=75000",
                "LOGNAME=4294967288",
                "NODE_ENV=production",
                "PATH=/shop",
                "PORT=4000",
                "USER=4294967288",
            ]
        );
    }
}
