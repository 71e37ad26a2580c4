//! Every key, once: name, type, default, range, flag, and the sentence that people read.
//!
//! A key whose effect is not built yet says so wherever it is described, and whoever sets it is told at start.

use std::{net::SocketAddr, path::PathBuf};

use cuttle_contract::{RouteHost, RouteMethod, RoutePattern, RoutePrefix};
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
    /// What happens without a value, in words; beside a default, where a build or a folder has another one.
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

    /// A value as a file has it, for whoever wrote something else.
    pub(crate) fn example(&self) -> Option<String> {
        let kind = if let Kind::List(entry) = self.kind { *entry } else { self.kind };
        let number = |usual: u64| {
            let (least, most) = self.range.unwrap_or((0, u64::MAX));
            self.default.and_then(|text| text.parse().ok()).unwrap_or(usual).clamp(least, most)
        };
        let value = match kind {
            Kind::Bool => "true".to_owned(),
            Kind::Integer if matches!(self.kind, Kind::List(_)) => match self.field {
                "sizes" => return Some("[640, 1080]".to_owned()),
                _ => number(75).to_string(),
            },
            Kind::Integer => number(2).to_string(),
            Kind::Duration => format!("{:?}", self.default.unwrap_or("30s")),
            Kind::Size => format!("{:?}", self.default.unwrap_or("512MiB")),
            Kind::Choice(words) => format!("{:?}", words.get(1).or(words.first())?),
            Kind::Address | Kind::AddressOrOff => {
                format!("{:?}", self.default.unwrap_or("127.0.0.1:4000"))
            }
            Kind::Network => "\"172.16.0.0/12\"".to_owned(),
            Kind::Url => "\"http://127.0.0.1:3000\"".to_owned(),
            Kind::Text | Kind::Secret | Kind::Path | Kind::List(_) => return None,
        };
        Some(if matches!(self.kind, Kind::List(_)) { format!("[{value}]") } else { value })
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
        /// Address to listen on, such as `127.0.0.1:4000`. `4000` and `localhost:4000` mean this machine only, `:4000` means every address.
        listen: Option<SocketAddr>, absent "`127.0.0.1:4000`, or `0.0.0.0:$PORT` where `PORT` is set", flag "listen";
        /// Address for operators: health, metrics, purging. Also `unix:PATH`, a socket that only this user can open, or `off`.
        admin: Admin = "127.0.0.1:4001", flag "admin";
        /// Secret that a caller of the admin address must send as `Authorization: Bearer`. Health checks need none.
        admin_token: Option<Secret>, absent "no token. If other machines reach the admin address, nothing can be purged without one";
        /// More host names under which the admin address may be asked. `localhost` and its own address always work.
        admin_hosts: Vec<String> = "";
        /// More host names to answer for when a folder is served on `localhost`. Other names are refused, so that no web page can read your folder. An image URL that leads back to one of these names is refused.
        hosts: Vec<String> = "", flag "host";
        /// Proxies in front of Cuttle, by address or network. Their `X-Forwarded-*` and `Forwarded` headers are believed and passed on; everyone else's are replaced. List a proxy on another machine or in another container. Otherwise all visitors count as one, and the app is told `http`.
        trusted_proxies: Vec<IpNet> = "127.0.0.0/8,::1";
        /// Path that belongs to Cuttle: `<prefix>/image` is the strict endpoint.
        prefix: String = "/_cuttle";
        /// Folder for what survives a restart, such as the cached images. If others may write to it, as to a volume of a container, Cuttle uses a folder `cuttle-UID` inside it.
        state_dir: Option<PathBuf>, absent "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/cuttle`, else `~/.local/state/cuttle`", flag "state-dir";
        /// Refuse to start if any layer of the sandbox is missing.
        require_sandbox: bool = "false", flag "require-sandbox";
        /// How long an idle connection stays open. It must be longer than your load balancer keeps one (usually 60 s), or a form that is sent at that moment is lost. A client has 10 s to send the headers of a request.
        keep_alive: Milliseconds = "75s", in 10_000..=3_600_000;
        /// How long Cuttle goes on as before after SIGTERM, while `/readyz` says `draining`. For load balancers that need time to notice.
        drain_delay: Milliseconds = "0s", in 0..=600_000;
        /// After that, how long requests under way may still take. New ones are not accepted.
        drain: Milliseconds = "30s", in 0..=3_600_000;
        /// `auto` is readable text on a terminal and JSON elsewhere.
        log_format: LogFormat = "auto";
        /// Log one of so many answers from the cache; 0 logs none. One line each is 340 MB for a million. Metrics count all of them anyway.
        log_hits: u64 = "0", in 0..=1_000_000;
    }
    /// Which images are allowed. With a Next build, `/_next/image` always follows the build; what you write here changes the strict endpoint only, and one pattern here replaces all patterns of the build there. Without a build, this holds for both endpoints.
    [images] Images {
        /// Paths of the app's own images, as patterns.
        local_patterns: Option<Vec<String>>, absent "every path without a query";
        /// URLs of images on other servers, as patterns.
        remote_patterns: Vec<String> = "";
        /// Widths in pixels.
        sizes: Vec<u32> = "32,48,64,96,128,256,384,640,750,828,1080,1200,1920,2048,3840", in 1..=65_535;
        /// Heights in pixels. None by default, as width × height × fit × format makes thousands of versions of each image.
        heights: Vec<u32> = "", in 1..=65_535;
        /// Qualities. A request without one gets the one nearest to 75.
        qualities: Vec<u32> = "75", absent "`75`; those of a Next build; for a folder `30 45 60 75 90`", in 1..=100;
        /// `avif` and `webp`, the preferred one first.
        formats: Vec<String> = "webp", absent "`webp`; those of a Next build; for a folder `avif webp`", flag "formats";
        /// How long an optimized image is used before its source is asked again, at least. The `minimumCacheTTL` of Next, but in milliseconds if you write a plain number.
        min_ttl: Milliseconds = "4h", in 0..=31_536_000_000;
        /// After that, how long the old image is still sent while a new one is fetched in the background.
        stale_while_revalidate: Milliseconds = "7d", in 0..=31_536_000_000;
        /// How long the old image is sent while its source does not work.
        stale_if_error: Milliseconds = "1d", in 0..=31_536_000_000;
        /// Send SVG files as they are, as downloads that run no script.
        svg: bool = "false";
        /// Hosts and networks with private addresses (such as `10.1.0.0/16`) from which images may be loaded. All others are refused.
        allow_addresses: Vec<String> = "";
    }
    /// How originals are fetched.
    [optimizer] Optimizer {
        /// Answer only image requests; anything else is 404.
        only: bool = "false", flag "optimizer-only";
        /// Where the app's own images are fetched from: a URL, or the `id` of an app.
        fallback: Option<String>, absent "the app", flag "fallback";
        /// The most time for one image request in all: queue, fetch, encode, every attempt.
        timeout: Milliseconds = "30s", in 1_000..=600_000;
        /// How long a finished result is kept where processes share results.
        ttl: Milliseconds = "1h", in 1_000..=31_536_000_000;
        /// Attempts to fetch an original, the first included. Only network errors, 429 and 5xx are tried again.
        max_attempts: u64 = "3", in 1..=10;
        /// Refusals as `text`, or as `json` with a reason that a program can read.
        errors: Errors = "text";
    }
    /// Limits of images, requests and the whole process.
    [limits] Limits {
        /// Open connections, without event streams and `WebSockets`. When more than three quarters are taken, one client may have at most a quarter of them. When all are taken, the longest idle ones are closed, then new ones are answered 503.
        connections: u64 = "1024", in 16..=1_000_000;
        /// Open event streams and `WebSockets`, with the same shares.
        streams: u64 = "1024", in 16..=1_000_000;
        /// How long the app may take to begin an answer. Raise it for slow reports and exports, and for `next dev`. An answer that has begun may take any time.
        app_answer: Milliseconds = "60s", in 1_000..=3_600_000;
        /// How long a client may pause in the middle of an upload.
        upload_silence: Milliseconds = "30s", in 1_000..=600_000;
        /// Images optimized at the same time, each in a process of its own.
        workers: Option<u64>, absent "the number of cores", in 1..=256, flag "workers";
        /// Memory limit for all processes together.
        memory: Option<Bytes>, absent "three quarters of the memory of the container or machine", in 67_108_864..=1_099_511_627_776, flag "memory";
        /// The largest original, as a file.
        source: Bytes = "20MB", in 1..=1_000_000_000;
        /// The longest side of an original, in pixels.
        side: u64 = "65535", in 1..=65_535;
        /// The most pixels of an original (of one frame, for an animation).
        pixels: u64 = "50000000", in 1..=1_000_000_000;
        /// The most pixels of all frames of an animation together.
        frames_pixels: u64 = "100000000", in 1..=4_000_000_000;
        /// The most frames of an animation.
        frames: u64 = "500", in 1..=100_000;
        /// The most time to optimize one image.
        transform: Milliseconds = "10s", in 100..=600_000;
        /// How many images may wait for a worker. One more is answered 503 at once.
        queue: u64 = "64", in 0..=100_000;
        /// How long an image may wait for a worker.
        queue_wait: Milliseconds = "5s", in 0..=600_000;
        /// How long connecting to a source may take.
        connect: Milliseconds = "3s", in 100..=600_000;
        /// How long fetching an original may take in all.
        fetch: Milliseconds = "10s", in 100..=600_000;
        /// Fetches from one host at the same time; one client may have half of them.
        fetches_per_host: u64 = "8", in 1..=1_000;
        /// How many redirects of a remote image are followed. Each target is checked like the first URL.
        max_redirects: u64 = "0", in 0..=20;
    }
    /// What is cached: optimized images in memory and on disk, originals for some seconds.
    [cache] Cache {
        /// Memory for optimized images.
        memory: Option<Bytes>, absent "a sixteenth of the memory limit, between 4 and 64 MiB", in 0..=1_099_511_627_776;
        /// Cache optimized images on disk too.
        disk: bool = "true";
        /// Disk space for them, including their index.
        disk_bytes: Option<Bytes>, absent "5 % of the file system, between 1 and 4 GiB", in 16_777_216..=1_125_899_906_842_624;
        /// How long an image that nobody asks for stays cached.
        max_age: Milliseconds = "30d", in 60_000..=31_536_000_000;
        /// The most entries in the index of the cache.
        entries: u64 = "1000000", in 1_000..=100_000_000;
        /// How long an original is kept for the other widths of the same page.
        source_ttl: Milliseconds = "10s", in 0..=600_000;
        /// Memory for originals that are kept.
        source_bytes: Bytes = "64MiB", in 0..=1_099_511_627_776;
        /// The most originals that are kept.
        source_entries: u64 = "256", in 0..=1_000_000;
    }
    /// A cache that several processes share.
    [storage] Storage {
        /// `memory` shares nothing; `filesystem` shares the optimized images between processes on one machine.
        r#type: StorageType = "memory";
        /// Folder of the shared images.
        path: Option<PathBuf>, absent "in the state directory";
        /// Disk space for them, including their index.
        max_bytes: Option<Bytes>, absent "as `cache.disk_bytes`", in 16_777_216..=1_125_899_906_842_624;
    }
    /// Whom Cuttle trusts where it connects by https: to image servers, and to an app whose `upstream` is https.
    [tls] Tls {
        /// File with the certificates (PEM) of more authorities that are trusted, such as your company's own. `NODE_EXTRA_CA_CERTS` names one more file, as it does for Node. `SSL_CERT_FILE` names one that holds instead of Mozilla's list, which is built in.
        roots: Option<PathBuf>, absent "Mozilla's list alone";
    }
    /// The application behind Cuttle, once for each. A request goes to the one whose `hosts`, `prefix` and `routes` fit it best: a name over a `*.` name over none, then the longer path. The order in the file does not matter. What is in its own `[apps.images]` replaces the whole key of `[images]` for it.
    [apps] AppKeys {
        /// A name for it in this file, in logs, in metrics and for `cuttle purge --app`. Each application needs its own.
        id: String = "app";
        /// Names that visitors ask for it under: `shop.example`, or `*.shop.example` for all names below that. Without any, it has every name that no other application has. `host` with one name is the same.
        hosts: Vec<RouteHost> = "";
        /// Where its paths begin: `/docs`, which is the `basePath` of its Next config. Its optimized images are at `<prefix>/_next/image`, those of the strict endpoint at `<prefix>/_cuttle/image`.
        prefix: RoutePrefix = "/";
        /// Which paths it answers, where it does not answer all: `/api/*`, `/files/:name`, `/feed.xml`. A text goes before a `:name`, and that before `*`. Who names `/_next/image` itself gets it as it is, without an optimizer between: so another Cuttle can be asked.
        routes: Vec<RoutePattern> = "";
        /// Which methods it answers, where it does not answer all: `["GET"]`, which is `HEAD` too. Requests by another method go to the next app that answers their path.
        methods: Vec<RouteMethod> = "";
        /// Where the app listens. Cuttle makes its images and passes everything else on to it.
        upstream: Option<HttpUrl>, absent "there is no server to ask", flag "upstream";
        /// Command that starts the app, instead of `upstream`: `["npm", "start"]`. Cuttle runs it in the folder of `next`, else in that of this file, tells it a free port by `PORT`, starts it again when it ends, and ends it when Cuttle ends.
        run: Vec<String> = "";
        /// File with variables for the command of `run`: `NAME=VALUE` in each line.
        env_file: Option<PathBuf>, absent "those of Cuttle, without `CUTTLE_…`";
        /// User that the command of `run` is started as, where Cuttle runs as root: a name, or `UID:GID`.
        user: Option<String>, absent "the owner of its folder, and never root", flag "user";
        /// Path that must answer below 500 before the app of `run` gets requests.
        health: String = "/";
        /// How long requests wait while the app of `run` starts again. Then they are answered 503.
        hold: Milliseconds = "5s", in 0..=60_000;
        /// Folder of the built Next application, for its image configuration and its `public/`. A new build in it is followed while Cuttle runs.
        next: Option<PathBuf>, absent "no Next build", flag "next";
        /// Send the files of the build without asking the app: those below `/_next/static`, and those of `public/` that no middleware, redirect or rewrite of the app is about. Only for an `upstream` that runs this very build.
        static_files: Option<bool>, absent "`true` with `run`, `false` with `upstream`", flag "static-files";
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
