//! What a folder gives, and what it never gives.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use cuttle_source::{LoadError, open_folder};

fn served() -> tempfile::TempDir {
    let outside = tempfile::tempdir().expect("a folder");
    let root = outside.path().join("served");
    fs::create_dir_all(root.join("sub/.hidden")).expect("folders");
    fs::write(outside.path().join("secret.jpg"), "secret").expect("a file");
    fs::write(root.join("photo.jpg"), "photo").expect("a file");
    fs::write(root.join("sub/inner.png"), "inner").expect("a file");
    fs::write(root.join("sub/.hidden/x.jpg"), "hidden").expect("a file");
    fs::write(root.join(".env"), "SECRET=1").expect("a file");
    symlink("photo.jpg", root.join("alias.jpg")).expect("a link");
    symlink("../secret.jpg", root.join("escape.jpg")).expect("a link");
    symlink("/etc/passwd", root.join("absolute.jpg")).expect("a link");
    symlink("..", root.join("up")).expect("a link");
    symlink("loop.jpg", root.join("loop.jpg")).expect("a link");
    symlink(".env", root.join("visible-env.txt")).expect("a link");
    symlink("sub/.hidden", root.join("visible")).expect("a link");
    outside
}

fn read(root: &Path, path: &str) -> Result<Vec<u8>, LoadError> {
    let folder = open_folder(root).expect("the folder opens");
    let mut bytes = Vec::new();
    folder.open(path.split('/'))?.copy_to(&mut bytes, 1000)?;
    Ok(bytes)
}

#[test]
fn regular_files_and_links_that_stay_inside_are_read() {
    let dir = served();
    let root = dir.path().join("served");
    for (path, content) in
        [("photo.jpg", "photo"), ("sub/inner.png", "inner"), ("alias.jpg", "photo")]
    {
        assert_eq!(read(&root, path).expect(path), content.as_bytes(), "{path}");
    }
}

#[test]
fn everything_else_is_not_found() {
    let dir = served();
    let root = dir.path().join("served");
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo.jpg"), rustix::fs::Mode::RUSR)
        .expect("a fifo");
    let _socket = UnixListener::bind(root.join("socket.jpg")).expect("a socket");
    let long = "x".repeat(5000);
    let table = [
        "absent.jpg",
        "sub",
        "",
        ".env",
        "visible-env.txt",
        "visible/x.jpg",
        "sub/.hidden/x.jpg",
        "../secret.jpg",
        "escape.jpg",
        "absolute.jpg",
        "up/secret.jpg",
        "loop.jpg",
        "fifo.jpg",
        "socket.jpg",
        "photo.jpg/x",
        "photo.jpg/",
        "sub/..",
        "a\\b",
        "a\0b",
        &long,
    ];
    for path in table {
        let answer = read(&root, path);
        assert!(matches!(answer, Err(LoadError::NotFound)), "{path:?}: {answer:?}");
    }
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read() {
    let dir = served();
    let folder = open_folder(&dir.path().join("served")).expect("opens");
    let mut sink = Vec::new();
    let answer = folder.open(["photo.jpg"].into_iter()).expect("opens").copy_to(&mut sink, 4);
    assert!(matches!(answer, Err(LoadError::TooLarge { limit: 4 })));
    assert!(sink.is_empty());
}

#[test]
fn a_changed_file_has_another_validator() {
    let dir = served();
    let root = dir.path().join("served");
    let folder = open_folder(&root).expect("opens");
    let before = folder.open(["photo.jpg"].into_iter()).expect("opens").validator();
    assert_eq!(before, folder.open(["photo.jpg"].into_iter()).expect("opens").validator());
    // Same length, and a modification time put back: only the inode and change time tell.
    let modified = fs::metadata(root.join("photo.jpg")).and_then(|m| m.modified()).expect("a time");
    fs::write(root.join("new"), "PHOTO").expect("a file");
    fs::File::options()
        .write(true)
        .open(root.join("new"))
        .and_then(|f| f.set_modified(modified))
        .expect("set");
    fs::rename(root.join("new"), root.join("photo.jpg")).expect("moved");
    assert_ne!(before, folder.open(["photo.jpg"].into_iter()).expect("opens").validator());
}

#[test]
fn a_listing_shows_what_can_be_opened() {
    let dir = served();
    let folder = open_folder(&dir.path().join("served")).expect("opens");
    let listing = folder.list(std::iter::empty::<&str>()).expect("a listing");
    let files: Vec<_> = listing.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(files, ["alias.jpg", "photo.jpg"]);
    assert_eq!(listing.folders, ["sub"]);
    assert!(folder.list(["sub", ".hidden"].into_iter()).is_err());
}
