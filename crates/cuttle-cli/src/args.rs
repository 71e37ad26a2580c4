//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::flags::KeyFlags;

/// Small, safe renditions of your pictures, from bounded caches and locked-up codecs.
#[derive(Debug, Parser)]
#[command(
    name = "cuttle",
    version,
    max_term_width = 100,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Render(Render),
    Check(Check),
    Config(ConfigArgs),
    Stats(Stats),
    Purge(Purge),
    Reload(Reload),
}

/// Serve pictures: those of a folder, or those of a Next application in front of which this stands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle serve ~/Pictures
      the pictures of a folder, its files, and a page to see them
  cuttle serve --next . --upstream http://127.0.0.1:3000
      in front of a Next application: images from here, everything else from there
  cuttle serve --optimizer-only --next . --fallback http://app:3000
      the image endpoints alone, beside it

  curl -H 'Accept: image/avif,image/webp' -o small.avif \\
    'http://127.0.0.1:4000/_next/image?url=%2Fphoto.jpg&w=640&q=75'
  curl -o small.webp 'http://127.0.0.1:4000/_cuttle/image?src=/photo.jpg&w=640&f=webp'

Everything can also be written in cuttle.toml; `cuttle config print` shows what holds, and why.")]
pub(crate) struct Serve {
    /// Folder of pictures [default: the current one, unless there is an application]
    #[arg(value_name = "DIR", conflicts_with_all = ["upstream", "next", "optimizer-only", "fallback"])]
    pub(crate) folder: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// Where the configuration comes from, beside variables.
#[derive(Debug, Args)]
pub(crate) struct Layers {
    /// Configuration file [default: cuttle.toml in this folder, if it is there]
    #[arg(long, value_name = "FILE", env = "CUTTLE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) flags: KeyFlags,
}

/// Show the configuration: what holds, or what can be written
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// What holds, as a file that would say the same, with where each value comes from
    Print(Layers),
    /// A JSON Schema of cuttle.toml, for editors
    Schema,
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

    /// File to write; its extension names the format unless -f does. A picture that moves is written as webp
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Width in pixels; a smaller picture keeps its size [default: it keeps its size]
    #[arg(short, long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=65_535), default_value_t = 65_535, hide_default_value = true)]
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

/// Show what a server on this machine does: requests, phases, workers, caches
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal the table is written anew each second, with what happened in the last ten; Ctrl-C ends it.")]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Once, with everything since it began
    #[arg(long)]
    pub(crate) once: bool,

    /// Once, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which server is asked.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Its admin address, or unix:PATH [default: as noted in the state directory]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<String>,

    /// Its state directory [default: as `serve` has it]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Its configuration file [default: as `serve` has it]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Have the server that runs here forget pictures, in memory and on disk
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle purge /photo.jpg
  cuttle purge --prefix https://cdn.example.com/blog/
  cuttle purge --all")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["source", "prefix", "all"]))]
pub(crate) struct Purge {
    /// What was made from this source: a path of the application, or a URL
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,

    /// What was made from all sources whose canonical name begins so
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,

    /// Everything
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// What was forgotten, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Have the server that runs here follow the build that is there now, as the one that the application runs
#[derive(Debug, Args)]
#[command(after_help = "\
A new build is noticed by itself, and the application's restart with it. This is for a restart that is not seen from here:
  next build && systemctl restart app && cuttle reload
Without a build, every picture of the application is asked about again. `kill -HUP` does the same.")]
pub(crate) struct Reload {
    /// Its state directory [default: as `serve` has it]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Its configuration file [default: as `serve` has it]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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

/// Say what `serve` with the same arguments would have: codecs, sandbox, limits, memory, the application's build
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) layers: Layers,

    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
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
}
