//! The page for people, in a real browser: its script runs under its own content security policy and
//! shows every picture.

use cuttle_e2e::{Server, folder_with_a_photo, photo, place, visited};

#[test]
fn every_picture_is_shown_and_counted() {
    let folder = folder_with_a_photo();
    place(folder.path(), "second.jpg", &photo(640, 480, 2));
    place(folder.path(), "broken.jpg", &photo(640, 480, 3)[..4000]);
    let server = Server::start(folder.path());
    let document = visited(&format!("http://{}/", server.address), &[]);
    assert!(document.contains("data-ready=\"3\""), "{document}");
    assert!(
        document.contains("data-failed=\"0\"") || !document.contains("data-failed"),
        "{document}"
    );
    assert!(document.contains("original"), "the one that could not be converted says so");
    let formats: Vec<_> =
        server.log().into_iter().filter(|event| event["endpoint"] == "strict").collect();
    assert!(formats.len() >= 3, "the script asked the strict endpoint: {formats:#?}");
}
