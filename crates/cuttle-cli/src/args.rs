//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cuttle_host::Layers;

use crate::flags::KeyFlags;

/// Fast and safe image optimization for self-hosted Next.js apps, and for folders of images.
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
    Run(Run),
    Dev(Dev),
    Logs(Logs),
    Render(Render),
    Check(Check),
    Config(ConfigArgs),
    Stats(Stats),
    Purge(Purge),
    Reload(Reload),
}

/// Serve optimized images, in front of a Next.js app or of a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle serve ~/Pictures
      a folder of images, with a page that compares originals and optimized images
  cuttle serve --next . --upstream http://127.0.0.1:3000
      in front of a Next.js app: images from Cuttle, everything else from the app
  cuttle serve --optimizer-only --next . --fallback http://app:3000
      images only, beside the app: your proxy sends /_next/image here

  curl -H 'Accept: image/avif,image/webp' -o small.avif \\
    'http://127.0.0.1:4000/_next/image?url=%2Fphoto.jpg&w=640&q=75'
  curl -o small.webp 'http://127.0.0.1:4000/_cuttle/image?src=/photo.jpg&w=640&f=webp'

Every setting can also be written in cuttle.toml. `cuttle config print` shows what is set, and where.")]
pub(crate) struct Serve {
    /// Folder of images [default: the current one, unless there is an app]
    #[arg(value_name = "DIR", conflicts_with_all = ["upstream", "next", "optimizer-only", "fallback"])]
    pub(crate) folder: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) layers: LayerArgs,
}

/// Start a Next.js app, and serve it with optimized images
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle run
      in the folder of a built Next.js app: runs `next start`
  cuttle run -- npm start
      any command; it is told its port by the variable PORT
  cuttle run --listen 0.0.0.0:80 -- node .next/standalone/server.js

Open http://127.0.0.1:4000. The app itself listens on another port of this machine only. It is started again
when it ends, and ends when Cuttle ends. `cuttle logs` shows what it prints, and `cuttle reload` replaces it by
a new build without dropping a request. In cuttle.toml the same is `run = [\"npm\", \"start\"]` in [[apps]].")]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) layers: LayerArgs,

    /// Command that starts the app [default: next start]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Write a Next.js app: `next dev`, with optimized images as they will be in production
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle dev
      in the folder of a Next.js app: runs its own `next dev`
  cuttle dev -- npx next dev --webpack
      any command that runs `next dev`; it is told its port by the variable PORT

Open the address that is printed, http://NAME.localhost:4000. NAME is the `name` in package.json, else that of the
folder. Browsers find it without DNS, and Next allows it; at another name `next dev` may refuse live updates.
A picture that you change shows when the page asks for it again. Widths and qualities that next.config does not list
are answered by `next dev`, as are all images where next.config cannot be read.")]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) layers: LayerArgs,

    /// Command that starts the app [default: next dev]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Show what apps print that Cuttle runs
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The app, by its `id` [default: every app]
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,

    /// Go on with what is printed from now on. Ctrl-C ends it
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Only what was printed within this time, such as 10m
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// State directory of the server [default: that of `serve`]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Configuration file of the server [default: that of `serve`]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Where the configuration comes from, beside variables.
#[derive(Debug, Clone, Args)]
pub(crate) struct LayerArgs {
    /// Configuration file [default: cuttle.toml in this folder, if there is one]
    #[arg(long, value_name = "FILE", env = "CUTTLE_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) flags: KeyFlags,
}

impl From<&LayerArgs> for Layers {
    fn from(LayerArgs { config, flags }: &LayerArgs) -> Self {
        Self { config: config.clone(), flags: flags.0.clone(), ..Self::default() }
    }
}

/// Show the configuration
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and where it comes from
    Print(LayerArgs),
    /// Print a JSON Schema of cuttle.toml, for editors
    Schema,
}

/// Optimize one image file, as the server would
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  cuttle render photo.jpg small.avif -w 640")]
pub(crate) struct Render {
    /// Image to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,

    /// File to write. Its extension names the format, unless -f does. An animation must be .webp
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,

    /// Width in pixels. A smaller image is not enlarged [default: the image keeps its size]
    #[arg(short, long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=65_535), default_value_t = 65_535, hide_default_value = true)]
    pub(crate) width: u32,

    /// Height in pixels [default: what the width makes it]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub(crate) height: Option<u32>,

    /// cover (fill width and height, cut off the rest) or contain (the whole image inside them)
    #[arg(long, value_name = "FIT", value_enum, default_value_t, requires = "height")]
    pub(crate) fit: Fit,

    /// What cover keeps: the centre, or smart, the part with the most detail
    #[arg(long, value_name = "CROP", value_enum, default_value_t, requires = "height")]
    pub(crate) crop: Crop,

    /// Quality, 1 to 100; the same number looks the same in every format
    #[arg(short, long, value_name = "N", default_value_t = 75, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: u8,

    /// avif, webp, jpeg or png
    #[arg(short, long, value_name = "FMT")]
    pub(crate) format: Option<String>,

    /// fast (as the server does), balanced or small: more time for a smaller file
    #[arg(long, value_name = "PROFILE", value_enum, default_value_t)]
    pub(crate) profile: Profile,
}

/// Show what the running server does, as a live table
#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal the table is refreshed every second and shows the last ten seconds. Ctrl-C ends it.")]
pub(crate) struct Stats {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Print the table once, with totals since the start
    #[arg(long)]
    pub(crate) once: bool,

    /// Print once, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which server is asked.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Admin address of the server, or unix:PATH [default: found through the state directory]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<String>,

    /// State directory of the server [default: that of `serve`]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Configuration file of the server [default: that of `serve`]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Remove images from the cache of the running server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cuttle purge /photo.jpg
  cuttle purge --prefix https://cdn.example.com/blog/
  cuttle purge --all
  cuttle purge --all --app shop")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["source", "prefix", "all"]))]
pub(crate) struct Purge {
    /// Everything made from this original: a path of the app, or a URL
    #[arg(value_name = "SOURCE")]
    pub(crate) source: Option<String>,

    /// Everything made from originals whose path or URL begins like this
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,

    /// Of this application alone, by its `id` [default: of every one]
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<String>,

    /// Everything that is cached
    #[arg(long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Print what was removed, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tell the running server that the app was restarted with a new build
#[derive(Debug, Args)]
#[command(after_help = "\
Cuttle notices a new build and the restart of the app by itself. Use this when it cannot see the restart:
  next build && systemctl restart app && cuttle reload
Without a build, every image of the app is checked again. `kill -HUP` does the same.")]
pub(crate) struct Reload {
    /// State directory of the server [default: that of `serve`]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Configuration file of the server [default: that of `serve`]
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

/// Check this machine and the app's build, with the arguments of `serve`
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) layers: LayerArgs,

    /// Print as JSON
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
