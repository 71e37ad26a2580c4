//! The gallery as a newcomer meets it: whole files, kept when they are there, plain sentences when not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;
use std::fs;
use std::process::{Command, Output};
use std::sync::Mutex;

use cuttle_demo::gallery::fill;
use cuttle_demo::scenes::{GALLERY, Scene};
use cuttle_image::probe;

fn demo(argument: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cuttle-demo")).arg(argument).output().unwrap()
}

#[test]
fn every_scene_is_a_whole_wide_picture_and_all_fit_in_25_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(&folder.path().join("new/pictures"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), GALLERY.len());
    let (mut total, mut names) = (0, HashSet::new());
    for entry in fs::read_dir(folder.path().join("new/pictures")).unwrap() {
        let file = entry.unwrap();
        let bytes = fs::read(file.path()).unwrap();
        let size = probe(std::io::Cursor::new(&bytes)).unwrap();
        let size = size.stored.unwrap().oriented(size.orientation);
        assert!(size.width >= 2000, "{:?} is {} wide", file.file_name(), size.width);
        let end: &[u8] =
            if bytes.starts_with(b"\xFF\xD8") { b"\xFF\xD9" } else { b"IEND\xAE\x42\x60\x82" };
        assert!(bytes.ends_with(end), "{:?} is cut off", file.file_name());
        total += bytes.len();
        names.insert(file.file_name().into_string().unwrap());
    }
    assert_eq!(names, GALLERY.iter().map(|scene| scene.file.to_owned()).collect());
    assert!(total <= 25_000_000, "{total} bytes");
}

#[test]
fn a_file_that_is_there_is_kept_and_a_missing_one_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let scenes = [
        Scene { file: "old.png", make: || b"new bytes".to_vec() },
        Scene { file: "new.png", make: || b"new bytes".to_vec() },
    ];
    fs::write(folder.path().join("old.png"), "old bytes").unwrap();
    let lines = Mutex::new(Vec::new());
    fill(folder.path(), &scenes, |line| lines.lock().unwrap().push(line.to_owned())).unwrap();
    assert_eq!(fs::read(folder.path().join("old.png")).unwrap(), b"old bytes");
    assert_eq!(fs::read(folder.path().join("new.png")).unwrap(), b"new bytes");
    let lines = lines.into_inner().unwrap();
    assert_eq!(lines.iter().filter(|line| line.ends_with("kept")).count(), 1, "{lines:?}");
}

#[test]
fn nothing_but_finished_pictures_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    // A directory of that name makes the last step, the renaming, fail.
    fs::create_dir(folder.path().join("taken.png")).unwrap();
    let scenes = [Scene { file: "taken.png", make: || vec![0; 9] }];
    let error = fill(folder.path(), &scenes, |_| ()).unwrap_err().to_string();
    assert!(error.starts_with("cannot write "), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_one_plain_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = demo(&file.join("below"));
    assert!(!output.status.success());
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.starts_with("cannot create the folder "), "{sentence}");
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
}

#[test]
fn without_a_folder_the_usage_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_cuttle-demo")).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "usage: cuttle-demo OUT_DIR\n");
}
