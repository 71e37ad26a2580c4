//! The page for people, in a real browser: its script runs under its own content security policy and
//! shows every picture.

use cuttle_e2e::{
    Application, Page, Reply, Server, folder_with_a_photo, photo, place, size_of, visited,
};
use serde_json::{Value, json};

/// So wide is what the page asks for unless another width is chosen.
const WIDTH: u32 = 1080;
/// What a visitor's browser names, of which the page's script names the same.
const ACCEPT: &str = "image/avif,image/webp,image/*;q=0.8,*/*;q=0.5";

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
    let asked = |event: &Value| event["quality"] == 45 && event["kind"] == "JPEG";
    let _ = server.event("the same as JPEG", asked);
}

/// The page of a folder, and the large view of its first image as it opens: half of it is the original.
fn large_view(server: &Server) -> Page {
    let mut page = Page::open(&format!("http://{}/", server.address), (1000, 800));
    page.until("the image", "document.querySelector('article.card').dataset.state === 'ready'");
    page.click("article.card .compare");
    let original = "document.querySelector('#viewer .compare').dataset.original";
    page.until("the original beside it", &format!("{original} === 'shown'"));
    page
}

/// Which images are seen in the left and in the right half of the large view: what is cut off there is not hit.
fn seen(page: &mut Page) -> [String; 2] {
    let address = |part: f64| {
        format!(
            "(() => {{ const box = document.querySelector('#viewer .compare').getBoundingClientRect(); \
             const at = document.elementsFromPoint(box.x + box.width * {part}, box.y + box.height / 2); \
             return at.find((element) => element.tagName === 'IMG').currentSrc }})()"
        )
    };
    [0.25, 0.75].map(|part| page.is(&address(part)).as_str().expect("an address").to_owned())
}

/// As large as it is drawn, in pixels of CSS.
fn drawn(page: &mut Page, image: &str) -> Value {
    page.is(&format!(
        "(() => {{ const {{ width, height }} = document.querySelector('#viewer {image}').getBoundingClientRect(); \
         return [width, height] }})()"
    ))
}

#[test]
fn a_click_flips_between_the_original_and_the_optimized_image() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let mut page = large_view(&server);
    let original = format!("http://{}/photo.jpg", server.address);
    let [left, optimized] = seen(&mut page);
    assert_eq!(left, original);
    assert!(optimized.starts_with("blob:"), "what the script was answered: {optimized}");
    for shown in [&optimized, &original, &optimized] {
        page.click("#viewer .compare");
        assert_eq!(seen(&mut page), [shown.clone(), shown.clone()]);
    }
    page.press("f", 70);
    assert_eq!(seen(&mut page), [original.clone(), original.clone()], "by its key");
    page.click("#viewer button[name=flip]");
    assert_eq!(seen(&mut page), [optimized.clone(), optimized], "and by its button");
}

#[test]
fn at_100_percent_a_pixel_of_the_image_is_one_of_the_screen() {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "photo.jpg", &photo(1600, 1200, 1));
    let server = Server::start(folder.path());
    let mut page = large_view(&server);
    let url = format!("/_cuttle/image?src=%2Fphoto.jpg&w={WIDTH}");
    let (width, height) = size_of(&server.client.accepting(ACCEPT, &url).body);
    assert_eq!((width, height), (WIDTH, 810));
    let fitting = drawn(&mut page, ".rendition");
    assert!(fitting[0].as_f64().is_some_and(|it| it < 1000.0), "all of it is seen: {fitting}");
    page.click("#viewer button[name=zoom]");
    for image in [".rendition", ".original"] {
        assert_eq!(drawn(&mut page, image), json!([width, height]), "{image}");
    }
    page.click("#viewer button[name=zoom]");
    assert_eq!(drawn(&mut page, ".rendition"), fitting, "as before");
    page.on_screen((1000, 800), 2);
    page.press("z", 90);
    assert_eq!(drawn(&mut page, ".rendition"), json!([width / 2, height / 2]), "a dense screen");
}

