//! What can be typed. Every flag of `serve` is also a variable, `CUTTLE_…`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cuttle_contract::Modern;

/// Small, safe renditions of your pictures, from bounded caches and locked-up codecs.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Render(Render),
    Check(Check),
}

/// Serve the pictures of a folder: /_next/image, /_cuttle/image, the files, and a page to see them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle serve ~/Pictures
  cuttle serve public --listen 0.0.0.0:8080 --formats webp

  curl -H 'Accept: image/avif,image/webp' -o small.avif \\
    'http://127.0.0.1:4000/_next/image?url=%2Fphoto.jpg&w=640&q=75'
  curl -o small.webp 'http://127.0.0.1:4000/_cuttle/image?src=/photo.jpg&w=640&f=webp'")]
pub(crate) struct Serve {
    /// Folder of pictures
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Address to serve on [default: 127.0.0.1:4000, or 0.0.0.0:$PORT where PORT is set]
    #[arg(long, value_name = "ADDR", env = "CUTTLE_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,

    /// Another name to answer for while listening on loopback, such as that of a proxy in front
    ///
    /// On loopback only addresses, localhost and these names are answered, so that no web page can
    /// read the folder by pointing a name of its own at this machine.
    #[arg(long = "host", value_name = "NAME", env = "CUTTLE_HOST", value_delimiter = ',')]
    pub(crate) hosts: Vec<String>,

    /// Address of /healthz and /readyz, or `off`
    #[arg(long, value_name = "ADDR", env = "CUTTLE_ADMIN", default_value = "127.0.0.1:4001")]
    pub(crate) admin: Admin,

    #[command(flatten)]
    pub(crate) machine: Machine,

    /// Modern formats offered to clients that accept them, best first
    #[arg(long, value_name = "LIST", env = "CUTTLE_FORMATS", value_delimiter = ',', default_value = "avif,webp", value_parser = modern)]
    pub(crate) formats: Vec<Modern>,

    /// Refuse to start unless every layer of the workers' sandbox is active
    #[arg(long, env = "CUTTLE_REQUIRE_SANDBOX")]
    pub(crate) require_sandbox: bool,
}

/// What the server may take of the machine.
#[derive(Debug, Args)]
pub(crate) struct Machine {
    /// Pictures rendered at a time, each in a process of its own [default: number of cores]
    #[arg(long, value_name = "N", env = "CUTTLE_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,

    /// Ceiling for all processes together, such as 512MiB [default: three quarters of the container's
    /// or machine's memory]
    #[arg(long, value_name = "SIZE", env = "CUTTLE_MEMORY")]
    pub(crate) memory: Option<Size>,
}

/// Render one picture with the engine that serves, in a sandboxed worker
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cuttle render photo.jpg small.avif -w 640")]
pub(crate) struct Render {
    /// Picture to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// File to write; its extension names the format unless -f does
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Width in pixels; a smaller picture keeps its size
    #[arg(short, long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub(crate) width: u32,

    /// Height in pixels of the box to fit [default: as the width makes it]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub(crate) height: Option<u32>,

    /// cover (fill the box, cut off the rest) or contain (whole inside the box)
    #[arg(long, value_name = "FIT", value_enum, default_value_t, requires = "height")]
    pub(crate) fit: Fit,

    /// What cover keeps: the centre, or smart, the part with the most in it
    #[arg(long, value_name = "CROP", value_enum, default_value_t, requires = "height")]
    pub(crate) crop: Crop,

    /// Quality, 1 to 100, the same scale in every format
    #[arg(short, long, value_name = "N", default_value_t = 75, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: u8,

    /// avif, webp, jpeg or png
    #[arg(short, long, value_name = "FMT")]
    pub(crate) format: Option<String>,

    /// fast (what a server does while someone waits), balanced or small: more time for fewer bytes
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t)]
    pub(crate) profile: Profile,
}

/// How much time an encoder gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Profile {
    #[default]
    Fast,
    Balanced,
    Small,
}

/// How a picture meets a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Fit {
    #[default]
    Cover,
    Contain,
}

/// Which part is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Crop {
    #[default]
    #[value(alias = "center")]
    Centre,
    Smart,
}

/// Say what this machine gives: codecs, sandbox layers, limits, cores, memory plan
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) machine: Machine,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,

    /// Exit with 1 unless every layer of the sandbox is active
    #[arg(long)]
    pub(crate) require_sandbox: bool,
}

/// Where operators ask.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Admin {
    Off,
    At(SocketAddr),
}

impl FromStr for Admin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::At)
            .map_err(|_| "an address such as 127.0.0.1:4001, or off".to_owned())
    }
}

/// A number of bytes: `512MiB`, `2GiB`, `300MB`, or plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a size such as 512MiB or 2GiB");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).map(Self).ok_or_else(wrong)
    }
}

fn modern(name: &str) -> Result<Modern, String> {
    Modern::from_name(name).ok_or_else(|| format!("`{name}` is neither avif nor webp"))
}

impl Serve {
    /// The listen address: the flag, else the port that a hosting platform sets, else ours.
    ///
    /// # Errors
    /// A `PORT` that is none.
    pub(crate) fn listen(&self) -> Result<SocketAddr, String> {
        if let Some(address) = self.listen {
            return Ok(address);
        }
        match std::env::var("PORT") {
            Ok(port) => port
                .parse()
                .map(|port: u16| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
                .map_err(|_| format!("the variable PORT is `{port}`, which is not a port number")),
            Err(_) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 4000))),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_fit_needs_a_height() {
        let parse = |tail: &[&str]| {
            let head = ["cuttle", "render", "in.jpg", "out.webp", "-w", "64"];
            Cli::try_parse_from(head.iter().chain(tail))
        };
        assert!(parse(&["--height", "64", "--fit", "cover", "--crop", "smart"]).is_ok());
        assert!(parse(&["--height", "64", "--fit", "contain"]).is_ok());
        assert!(parse(&["--fit", "cover"]).is_err());
        assert!(parse(&["--crop", "smart"]).is_err());
        assert!(parse(&["--height", "0"]).is_err());
    }

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in
            [("512MiB", 512 << 20), ("2g", 2 << 30), ("300MB", 300_000_000), ("1024", 1024)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5G", "10 parsecs", "99999999999999999999"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
