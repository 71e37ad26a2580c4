//! The types of values: how each is read from what was written, and what it is called in schema and reference.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use cuttle_contract::{RouteHost, RouteMethod, RoutePattern, RoutePrefix};
use ipnet::IpNet;
use url::Url;

use crate::units::{self, Bytes, Milliseconds};

/// What was written, before its key gives it a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<Raw>),
    /// No value anywhere.
    Absent,
}

/// What can be written for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, or a string of digits.
    Integer,
    /// `"30s"`, or milliseconds.
    Duration,
    /// `"512MiB"`, or bytes.
    Size,
    /// Any text.
    Text,
    /// Any text, never shown.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `127.0.0.1:4000`.
    Address,
    /// An address, `unix:PATH` or `off`.
    AddressOrOff,
    /// `10.1.0.0/16`, or one address.
    Network,
    /// An absolute `http` or `https` URL.
    Url,
    /// A path in the file system.
    Path,
    /// Several of these; in a variable with commas between them.
    List(&'static Self),
}

/// The least and the most that a number may be.
pub(crate) type Range = Option<(u64, u64)>;

/// A type that a key can have.
pub(crate) trait Value: Sized {
    const KIND: Kind;

    /// What is wrong with it is said in words that follow the name of the key.
    fn read(raw: &Raw, range: Range) -> Result<Self, String>;
}

impl Value for bool {
    const KIND: Kind = Kind::Bool;

    fn read(raw: &Raw, _: Range) -> Result<Self, String> {
        match raw {
            Raw::Bool(value) => Ok(*value),
            Raw::Text(text) if text == "true" => Ok(true),
            Raw::Text(text) if text == "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }
}

impl Value for u64 {
    const KIND: Kind = Kind::Integer;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let number = number(raw, |text| {
            text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        });
        within(number, range, "a whole number", |number| number.to_string())
    }
}

impl Value for u32 {
    const KIND: Kind = Kind::Integer;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let (least, most) = range.unwrap_or((0, u64::MAX));
        let number = u64::read(raw, Some((least, most.min(Self::MAX.into()))))?;
        Self::try_from(number).map_err(|_| "is too large".to_owned())
    }
}

impl Value for Milliseconds {
    const KIND: Kind = Kind::Duration;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let what = "a duration such as \"30s\", or a number of milliseconds";
        within(number(raw, units::duration), range, what, show_duration).map(Self)
    }
}

impl Value for Bytes {
    const KIND: Kind = Kind::Size;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let what = "a size such as \"512MiB\", or a number of bytes";
        within(number(raw, units::size), range, what, show_size).map(Self)
    }
}

impl Value for String {
    const KIND: Kind = Kind::Text;

    fn read(raw: &Raw, _: Range) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text.is_empty() => Err("must not be empty".to_owned()),
            Raw::Text(text) => Ok(text.clone()),
            _ => Err("must be a string".to_owned()),
        }
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind::Path;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        String::read(raw, range).map(Self::from)
    }
}

impl Value for SocketAddr {
    const KIND: Kind = Kind::Address;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let text = match raw {
            Raw::Integer(port) => port.to_string(),
            raw => String::read(raw, range)?,
        };
        address(&text).ok_or_else(|| {
            "must be an address and a port, such as \"127.0.0.1:4000\", or a port alone".to_owned()
        })
    }
}

/// A port alone and `localhost` are this machine, as is the default; without a host in front of the colon it is every address, as
/// in Go and nginx. Other names are not looked up: which address they have is not for a listener to find out.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = match text.parse() {
        Ok(address) => return Some(address),
        Err(_) => text.rsplit_once(':').unwrap_or(("localhost", text)),
    };
    let ip = match host {
        "localhost" => Ipv4Addr::LOCALHOST,
        "" | "*" => Ipv4Addr::UNSPECIFIED,
        _ => return None,
    };
    Some(SocketAddr::from((ip, port.parse().ok()?)))
}

impl Value for IpNet {
    const KIND: Kind = Kind::Network;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let text = String::read(raw, range)?;
        let network = text.parse().ok();
        network.or_else(|| text.parse::<IpAddr>().ok().map(Self::from)).ok_or_else(|| {
            "must be an address or a network, such as \"172.18.0.2\" or \"10.1.0.0/16\"".to_owned()
        })
    }
}

/// A part of a route, which says itself what is wrong with it.
macro_rules! part_of_route {
    ($($part:ty),*) => {$(
        impl Value for $part {
            const KIND: Kind = Kind::Text;

            fn read(raw: &Raw, range: Range) -> Result<Self, String> {
                let text = String::read(raw, range)?;
                Self::parse(&text).map_err(|wrong| format!("is {text:?}, which {wrong}"))
            }
        }
    )*};
}

