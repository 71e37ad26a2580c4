//! What `next dev` allows of images. It writes no `required-server-files.json` (looked for in what 15.5 and 16.4 leave in `.next`),
//! so Next itself is asked, with the loader of its own that `next dev` uses, as the user whom the app runs as.
//!
//! Nothing of the app is read here, and nothing is guessed: where Next gives no answer, images are the app's own.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use cuttle_contract::NextBuild;
use rustix::process::{Pid, Signal, kill_process_group};

/// A configuration may ask other servers for what it says.
const WITHIN: Duration = Duration::from_secs(20);
/// A configuration with a thousand patterns is a tenth of it.
const MOST_BYTES: u64 = 1 << 20;
/// Those that Next looks for.
const FILES: [&str; 5] =
    ["next.config.js", "next.config.mjs", "next.config.ts", "next.config.mts", "next.config.cjs"];

/// Prints what a build would hold, after a NUL: a configuration may print as well. Nothing is fresh without a question, so that a
/// picture that was changed shows at once.
const SCRIPT: &str = r#"
const folder = process.argv[1];
const require_ = require('node:module').createRequire(folder + '/package.json');
const load = require_('next/dist/server/config').default;
Promise.resolve(load('phase-development-server', folder)).then((config) => {
  const { basePath, trailingSlash, output } = config;
  const images = { ...config.images, minimumCacheTTL: 0 };
  const text = JSON.stringify({ version: 1, config: { images, basePath, trailingSlash, output: output ?? null } });
  process.stdout.write('\0' + text, () => process.exit(0));
}, (error) => { console.error(error); process.exit(1); });
"#;

/// An app that is being written.
#[derive(Debug, Clone)]
pub(crate) struct Development {
    pub(crate) folder: PathBuf,
    /// What its images may be, or why that is not known.
    pub(crate) build: Result<NextBuild, String>,
    /// The state of its configuration that this is true of.
    stamp: Stamp,
}

type Stamp = [Option<(SystemTime, u64)>; FILES.len()];

impl Development {
    /// Asks the Next of the app in `folder`. Blocks.
    pub(crate) fn read(folder: &Path, user: Option<(u32, u32)>) -> Self {
        let stamp = stamp(folder);
        let build = ask(folder, user).and_then(|text| {
            let read = NextBuild::read(&text).map_err(|error| error.to_string())?;
            Ok(read.0)
        });
        Self { folder: folder.to_owned(), build, stamp }
    }

    /// What is to be said of it.
    pub(crate) fn warning(&self) -> Option<String> {
        let why = self.build.as_ref().err()?;
        Some(format!(
            "the image configuration of the app is not known, so that its own `/_next/image` makes all of its images: {why}"
        ))
    }

    /// Whether the configuration was written since.
    pub(crate) fn is_outdated(&self) -> bool {
        stamp(&self.folder) != self.stamp
    }
}

fn stamp(folder: &Path) -> Stamp {
    FILES.map(|name| {
        let file = fs::metadata(folder.join(name)).ok()?;
        Some((file.modified().ok()?, file.len()))
    })
}

fn ask(folder: &Path, user: Option<(u32, u32)>) -> Result<String, String> {
    let mut node = Command::new("node");
    node.arg("-e").arg(SCRIPT).arg(folder).current_dir(folder).process_group(0);
    // SECURITY: our own variables hold secrets, as for an app that runs.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"CUTTLE_") {
            node.env_remove(name);
        }
    }
    node.env("NODE_ENV", "development").env("NEXT_TELEMETRY_DISABLED", "1");
    if let Some((uid, gid)) = user {
        node.uid(uid).gid(gid).env("HOME", folder);
    }
    node.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = node.spawn().map_err(|error| format!("node: {error}"))?;
    let (sender, answers) = mpsc::channel();
    let (telling, told) = mpsc::channel();
    let (out, errors) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || telling.send(bounded(errors)));
    thread::spawn(move || sender.send(bounded(out)));
    let answer = answers.recv_timeout(WITHIN);
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    let answer = answer.map_err(|_| format!("no answer within {} s", WITHIN.as_secs()))?;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.split_once('\0') {
        Some((_, manifest)) => Ok(manifest.to_owned()),
        None => {
            // Something that left the group may hold its end for ever.
            let said = told.recv_timeout(Duration::from_secs(1)).ok();
            let said = said.and_then(Result::ok).unwrap_or_default();
            let line = said.lines().find(|line| line.contains("Error"));
            Err(line.unwrap_or("Next said nothing").trim().to_owned())
        }
    }
}

fn bounded(pipe: Option<impl io::Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MOST_BYTES).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
