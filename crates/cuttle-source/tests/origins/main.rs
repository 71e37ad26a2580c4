//! Loads over real sockets: scripted origins on loopback, which the guard lets through only by an explicit exception.

mod answers;
mod files;
mod guarded;
mod origin;
mod redirects;
mod tls;
mod upstream;

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cuttle_contract::{Client, Failure, Source};
use cuttle_net::{Exceptions, Guard, Resolve, Resolving};
use cuttle_source::{
    Forwarded, HttpSettings, Intake, Limits, LoadError, Loaded, Origins, Outcome, Remote, Retry,
    State, Terms, Via,
};
use tokio::time::Instant;
use url::Url;

/// A sink that notes how its room grew.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) reserved: Vec<u64>,
}

impl Write for Memory {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let room = self.reserved.last().copied().unwrap_or_default();
        assert!((self.bytes.len() + chunk.len()) as u64 <= room, "written before it was paid for");
        self.bytes.write(chunk)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Intake for Memory {
    async fn reserve(&mut self, total: u64) -> Result<(), Failure> {
        self.reserved.push(total);
        Ok(())
    }
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        Ok(())
    }
}

/// A resolver whose answers are written down: one list of addresses for each look-up of a name, the last one for ever.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>, Mutex<Vec<String>>);

impl Names {
    pub(crate) fn of(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |addresses: &&[&str]| {
            addresses.iter().map(|address| address.parse().expect("an address")).collect()
        };
        let names = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().rev().map(parse).collect()));
        Arc::new(Self(Mutex::new(names.collect()), Mutex::default()))
    }

    /// Every name that was looked up, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.1.lock().expect("not poisoned").clone()
    }
}

impl Resolve for Names {
    fn resolve(&self, name: &str) -> Resolving {
        self.1.lock().expect("not poisoned").push(name.to_owned());
        let mut names = self.0.lock().expect("not poisoned");
        let found = names.get_mut(name).map(|answers| match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().expect("an answer for each look-up"),
        });
        Box::pin(async { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What a load is given beside the source.
pub(crate) struct Setting {
    pub(crate) limits: Limits,
    pub(crate) budget: Duration,
    pub(crate) forwarded: Forwarded,
}

impl Default for Setting {
    fn default() -> Self {
        Self { limits: LIMITS, budget: LONG, forwarded: Forwarded::default() }
    }
}

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);
pub(crate) const LIMITS: Limits =
    Limits { bytes: 1_000_000, redirects: 3, first_byte: LONG, hop: LONG };

impl Setting {
    pub(crate) async fn load(
        &self,
        origins: &Origins,
        source: &Source,
        previous: Option<&State>,
    ) -> Result<Outcome<Memory>, LoadError> {
        let terms = Terms {
            deadline: Instant::now() + self.budget,
            limits: self.limits,
            // Every source but those of one path, so that a redirect can be refused.
            allowed: &|source| !source.as_str().contains("/forbidden"),
            forwarded: &self.forwarded,
            client: Client::unknown(),
            via: &Via::default(),
        };
        origins.load(source, previous, &terms, Memory::default()).await
    }
}

pub(crate) fn local(path: &str) -> Source {
    Source::Local(cuttle_contract::LocalPath::parse(path).expect(path))
}

pub(crate) fn remote(url: &str) -> Source {
    Source::Remote(Url::parse(url).expect(url))
}

/// Three attempts a millisecond apart.
pub(crate) fn settings() -> HttpSettings {
    let retry = Retry::new(3, Duration::from_millis(1)).seeded(1);
    HttpSettings { retry, ..HttpSettings::default() }
}

pub(crate) fn guarded(names: Arc<Names>, networks: &[&str]) -> Origins {
    let networks = networks.iter().map(|network| network.parse().expect("a network")).collect();
    let guard = Guard::new(Exceptions { networks, ..Exceptions::default() });
    Origins::default().with_remote(Remote::new(guard, names, settings()))
}

/// Loopback is open and no name is known.
pub(crate) fn open() -> Origins {
    guarded(Names::of(&[]), &["127.0.0.0/8"])
}

pub(crate) fn loaded(outcome: Result<Outcome<Memory>, LoadError>) -> Loaded<Memory> {
    match outcome {
        Ok(Outcome::Loaded(loaded)) => loaded,
        other => panic!("not loaded: {other:?}"),
    }
}

pub(crate) fn refused(outcome: Result<Outcome<Memory>, LoadError>) -> LoadError {
    match outcome {
        Err(error) => error,
        Ok(outcome) => panic!("not refused: {outcome:?}"),
    }
}