part_of_route!(RouteHost, RoutePrefix, RoutePattern, RouteMethod);

impl<T: Value> Value for Option<T> {
    const KIND: Kind = T::KIND;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        if *raw == Raw::Absent { Ok(None) } else { T::read(raw, range).map(Some) }
    }
}

impl<T: Value> Value for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let Raw::List(entries) = raw else { return Err("must be a list in brackets".to_owned()) };
        let read = |(index, entry): (usize, &Raw)| {
            T::read(entry, range).map_err(|wrong| format!("has entry {}, which {wrong}", index + 1))
        };
        entries.iter().enumerate().map(read).collect()
    }
}

/// Where operators ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
    /// At this socket in the file system.
    Socket(PathBuf),
}

impl Value for Admin {
    const KIND: Kind = Kind::AddressOrOff;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "off" => Ok(Self::Off),
            Raw::Text(text) if text.strip_prefix("unix:").is_some_and(|path| !path.is_empty()) => {
                Ok(Self::Socket(text["unix:".len()..].into()))
            }
            other => SocketAddr::read(other, range)
                .map(Self::At)
                .map_err(|wrong| format!("{wrong}, \"unix:PATH\" or \"off\"")),
        }
    }
}

/// An absolute `http` or `https` URL without user information, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpUrl(pub Url);

impl Value for HttpUrl {
    const KIND: Kind = Kind::Url;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        let text = String::read(raw, range)?;
        let plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        Url::parse(&text).ok().filter(plain).map(Self).ok_or_else(|| {
            "must be a plain URL such as \"http://127.0.0.1:3000\", without user, query and fragment"
                .to_owned()
        })
    }
}

/// Text that is never printed or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that compares it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Value for Secret {
    const KIND: Kind = Kind::Secret;

    fn read(raw: &Raw, range: Range) -> Result<Self, String> {
        String::read(raw, range).map(Self)
    }
}

macro_rules! choice {
    ($(#[doc = $about:literal])+ $Name:ident { $($(#[doc = $doc:literal])+ $Variant:ident = $word:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $($(#[doc = $doc])+ $Variant,)+ }

        impl Value for $Name {
            const KIND: Kind = Kind::Choice(&[$($word),+]);

            fn read(raw: &Raw, _: Range) -> Result<Self, String> {
                match raw {
                    $(Raw::Text(text) if text == $word => Ok(Self::$Variant),)+
                    Raw::Text(text) if matches!(text.as_str(), "redis" | "valkey") => {
                        Err(format!("cannot be {text:?} yet: a store that several hosts share is not built"))
                    }
                    _ => Err(format!("must be one of {}", [$($word),+].map(|word| format!("{word:?}")).join(", "))),
                }
            }
        }
    };
}

choice! {
    /// How refusals are written.
    Errors {
        /// As Next does.
        Text = "text",
        /// For programs.
        Json = "json",
    }
}

choice! {
    /// How logs are written.
    LogFormat {
        /// By where they go.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// For programs.
        Json = "json",
    }
}

choice! {
    /// Where processes share results.
    StorageType {
        /// Nowhere.
        Memory = "memory",
        /// In a folder.
        Filesystem = "filesystem",
    }
}

/// The number as it is, or in a string.
fn number(raw: &Raw, in_text: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    match raw {
        Raw::Integer(number) => u64::try_from(*number).ok(),
        Raw::Text(text) => in_text(text),
        _ => None,
    }
}

fn within(
    number: Option<u64>,
    range: Range,
    what: &str,
    show: impl Fn(u64) -> String,
) -> Result<u64, String> {
    let number = number.ok_or_else(|| format!("must be {what}"))?;
    match range {
        Some((least, most)) if !(least..=most).contains(&number) => {
            Err(format!("must be between {} and {}", show(least), show(most)))
        }
        _ => Ok(number),
    }
}

/// In the largest unit that needs no fraction.
pub(crate) fn show_duration(milliseconds: u64) -> String {
    in_unit(
        milliseconds,
        &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)],
        "ms",
    )
}

/// In the largest unit that needs no fraction.
pub(crate) fn show_size(bytes: u64) -> String {
    in_unit(
        bytes,
        &[
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("KiB", 1 << 10),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("KB", 1_000),
        ],
        "B",
    )
}

fn in_unit(number: u64, units: &[(&str, u64)], least: &str) -> String {
    match units.iter().find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", number / factor),
        None if number == 0 => "0".to_owned(),
        None => format!("{number}{least}"),
    }
}
