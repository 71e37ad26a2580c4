//! Volumes as containers have them: the server runs as a user who does not own them, and keeps its pictures all the same, or says what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use cuttle_e2e::{Server, binary, folder_with_a_photo};

/// Nobody's, and the group of a volume.
const USER: u32 = 54_321;
const GROUP: u32 = 2_000;

const AS_USER: [&str; 6] = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--groups=2000",
    "--inh-caps=-all",
    "--bounding-set=-all",
];

/// With a folder of images that this user may read.
fn served_from(volume: &Path) -> (Server, tempfile::TempDir) {
    let folder = folder_with_a_photo();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("ours");
    let (path, state) = (folder.path().display().to_string(), volume.display().to_string());
    let args = [path.as_str(), "--workers", "1", "--state-dir", &state];
    (Server::under(&AS_USER, &args), folder)
}

fn volume(owner: u32, group: u32, mode: u32) -> tempfile::TempDir {
    let volume = tempfile::tempdir().expect("a folder");
    chown(volume.path(), Some(owner), Some(group)).expect("we are root");
    fs::set_permissions(volume.path(), Permissions::from_mode(mode)).expect("ours");
    volume
}

fn is_made(server: &Server) -> String {
    let answer = server.client.accepting("image/webp", "/_next/image?url=%2Fphoto.jpg&w=640&q=75");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"));
    answer.header("x-nextjs-cache").to_owned()
}

#[test]
fn in_a_volume_that_others_may_write_to_a_folder_of_our_own_is_used() {
    for (what, volume) in [
        ("emptyDir", volume(0, 0, 0o777)),
        ("emptyDir with fsGroup", volume(0, GROUP, 0o2777)),
        ("fsGroup", volume(0, GROUP, 0o2775)),
    ] {
        let (server, _folder) = served_from(volume.path());
        assert_eq!(is_made(&server), "MISS", "{what}");
        server.wait_until("it is on disk", |ready| ready["store"]["disk"]["variants"] == 1);
        assert_eq!(server.metrics()["cuttle_disk_trouble"], 0.0, "{what}");
        let own = volume.path().join(format!("cuttle-{USER}"));
        assert_eq!(fs::metadata(&own).expect(what).permissions().mode() & 0o777, 0o700, "{what}");
        // Whoever names the volume means what is in it.
        let asked = Command::new("setpriv")
            .args(&AS_USER[1..])
            .arg(binary())
            .args(["purge", "--all", "--state-dir"])
            .arg(volume.path())
            .output()
            .expect("setpriv is there");
        assert!(asked.status.success(), "{what}: {}", String::from_utf8_lossy(&asked.stderr));
        assert_eq!(is_made(&server), "MISS", "{what}: purged");
        server.terminate();
        assert!(server.ended().0.success(), "{what}");
        let (server, _folder) = served_from(volume.path());
        assert_eq!(server.readiness()["degraded"], serde_json::json!([]), "{what}");
    }
}

#[test]
fn a_volume_that_cannot_be_used_is_told_with_what_to_do_and_counted() {
    let squatted = volume(0, 0, 0o777);
    let own = squatted.path().join(format!("cuttle-{USER}"));
    fs::create_dir(&own).expect("ours");
    for (what, volume, said) in [
        ("root's", volume(0, 0, 0o755), "fsGroup"),
        ("another user's", volume(1, 1, 0o700), "fsGroup"),
        ("taken", squatted, "belongs to user 0"),
    ] {
        let (server, _folder) = served_from(volume.path());
        is_made(&server);
        assert_eq!(server.metrics()["cuttle_disk_trouble"], 1.0, "{what}");
        let degraded = server.readiness()["degraded"].to_string();
        assert!(degraded.contains(said) && degraded.contains("--state-dir"), "{what}: {degraded}");
        let _ = server.event("the warning", |event| event["trouble"].to_string().contains(said));
    }
}
