//! The page for people, in a real browser: its script runs under its own content security policy and
//! shows every picture.

use cuttle_e2e::{Application, Reply, Server, folder_with_a_photo, photo, place, visited};

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

#[test]
fn what_is_not_shown_is_named_a_quality_can_be_chosen_and_the_format_is_weighed_alone() {
    let folder = folder_with_a_photo();
    place(folder.path(), "notes.jpg", b"no image");
    place(folder.path(), "readme.txt", b"no image either");
    let server = Server::start(folder.path());
    let page = format!("http://{}/#format=auto&w=640&q=45", server.address);
    let document = visited(&page, &[]);
    assert!(
        document.contains("1 file is not shown") && document.contains("notes.jpg"),
        "{document}"
    );
    assert!(!document.contains("readme.txt"), "nobody takes it for an image");
    assert!(document.contains("&amp;q=45") || document.contains("&q=45"), "{document}");
    assert!(document.contains("At equal size: JPEG "), "{document}");
    let asked = |event: &serde_json::Value| event["quality"] == 45 && event["kind"] == "JPEG";
    let _ = server.event("the same as JPEG", asked);
}

/// What a hole in the page could load: a script that lies in the folder. So a page with such a hole is shown under the same policy.
#[test]
fn under_its_policy_a_script_of_the_folder_does_not_run() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let page = server.client.get("/");
    let policy = format!("content-security-policy: {}", page.header("content-security-policy"));
    let script = |name: &str| {
        let text = format!("document.documentElement.dataset.{name} = 'ran'");
        Reply { status: 200, headers: Vec::new(), body: text.into() }
            .with("content-type: text/javascript")
    };
    let application = Application::start(move |_, asked| {
        match asked.target.as_str() {
        "/_cuttle/gallery/own.js" => script("own"),
        "/evil.js" => script("evil"),
        "/" => Reply {
            status: 200,
            headers: vec!["content-type: text/html".to_owned(), policy.clone()],
            body: b"<script src=/evil.js></script><script src=/_cuttle/gallery/own.js></script>\
                <script src=/_cuttle/gallery/%2e%2e/%2e%2e/evil.js></script><script>document.documentElement.dataset.evil = 1</script>"
                .to_vec(),
        },
        _ => Reply::bare(404),
    }
    });
    let document = visited(&application.url(), &[]);
    assert!(document.contains("data-own=\"ran\"") && !document.contains("data-evil"), "{document}");
    assert!(application.seen_at("/evil.js").is_empty(), "it is not even asked for");
}
