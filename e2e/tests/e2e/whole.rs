//! What is kept of an origin's answer is the whole picture, or nothing.

use std::io::Write as _;

use cuttle_e2e::{Application, Reply, Server, photo};
use flate2::Compression;
use flate2::write::GzEncoder;

const FRAMES: usize = 10;

/// Ten frames of one pixel (`GIF89a`), with where each begins.
fn animation() -> (Vec<u8>, Vec<usize>) {
    let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    let mut begins = Vec::new();
    for _ in 0..FRAMES {
        begins.push(gif.len());
        gif.extend(b"\x21\xf9\x04\0\x0a\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    gif.push(0x3b);
    (gif, begins)
}

fn member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("to memory");
    encoder.finish().expect("to memory")
}

#[test]
fn a_picture_in_two_members_is_kept_whole_and_one_with_something_else_behind_it_is_not() {
    let (gif, begins) = animation();
    let (first, second) = gif.split_at(begins[3]);
    let members = [member(first), member(second)].concat();
    let application = Application::start(move |_, asked| {
        let rest: &[u8] = match asked.target.as_str() {
            "/two.gif" => &[],
            "/padded.gif" => &[0; 512],
            _ => b"<!-- served in 3 ms -->",
        };
        Reply::good(&[&members, rest].concat())
            .with("content-encoding: gzip")
            .with("cache-control: public, max-age=86400")
    });
    let server = Server::serving(&["--upstream", &*application.url(), "--workers", "1"]);
    for endpoint in ["/_next/image?q=75&w=64&url=", "/_cuttle/image?w=64&src="] {
        for path in ["/two.gif", "/padded.gif"] {
            // The second time from what was kept.
            for _ in 0..2 {
                let answer = server.client.accepting("*/*", &format!("{endpoint}{path}"));
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                assert_eq!(answer.body, gif, "{path}");
            }
        }
    }
    let strict = server.client.get("/_cuttle/image?w=64&src=/behind.gif");
    assert_eq!((strict.status, strict.header("x-cuttle-error")), (502, "source_failed"));
    assert_eq!(server.client.get("/_next/image?q=75&w=64&url=/behind.gif").status, 502);
}

#[test]
fn what_says_that_it_is_a_part_or_no_picture_yet_is_not_the_picture() {
    let picture = photo(64, 48, 1);
    let application = Application::start(move |_, asked| {
        let status = asked.target.trim_matches(|c: char| !c.is_ascii_digit());
        let (status, length) = (status.parse().expect("a status"), picture.len());
        Reply { status, ..Reply::good(&picture) }
            .with(&format!("content-range: bytes 0-{}/{}", length - 1, 2 * length))
            .with("cache-control: public, max-age=86400")
    });
    let server = Server::serving(&["--upstream", &*application.url(), "--workers", "1"]);
    for (status, expected) in [(200, 200), (203, 200), (206, 502), (202, 502), (226, 502)] {
        let answer = server.client.get(&format!("/_cuttle/image?w=64&src=/{status}.jpg"));
        assert_eq!(answer.status, expected, "{status}: {}", answer.text());
    }
}