/// What the format alone saves is known later. It is told beside the image, which stays where it is.
#[test]
fn a_later_remark_does_not_take_the_image_away() {
    let folder = tempfile::tempdir().expect("a folder");
    place(folder.path(), "photo.jpg", &photo(2400, 1800, 1));
    let server = Server::start(folder.path());
    let mut page = Page::open(&format!("http://{}/", server.address), (1000, 800));
    page.until("the image", "document.querySelector('article.card').dataset.state === 'ready'");
    page.click("article.card .compare");
    let _ = page.is(
        "(() => { window.changes = 0; const count = (changes) => { window.changes += changes.length }; \
         const image = document.querySelector('#viewer .rendition'); \
         new MutationObserver(count).observe(image, { attributeFilter: ['src'] }) })()",
    );
    let before = drawn(&mut page, ".rendition");
    let note = "document.querySelector('#viewer .note').textContent";
    page.until("the remark", &format!("{note}.startsWith('At equal size: JPEG ')"));
    assert_eq!(page.is("window.changes"), 0);
    assert_eq!(drawn(&mut page, ".rendition"), before, "nor make it smaller");
}

/// An image that is refused has no size to be drawn at, and is not drawn at that of the one before it.
#[test]
fn at_100_percent_the_next_image_has_no_size_of_the_one_before_it() {
    let folder = folder_with_a_photo();
    place(folder.path(), "wide.jpg", &photo(1600, 400, 2));
    place(folder.path(), "cuttle.toml", b"[limits]\npixels = 500000\n");
    let config = folder.path().join("cuttle.toml").display().to_string();
    let server = Server::with(folder.path(), &["--workers", "1", "--config", &config]);
    let mut page = large_view(&server);
    page.click("#viewer button[name=zoom]");
    assert_eq!(drawn(&mut page, ".original"), json!([800, 600]));
    page.press("n", 78);
    page.until("a refusal", "document.querySelector('#viewer').dataset.state === 'refused'");
    let original = "document.querySelector('#viewer .compare').dataset.original";
    page.until("its original", &format!("{original} === 'shown'"));
    let size = drawn(&mut page, ".original");
    assert_eq!(size, drawn(&mut page, ".compare"), "all of it is seen");
    let ratio = size[0].as_f64().zip(size[1].as_f64()).map(|(width, height)| width / height);
    assert!(ratio.is_some_and(|ratio| (ratio - 4.0).abs() < 0.05), "in its own shape: {size}");
}

#[test]
fn another_quality_is_asked_for_and_its_bytes_are_told() {
    let folder = folder_with_a_photo();
    let server = Server::start(folder.path());
    let mut page = Page::open(&format!("http://{}/", server.address), (1000, 800));
    let ready = "document.querySelector('article.card').dataset.state === 'ready'";
    page.until("the image", ready);
    let told = "document.querySelector('article.card .served').textContent";
    let url = format!("/_cuttle/image?src=%2Fphoto.jpg&w={WIDTH}");
    let served = |url: &str| kilobytes(server.client.accepting(ACCEPT, url).body.len());
    let before = served(&url);
    assert_eq!(page.is(told), json!(before));
    assert_eq!(page.is("document.querySelector('[name=q]').value"), "75");
    let _ = page.is("document.querySelector('[name=q]').focus()");
    // From 75 by 60 to 45, as by the keyboard.
    page.press("ArrowUp", 38);
    page.press("ArrowUp", 38);
    let _ = server.event("the quality that was chosen", |event| {
        event["endpoint"] == "strict" && event["quality"] == 45 && event["kind"] == "AVIF"
    });
    let url = format!("{url}&q=45");
    let after = served(&url);
    page.until("its bytes", &format!("{ready} && {told} === {}", json!(after)));
    assert_ne!(before, after);
    assert_eq!(page.is("document.getElementById('total-served').textContent"), json!(after));
    let copied = "document.querySelector('article.card .copy:last-child').title";
    assert_eq!(page.is(copied), json!(format!("Copy {url}")));
    assert_eq!(page.is("location.hash"), "#format=auto&w=1080&q=45");
}

/// As the page writes a size between 1 and 999 kB.
fn kilobytes(bytes: usize) -> String {
    let decimals = usize::from(bytes < 99_950);
    format!("{:.decimals$} kB", bytes as f64 / 1000.0)
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
