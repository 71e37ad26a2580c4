//! Mistakes on the command line: one plain sentence, a non-zero exit, no backtrace.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use cuttle_demo::fixtures::film_of;
use cuttle_e2e::{binary, folder_with_a_photo, place, size_of};

fn cuttle(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary runs")
}

/// Standard error, which holds one sentence (and, for a mistyped flag, how the command is used).
fn sentence(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    let said = text
        .lines()
        .filter(|line| line.starts_with("cuttle:") || line.starts_with("error:"))
        .count();
    assert_eq!(said, 1, "one sentence: {text}");
    text
}

#[test]
fn each_mistake_is_named() {
    let folder = folder_with_a_photo();
    let root = folder.path().to_str().expect("UTF-8");
    let photo = format!("{root}/photo.jpg");
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let busy = busy.local_addr().expect("an address").to_string();
    let text = format!("{root}/notes.txt");
    fs::write(&text, "no picture").expect("a file");
    place(folder.path(), "film.png", &film_of(32, 16, 3));
    let film = format!("{root}/film.png");
    let out = format!("{root}/out.webp");
    for (args, part) in [
        (vec!["serve", "/no/such/folder"], "no folder at /no/such/folder"),
        (vec!["serve", &photo], "is not a folder"),
        (vec!["serve", root, "--listen", &busy, "--admin", "off"], "is in use by another program"),
        (vec!["serve", root, "--listen", "127.0.0.1:0", "--admin", &busy], "--admin"),
        (vec!["serve", root, "--wrokers", "2"], "unexpected argument '--wrokers'"),
        (vec!["serve", root, "--workers", "0"], "must be between 1 and 256"),
        (vec!["serve", root, "--formats", "jpeg"], "known formats are avif and webp"),
        (vec!["serve", root, "--upstream", "http://127.0.0.1:1"], "cannot be used with"),
        (vec!["serve", "--upstream", "ftp://host"], "must be a plain URL"),
        (vec!["serve", "--upstream", "http://host/path"], "more than scheme, host and port"),
        (vec!["serve", "--optimizer-only"], "needs `optimizer.fallback`"),
        (
            vec![
                "serve",
                "--upstream",
                "http://127.0.0.1:4999",
                "--listen",
                "127.0.0.1:4999",
                "--admin",
                "off",
            ],
            "own address",
        ),
        (vec!["serve", "--next", root], "has no build"),
        (vec!["serve", "--next", "/no/such"], "no folder at /no/such"),
        (
            vec!["serve", root, "--config", "/no/such.toml"],
            "cannot read the configuration /no/such.toml",
        ),
        (vec!["serve", root, "--formats", "webp,webp"], "twice"),
        (vec!["serve", root, "--listen", "nonsense"], "must be an address and a port"),
        (vec!["serve", root, "--memory", "lots"], "must be a size"),
        (vec!["frobnicate"], "unrecognized subcommand"),
        (vec!["render", "/no/such.jpg", &out, "-w", "64"], "cannot read /no/such.jpg"),
        (vec!["render", root, &out, "-w", "64"], "not a regular file"),
        (vec!["render", &text, &out, "-w", "64"], "not an image"),
        (vec!["render", &photo, &out, "-w", "0"], "0 is not in 1..=65535"),
        (vec!["render", &photo, "/no/such/folder/x.webp", "-w", "64"], "cannot write"),
        (vec!["render", &photo, &format!("{root}/out.gif"), "-w", "64"], "`gif` is not a format"),
        (vec!["render", &photo, &format!("{root}/out"), "-w", "64"], "name a format"),
        (vec!["render", &film, &format!("{root}/out.png"), "-w", "64"], "is an animation"),
        (vec!["render", &film, &out, "-w", "64", "-f", "avif"], "written as webp only"),
    ] {
        let said = sentence(&cuttle(&args));
        assert!(said.contains(part), "{args:?}: {said}");
        assert!(!fs::exists(&out).expect("a look"), "{args:?}: nothing was written");
    }
}

