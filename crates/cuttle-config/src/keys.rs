//! Every key, once: name, type, default, range, flag, and the sentence that people read.
//!
//! A key whose effect is not built yet says so wherever it is described, and whoever sets it is told at start.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;

use crate::{
    units::{Bytes, Milliseconds},
    value::{Admin, Errors, HttpUrl, Kind, LogFormat, Secret, StorageType, Value},
};

/// One key of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its table, without brackets.
    pub table: &'static str,
    field: &'static str,
    /// What can be written.
    pub kind: Kind,
    /// As it would be written in a variable; `None`: see [`Key::absent`].
    pub default: Option<&'static str>,
    /// What happens without a value, in words.
    pub absent: Option<&'static str>,
    /// The least and the most, in the unit of the kind; of each entry for a list.
    pub range: Option<(u64, u64)>,
    /// The flag without its dashes.
    pub flag: Option<&'static str>,
    docs: &'static [&'static str],
}

impl Key {
    /// The name inside the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.field.strip_prefix("r#").unwrap_or(self.field)
    }

    /// `table.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.table, self.name())
    }

    /// Its variable: that of the flag, else by table and name.
    #[must_use]
    pub fn variable(&self) -> String {
        let name = self.flag.map_or_else(|| self.path().replace('.', "_"), str::to_owned);
        format!("CUTTLE_{}", name.replace('-', "_").to_ascii_uppercase())
    }

    /// What it is for.
    #[must_use]
    pub fn doc(&self) -> String {
        let doc = self.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        if self.has_effect() { doc } else { format!("{doc} No effect in this version.") }
    }

    /// Whether this version does what it says.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        !WITHOUT_EFFECT.contains(&self.path().as_str())
    }
}

/// Understood for the sake of configurations that carry it.
const WITHOUT_EFFECT: &[&str] = &["optimizer.ttl"];

