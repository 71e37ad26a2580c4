//! Deploys while Cuttle runs.

mod build;
mod followed;
mod reload;

use cuttle_e2e::{Answer, Server, until};
use serde_json::Value;

pub(crate) fn both(path: &str, quality: u32) -> [String; 2] {
    let escaped = path.replace('/', "%2F");
    [
        format!("/_next/image?url={escaped}&w=64&q={quality}"),
        format!("/_cuttle/image?src={escaped}&w=64&q={quality}"),
    ]
}

#[track_caller]
pub(crate) fn assert_both(server: &Server, path: &str, quality: u32, status: u16) -> [Answer; 2] {
    both(path, quality).map(|target| {
        let answer = server.client.accepting("image/webp", &target);
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        answer
    })
}

/// An origin that could not be reached is left alone for a moment.
#[track_caller]
pub(crate) fn assert_in_the_end(server: &Server, path: &str, status: u16) {
    for target in both(path, 75) {
        until(&target, || server.client.accepting("image/webp", &target).status != 502);
    }
    assert_both(server, path, 75, status);
}

pub(crate) fn followed(server: &Server, release: &str) {
    let _ = server.event(&format!("{release} is there"), |event| {
        let message = event["message"].as_str().unwrap_or_default();
        message.starts_with("there is a new build") && event["release"] == release
    });
}

pub(crate) fn settled(server: &Server, release: &str) {
    let _ = server.event(&format!("{release} runs"), |event| {
        event["message"] == "the app runs the new build" && event["release"] == release
    });
}

/// For the so many-th time.
pub(crate) fn writing(server: &Server, time: usize) {
    let is_it = |event: &Value| {
        event["message"].as_str().is_some_and(|it| it.starts_with("the build is being written"))
    };
    let _ = server
        .event("it is being written", |_| server.log().iter().filter(|e| is_it(e)).count() >= time);
}