#[test]
fn a_project_is_served_as_a_folder_only_when_it_is_named() {
    for name in ["package.json", ".git/HEAD"] {
        let project = folder_with_a_photo();
        place(project.path(), name, b"{}");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let busy = listener.local_addr().expect("an address").to_string();
        let serve = |folder: &[&str]| {
            let mut serve = Command::new(binary());
            serve.current_dir(project.path()).args(["serve", "--admin", "off", "--listen", &busy]);
            sentence(&serve.args(folder).output().expect("the binary runs"))
        };
        // It got as far as to listen.
        assert!(serve(&["."]).contains("in use"), "whoever names it means it");
        let said = serve(&[]);
        for part in ["this folder is a project", "cuttle serve --next .", "cuttle serve ."] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
fn formats_may_be_written_as_next_writes_them() {
    let print = |formats| {
        let output = cuttle(&["config", "print", "--formats", formats]);
        assert!(output.status.success(), "{output:?}");
    };
    print("image/avif,image/webp");
    print("avif,image/webp");
}

#[test]
fn a_port_that_is_none_is_named() {
    let folder = folder_with_a_photo();
    let output = Command::new(binary())
        .arg("serve")
        .arg(folder.path())
        .env("PORT", "http")
        .output()
        .expect("runs");
    assert!(sentence(&output).contains("PORT is `http`"));
}

#[test]
fn an_unreadable_folder_and_file_are_named() {
    let folder = folder_with_a_photo();
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).expect("a folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o0)).expect("locked");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open");
    let secret = folder.path().join("photo.jpg");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).expect("locked");
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new(binary());
        command.args(args);
        // Root reads everything, so the test steps down where it can.
        if rustix::process::getuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command.output().expect("the binary runs")
    };
    let said = sentence(&as_nobody(&["serve", locked.to_str().expect("UTF-8")]));
    assert!(said.contains("cannot read the folder") && said.contains("ermission denied"), "{said}");
    let said = sentence(&as_nobody(&[
        "render",
        secret.to_str().expect("UTF-8"),
        "/tmp/never.webp",
        "-w",
        "64",
    ]));
    assert!(said.contains("cannot read") && said.contains("ermission denied"), "{said}");
}

#[test]
fn render_writes_what_it_says() {
    let folder = folder_with_a_photo();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for (out, flag) in
        [("a.avif", None), ("b.webp", None), ("c.jpg", None), ("d.png", None), ("e", Some("webp"))]
    {
        let (input, output) = (path("photo.jpg"), path(out));
        let mut args = vec!["render", &input, &output, "-w", "320"];
        args.extend(flag.iter().flat_map(|format| ["-f", format]));
        let done = cuttle(&args);
        assert!(done.status.success(), "{out}: {}", String::from_utf8_lossy(&done.stderr));
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(said.contains("320×240"), "{said}");
        assert_eq!(size_of(&fs::read(path(out)).expect("written")), (320, 240), "{out}");
    }
}

#[test]
fn render_keeps_the_size_where_no_width_is_given() {
    let folder = folder_with_a_photo();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (input, output) = (path("photo.jpg"), path("same.webp"));
    let done = cuttle(&["render", &input, &output]);
    assert!(done.status.success(), "{done:?}");
    let size = |path: &str| size_of(&fs::read(path).expect("a picture"));
    assert_eq!(size(&output), size(&input));
}

#[test]
fn check_reports_layers_acts_and_codecs() {
    let output = cuttle(&["check", "--json"]);
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let sandbox = &report["sandbox"];
    assert!(sandbox["layers"].as_array().is_some_and(|layers| layers.len() >= 5), "{report:#}");
    assert!(sandbox["acts"].as_array().is_some_and(|acts| acts.len() >= 6), "{report:#}");
    let codecs = sandbox["codecs"].as_array().expect("codecs");
    assert!(
        codecs.len() >= 16 && codecs.iter().all(|codec| codec["failure"].is_null()),
        "{report:#}"
    );
    let text = cuttle(&["check"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("Memory limit"));
}

#[test]
fn help_teaches() {
    for (args, parts) in [
        (&["--help"][..], &["serve", "render", "check"][..]),
        (&["serve", "--help"], &["--listen", "CUTTLE_LISTEN", "--require-sandbox", "Examples"]),
        (&["render", "--help"], &["--width", "avif, webp, jpeg or png"]),
    ] {
        let output = cuttle(args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success());
        for part in parts {
            assert!(text.contains(part), "{args:?}: {part}: {text}");
        }
        assert!(!text.contains("worker "), "the hidden argument stays hidden");
    }
}

#[test]
fn a_picture_over_the_limits_is_refused_by_name() {
    let folder = folder_with_a_photo();
    place(folder.path(), "huge.png", &huge_png());
    let huge = folder.path().join("huge.png");
    let out = folder.path().join("out.webp");
    let paths = [huge.to_str().expect("UTF-8"), out.to_str().expect("UTF-8")];
    let said = sentence(&cuttle(&["render", paths[0], paths[1], "-w", "64"]));
    assert!(said.contains("limit"), "{said}");
}

/// A valid header that announces 100,000 × 100,000 pixels, and nothing behind it.
fn huge_png() -> Vec<u8> {
    let mut header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    for side in [100_000_u32; 2] {
        header.extend(side.to_be_bytes());
    }
    header.extend([8, 2, 0, 0, 0]);
    header.extend([0; 4]);
    header.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    header
}