macro_rules! tables {
    ($(
        $(#[doc = $about:literal])+
        [$table:ident] $Table:ident {$(
            $(#[doc = $doc:literal])+
            $name:ident: $type:ty $(= $default:literal)? $(, absent $absent:literal)?
                $(, in $least:literal..=$most:literal)? $(, flag $flag:literal)?;
        )+}
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Table {$(
                $(#[doc = $doc])+
                pub $name: $type,
            )+}

            impl $Table {
                /// Reads every key of the table; the first argument answers for one key.
                pub(crate) fn read<E>(
                    mut answer: impl FnMut(&'static Key, &mut Reader<'_>) -> Result<(), E>,
                ) -> Result<Self, E> {
                    // All of them are asked, so that every mistake is told at once.
                    let mut failed = None;
                    $(
                        let mut $name: Option<$type> = None;
                        let asked = answer(
                            key(stringify!($table), stringify!($name)),
                            &mut |raw, range| {
                                $name = Some(<$type as Value>::read(raw, range)?);
                                Ok(())
                            },
                        );
                        failed = asked.err().or(failed);
                    )+
                    if let Some(failed) = failed {
                        return Err(failed);
                    }
                    Ok(Self {
                        $($name: $name.expect("an answer reads the value or fails"),)+
                    })
                }
            }
        )+

        static KEYS: &[Key] = &[$($(Key {
            table: stringify!($table),
            field: stringify!($name),
            kind: <$type as Value>::KIND,
            default: tables!(@option $($default)?),
            absent: tables!(@option $($absent)?),
            range: tables!(@option $(($least, $most))?),
            flag: tables!(@option $($flag)?),
            docs: &[$($doc),+],
        },)+)+];

        /// Each table with what it is for, in the order of the reference.
        pub(crate) static TABLES: &[(&str, &[&str])] = &[$((stringify!($table), &[$($about),+]),)+];
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}

/// Takes what was written, and the range of the key; says what is wrong with it.
pub(crate) type Reader<'a> =
    dyn FnMut(&crate::value::Raw, Option<(u64, u64)>) -> Result<(), String> + 'a;

fn key(table: &str, field: &str) -> &'static Key {
    let is_it = |key: &&Key| key.table == table && key.field == field;
    KEYS.iter().find(is_it).expect("the table lists its own fields")
}

/// Every key, in the order of the reference.
#[must_use]
pub fn keys() -> &'static [Key] {
    KEYS
}

tables! {
    /// Where Cuttle listens, and for whom it answers.
    [server] Server {
        /// Address to serve on: `127.0.0.1:4000`. `4000` and `localhost:4000` are this machine alone, `:4000` is every address.
        listen: Option<SocketAddr>, absent "`127.0.0.1:4000`, or `0.0.0.0:$PORT` where `PORT` is set", flag "listen";
        /// Address of health, metrics and purging: also `unix:PATH` for a socket that only this user can open, or `off`.
        admin: Admin = "127.0.0.1:4001", flag "admin";
        /// What a caller of the admin address must present as `Authorization: Bearer`. Health needs none.
        admin_token: Option<Secret>, absent "no token; away from loopback, purging is then off";
        /// Names under which the admin address may be asked, beside itself and loopback.
        admin_hosts: Vec<String> = "";
        /// Names to answer for beside addresses and `localhost` while listening on loopback. A remote source that leads to an image endpoint on one of them is refused.
        hosts: Vec<String> = "", flag "host";
        /// Proxies in front of Cuttle, by address or network. What they say in `X-Forwarded-*` and `Forwarded` is believed and passed on; of anyone else it is replaced. Behind a proxy on another machine or in another container, list it: else every visitor is the proxy, and the application is told `http`.
        trusted_proxies: Vec<IpNet> = "127.0.0.0/8,::1";
        /// Path under which everything is Cuttle's: `<prefix>/image` is the strict endpoint.
        prefix: String = "/_cuttle";
        /// Folder for what outlives the process.
        state_dir: Option<PathBuf>, absent "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/cuttle`, else `~/.local/state/cuttle`", flag "state-dir";
        /// Refuse to start unless every layer of the workers' sandbox is active.
        require_sandbox: bool = "false", flag "require-sandbox";
        /// How long a connection stays open on which nothing is asked. More than the 60 s of most balancers, which else send requests on connections that are just being closed: those of `POST` are lost, as nobody may send them again. Whoever has begun a request, or opened a connection, has 10 s for its headers.
        keep_alive: Milliseconds = "75s", in 10_000..=3_600_000;
        /// How long both addresses go on answering after SIGTERM, with `Connection: close` and a `/readyz` that says `draining`: for balancers that must notice first.
        drain_delay: Milliseconds = "0s", in 0..=600_000;
        /// The longest time for answers under way after that. Nothing new is accepted meanwhile, and the admin address is free for the successor.
        drain: Milliseconds = "30s", in 0..=3_600_000;
        /// `auto` is for people on a terminal and JSON elsewhere.
        log_format: LogFormat = "auto";
        /// Of how many answers straight from a cache one is logged; 0 is none. A line each is 340 MB for a million of them, and metrics count them anyway.
        log_hits: u64 = "0", in 0..=1_000_000;
    }
    /// What the strict endpoint allows. With a Next build, its widths, qualities, formats and patterns hold for both endpoints, and what is written here replaces them for the strict one: one pattern written here replaces all of the build's. Without a build, this holds for both.
    [images] Images {
        /// Patterns of the application's own paths.
        local_patterns: Option<Vec<String>>, absent "every path without a query";
        /// Patterns of other servers' URLs.
        remote_patterns: Vec<String> = "";
        /// Widths in pixels.
        sizes: Vec<u32> = "32,48,64,96,128,256,384,640,750,828,1080,1200,1920,2048,3840", in 1..=65_535;
        /// Heights in pixels. None by default: width × height × fit × format is thousands of variants of a picture.
        heights: Vec<u32> = "", in 1..=65_535;
        /// Qualities; a request that names none gets the one nearest 75.
        qualities: Vec<u32> = "75", in 1..=100;
        /// `avif` and `webp`, the preferred one first.
        formats: Vec<String> = "webp", flag "formats";
        /// The least time for which a picture is fresh.
        min_ttl: Milliseconds = "4h", in 0..=31_536_000_000;
        /// For how long after that a stale picture is served while it is fetched again.
        stale_while_revalidate: Milliseconds = "7d", in 0..=31_536_000_000;
        /// For how long a stale picture is served while its source cannot be reached.
        stale_if_error: Milliseconds = "1d", in 0..=31_536_000_000;
        /// Pass SVG originals through, as a download that runs nothing.
        svg: bool = "false";
        /// Hosts and networks (such as `10.1.0.0/16`) that remote sources may be on although they are not public.
        allow_addresses: Vec<String> = "";
    }
    /// Where originals come from, and the time that one request may take.
    [optimizer] Optimizer {
        /// Serve the image endpoints alone; anything else is 404.
        only: bool = "false", flag "optimizer-only";
        /// Where the originals of relative URLs come from: a URL, or the `id` of an application.
        fallback: Option<String>, absent "the application", flag "fallback";
        /// The whole budget of one request: queue, fetch, encode, every attempt.
        timeout: Milliseconds = "30s", in 1_000..=600_000;
        /// How long a finished result is kept where processes share results.
        ttl: Milliseconds = "1h", in 1_000..=31_536_000_000;
        /// Attempts to fetch an original, the first included. Only network errors, 429 and 5xx are tried again.
        max_attempts: u64 = "3", in 1..=10;
        /// Refusals as `text`, or as `json` with a reason that a program can read.
        errors: Errors = "text";
    }
    /// What one picture, one request and the whole process may cost.
    [limits] Limits {
        /// Connections at a time, event streams and tunnels not counted. While more than three quarters are taken, one client (an address, an IPv6 network of 64 bits, or whom a trusted proxy names) has at most a quarter; when all are, those that were idle longest are closed, and then one more is answered 503.
        connections: u64 = "1024", in 16..=1_000_000;
        /// Event streams and tunnels (`WebSocket`) at a time, with the same shares.
        streams: u64 = "1024", in 16..=1_000_000;
        /// The longest wait for the application to begin an answer of its own, upload aside. Raise it for reports and exports that take longer, and for `next dev`, whose first compile may; an answer that has begun may last as long as it likes.
        app_answer: Milliseconds = "60s", in 1_000..=3_600_000;
        /// The longest silence of a client that uploads.
        upload_silence: Milliseconds = "30s", in 1_000..=600_000;
        /// Pictures rendered at a time, each in a process of its own.
        workers: Option<u64>, absent "the number of cores", in 1..=256, flag "workers";
        /// Ceiling for all processes together.
        memory: Option<Bytes>, absent "three quarters of the container's or machine's memory", in 67_108_864..=1_099_511_627_776, flag "memory";
        /// The largest original.
        source: Bytes = "20MB", in 1..=1_000_000_000;
        /// The longest side of an original in pixels.
        side: u64 = "65535", in 1..=65_535;
        /// Pixels of one frame.
        pixels: u64 = "50000000", in 1..=1_000_000_000;
        /// Pixels of all frames of an animation together.
        frames_pixels: u64 = "100000000", in 1..=4_000_000_000;
        /// Frames of an animation.
        frames: u64 = "500", in 1..=100_000;
        /// The longest render.
        transform: Milliseconds = "10s", in 100..=600_000;
        /// Requests that wait for a worker; one more is refused at once.
        queue: u64 = "64", in 0..=100_000;
        /// The longest wait for a worker.
        queue_wait: Milliseconds = "5s", in 0..=600_000;
        /// The longest wait for a connection to a source.
        connect: Milliseconds = "3s", in 100..=600_000;
        /// The longest fetch of an original, connection and body included.
        fetch: Milliseconds = "10s", in 100..=600_000;
        /// Fetches from one host at a time, half of them for one client at most. One that has lasted a second counts a quarter.
        fetches_per_host: u64 = "8", in 1..=1_000;
        /// Redirects to follow from a remote source, each checked like the first URL.
        max_redirects: u64 = "0", in 0..=20;
    }
    /// This process's own tiers: originals for seconds, finished pictures in memory and on disk.
    [cache] Cache {
        /// Finished pictures in memory.
        memory: Option<Bytes>, absent "a sixteenth of the memory ceiling, at least 4 MiB and at most 64", in 0..=1_099_511_627_776;
        /// Keep finished pictures on disk too.
        disk: bool = "true";
        /// The most that they may take there, with the index that finds them and its log.
        disk_bytes: Option<Bytes>, absent "5 % of the file system, at least 1 GiB and at most 4 GiB", in 16_777_216..=1_125_899_906_842_624;
        /// How long a picture that nobody asks for is kept.
        max_age: Milliseconds = "30d", in 60_000..=31_536_000_000;
        /// Requests whose answer is known without work; long names make them fewer.
        entries: u64 = "1000000", in 1_000..=100_000_000;
        /// How long an original is kept for the other widths of a page.
        source_ttl: Milliseconds = "10s", in 0..=600_000;
        /// Bytes of originals kept.
        source_bytes: Bytes = "64MiB", in 0..=1_099_511_627_776;
        /// Originals kept.
        source_entries: u64 = "256", in 0..=1_000_000;
    }
    /// What several processes share.
    [storage] Storage {
        /// `memory` shares nothing; `filesystem` shares results between processes of one host.
        r#type: StorageType = "memory";
        /// Folder of the shared results.
        path: Option<PathBuf>, absent "in the state directory";
        /// The most that they may take, with their index and its log.
        max_bytes: Option<Bytes>, absent "as `cache.disk_bytes`", in 16_777_216..=1_125_899_906_842_624;
    }
    /// The application behind Cuttle, once for each.
    [apps] AppKeys {
        /// A name for it in this file and in logs.
        id: String = "app";
        /// Where the application listens: pictures are made here, everything else is asked of it.
        upstream: Option<HttpUrl>, absent "there is no server to ask", flag "upstream";
        /// Folder of the built Next application, for its image configuration and its `public/`. A new build in it is followed while Cuttle runs.
        next: Option<PathBuf>, absent "no Next build", flag "next";
        /// Its address for the public, which it is told in `X-Forwarded-Host` and `X-Forwarded-Proto`.
        public_url: Option<HttpUrl>, absent "it is told nothing";
    }
    /// What an application is sent of a client's request, beside its address, when it loads an original, under `[[apps.forward]]`. Every answer under these paths is private.
    [forward] Forward {
        /// Patterns of the paths.
        paths: Vec<String> = "";
        /// Names of headers.
        headers: Vec<String> = "";
        /// Names of cookies.
        cookies: Vec<String> = "";
    }
}
