use super::*;

const PLATFORMS: [Platform; 2] = [Platform::NATIVE, Platform::Portable];

fn sealed(platform: Platform, bytes: &[u8]) -> SealedBytes {
    let mut writer = SealedWriter::on(platform, 1 << 20).unwrap();
    writer.write_all(bytes).unwrap();
    writer.seal().unwrap()
}

#[test]
fn what_was_written_is_read_back_in_every_way() {
    for platform in PLATFORMS {
        let bytes = sealed(platform, b"cuttlefish");
        assert_eq!(bytes.len(), 10);
        assert_eq!(&bytes.to_bytes(10).unwrap()[..], b"cuttlefish");
        let mut part = [0; 8];
        assert_eq!(bytes.read_at(&mut part, 6).unwrap(), 4);
        assert_eq!(&part[..4], b"fish");
        assert_eq!(bytes.read_at(&mut part, 10).unwrap(), 0);
    }
}

#[test]
fn readers_do_not_share_an_offset() {
    for platform in PLATFORMS {
        let bytes = sealed(platform, b"cuttlefish");
        let (mut one, mut other) = (bytes.reader(), bytes.clone().reader());
        one.seek(SeekFrom::End(-4)).unwrap();
        let (mut end, mut whole) = (String::new(), String::new());
        one.read_to_string(&mut end).unwrap();
        other.read_to_string(&mut whole).unwrap();
        assert_eq!((end.as_str(), whole.as_str()), ("fish", "cuttlefish"));
        one.seek(SeekFrom::Start(2)).unwrap();
        one.seek(SeekFrom::Current(-1)).unwrap();
        let mut letter = [0];
        one.read_exact(&mut letter).unwrap();
        assert_eq!(&letter, b"u");
        assert!(one.seek(SeekFrom::End(-11)).is_err());
    }
}

#[test]
fn sealed_bytes_can_neither_be_written_nor_resized() {
    for platform in PLATFORMS {
        let bytes = sealed(platform, b"cuttlefish");
        let file = &bytes.inner.file;
        assert!(file.write_at(b"X", 0).is_err(), "{platform:?}: overwritten");
        assert!(file.write_at(b"X", 10).is_err(), "{platform:?}: appended");
        assert!(file.set_len(11).is_err(), "{platform:?}: grown");
        assert!(file.set_len(9).is_err(), "{platform:?}: cut");
        assert_eq!(&bytes.to_bytes(10).unwrap()[..], b"cuttlefish");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_sealed_file_has_every_seal_and_the_result_file_cannot_change_its_size() {
    use rustix::fs::{SealFlags, fcntl_get_seals};
    let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let bytes = sealed(Platform::Linux, b"x");
    assert!(fcntl_get_seals(&bytes).unwrap().contains(all));

    let result = Platform::Linux.result_file(100).unwrap();
    assert!(result.write_at(b"fits", 96).is_ok());
    assert!(result.write_at(b"does not", 100).is_err());
    assert!(result.set_len(99).is_err() && result.set_len(101).is_err());
}

#[test]
fn the_limit_is_exact_and_told_apart_from_failures() {
    for platform in PLATFORMS {
        let mut writer = SealedWriter::on(platform, 4).unwrap();
        writer.write_all(b"fish").unwrap();
        let error = writer.write_all(b"!").unwrap_err();
        assert!(SealedWriter::is_over_limit(&error), "{error}");
        assert_eq!(error.to_string(), "more than 4 bytes");
        assert_eq!(writer.len(), 4);
        // What fitted is still there.
        assert_eq!(&writer.seal().unwrap().to_bytes(4).unwrap()[..], b"fish");
    }
    assert!(!SealedWriter::is_over_limit(&io::Error::other("disk on fire")));
    assert!(!SealedWriter::is_over_limit(&io::ErrorKind::FileTooLarge.into()));
}

#[test]
fn a_copy_into_memory_has_a_limit() {
    let bytes = SealedBytes::copy_from(b"cuttlefish").unwrap();
    assert!(SealedWriter::is_over_limit(&bytes.to_bytes(9).unwrap_err()));
    assert!(SealedBytes::copy_from(b"").unwrap().is_empty());
}

#[test]
fn a_portable_draft_leaves_no_name_behind() {
    let name = format!("cuttle-{}-", std::process::id());
    let _drafts: Vec<_> =
        (0..3).map(|_| SealedWriter::on(Platform::Portable, 1).unwrap()).collect();
    let left = std::fs::read_dir(std::env::temp_dir())
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&name))
        .count();
    // Other tests of this process may be between their open and their unlink.
    assert!(left <= 2, "{left}");
}
