//! The application of `e2e/next` as `scripts/next-apps` built it, and `next start` over it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::Client;
use crate::machine::shared;

/// One build.
#[derive(Debug, Clone)]
pub struct NextApp {
    /// 14, 15 or 16.
    pub version: u32,
    /// `plain` or `rich`, the names of the configurations in `e2e/next`; or `export`, the site there.
    pub configuration: &'static str,
    folder: PathBuf,
}

impl NextApp {
    /// # Panics
    /// When it was not built.
    #[must_use]
    pub fn built(version: u32, configuration: &'static str) -> Self {
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/next-apps");
        let folder = apps.join(format!("{version}/{configuration}"));
        assert!(
            folder.join(".next/BUILD_ID").exists(),
            "the {configuration} application of Next {version} is not built: run scripts/next-apps"
        );
        Self { version, configuration, folder }
    }

    /// A folder beside the builds of a version, in which its Next is found. It goes with what is returned.
    ///
    /// # Panics
    /// When its Next was not fetched.
    #[must_use]
    pub fn beside(version: u32) -> TempDir {
        let built = Self::built(version, "plain");
        let beside = built.folder.parent().expect("the folder of a version");
        tempfile::Builder::new().prefix(".written-").tempdir_in(beside).expect("a folder")
    }

    /// A copy beside it, that a test may write to and start: others read the build at the same time. It goes with what is returned.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn copied(&self) -> (Self, TempDir) {
        let beside = self.folder.parent().expect("the folder of a version");
        let copy = tempfile::Builder::new().prefix(".copy-").tempdir_in(beside).expect("a folder");
        copy_folder(&self.folder, copy.path());
        (Self { folder: copy.path().to_owned(), ..self.clone() }, copy)
    }

    /// The project, with `.next`, `next.config.mjs` and `public` in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names of the files that the build made of imported pictures.
    ///
    /// # Panics
    /// When the build has none.
    #[must_use]
    pub fn static_media(&self) -> Vec<String> {
        let folder = self.folder.join(".next/static/media");
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the application imports pictures")
            .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into())
            .collect();
        names.sort();
        names
    }

    /// `next start` over this build and an empty cache. It reads the list of `public/` now.
    ///
    /// # Panics
    /// When it does not come up; what it said is in the message.
    #[must_use]
    pub fn start(&self) -> NextServer {
        self.start_at(0)
    }

    /// The same at a port of loopback, where the one before it was.
    ///
    /// # Panics
    /// As [`NextApp::start`].
    #[must_use]
    pub fn start_at(&self, port: u16) -> NextServer {
        shared();
        let _ = fs::remove_dir_all(self.folder.join(".next/cache/images"));
        let mut child = Command::new("node")
            .arg("../node_modules/next/dist/bin/next")
            .args(["start", "--hostname", "127.0.0.1", "--port", &port.to_string()])
            .current_dir(&self.folder)
            .env("NEXT_TELEMETRY_DISABLED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node runs");
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = |said: &Arc<Mutex<Vec<String>>>, line| {
            said.lock().expect("no reader panics").push(line);
        };
        let errors = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let heard = Arc::clone(&said);
        thread::spawn(move || errors.lines().map_while(Result::ok).for_each(|l| keep(&heard, l)));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut address = None;
        for line in lines.by_ref().map_while(Result::ok) {
            address = address.or_else(|| local(&line));
            let ready = line.contains("Ready");
            keep(&said, line);
            if ready {
                break;
            }
        }
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("next start did not come up: {:#?}", said.lock().expect("no reader panics"));
        };
        let heard = Arc::clone(&said);
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| keep(&heard, line)));
        let client = Client::new(address.parse().expect("next start prints its address"));
        NextServer { child, client, address, said }
    }
}

/// A port of loopback that nobody listens at.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Without what a server keeps there.
fn copy_folder(from: &Path, to: &Path) {
    for entry in
        fs::read_dir(from).expect("a folder").map(|entry| entry.expect("a readable folder"))
    {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.ends_with(".next/cache") {
            continue;
        }
        if source.is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy_folder(&source, &target);
        } else {
            fs::copy(&source, &target).expect("a file");
        }
    }
}

/// The address in `- Local: http://127.0.0.1:3000`.
fn local(line: &str) -> Option<String> {
    let (_, address) = line.split_once("Local:")?.1.split_once("http://")?;
    Some(address.trim().to_owned())
}

/// A running `next start`, stopped when it is dropped.
#[derive(Debug)]
pub struct NextServer {
    child: Child,
    /// Its address.
    pub client: Client,
    /// The same as text, `127.0.0.1:40123`.
    pub address: String,
    said: Arc<Mutex<Vec<String>>>,
}

impl NextServer {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    ///
    /// # Panics
    /// Never, unless a reader did.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said.lock().expect("no reader panics").clone()
    }
}

impl Drop for NextServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
