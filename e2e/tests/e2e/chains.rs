//! Pictures that come through another site with Cuttle, and loops.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cuttle_e2e::{Application, Client, Reply, Server, photo, place};

/// What is behind a site, and what stands between sites: `/NAME/…` is asked of that site, with what the request says of its way.
struct Relay {
    sites: Arc<Mutex<HashMap<String, SocketAddr>>>,
    relay: Application,
    folder: tempfile::TempDir,
}

impl Relay {
    fn start() -> Self {
        let sites = Arc::<Mutex<HashMap<String, SocketAddr>>>::default();
        let (known, picture) = (Arc::clone(&sites), photo(800, 600, 1));
        let relay = Application::start(move |_, asked| {
            if asked.target == "/photo.jpg" {
                return Reply::good(&picture);
            }
            let (name, rest) = asked.target[1..].split_once('/').expect("a site");
            let site = known.lock().expect("no thread panics")[name];
            let way = [("cdn-loop", asked.header("cdn-loop"))];
            let answer = Client::new(site).send("GET", &format!("/{rest}"), &way);
            Reply { status: answer.status, headers: Vec::new(), body: answer.body }
        });
        Self { sites, relay, folder: tempfile::tempdir().expect("a folder") }
    }

    /// A site in front of the application, that may show what the relay has.
    fn site(&self, name: &str) -> Server {
        let file = format!("{name}.toml");
        let lines = format!(
            "[images]\nremote_patterns = [\"{0}/**?*\"]\nallow_addresses = [\"127.0.0.1\"]\n",
            self.relay.url()
        );
        place(self.folder.path(), &file, lines.as_bytes());
        let config = self.folder.path().join(file);
        let server = Server::serving(&["--upstream", &self.relay.url(), "--config", text(&config)]);
        let address = server.address.parse().expect("an address");
        self.sites.lock().expect("no thread panics").insert(name.to_owned(), address);
        server
    }

    /// The picture at `url`, as `name` shows it.
    fn through(&self, name: &str, url: &str) -> String {
        format!("{}/{name}{}", self.relay.url(), shown(url))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn shown(url: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let encoded: String = url.bytes().map(encode).collect();
    format!("/_next/image?url={encoded}&w=640&q=75")
}

#[test]
fn two_sites_can_show_each_other_s_pictures() {
    let relay = Relay::start();
    let (a, _b) = (relay.site("a"), relay.site("b"));
    let answer = a.client.get(&shown(&relay.through("b", "/photo.jpg")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = relay.relay.seen_at("/photo.jpg");
    let way: Vec<_> = asked[0].header("cdn-loop").split(", ").collect();
    assert_eq!(way.len(), 2, "{way:?}");
    assert!(
        way.iter().all(|entry| entry.starts_with("cuttle; id=")) && way[0] != way[1],
        "{way:?}"
    );
}

#[test]
fn what_a_client_says_of_its_way_refuses_a_picture_to_nobody_else() {
    let relay = Relay::start();
    let (a, _b) = (relay.site("a"), relay.site("b"));
    let target = shown(&relay.through("b", "/photo.jpg"));
    let way = [("cdn-loop", "cuttle; id=1, cuttle; id=2")];
    assert_eq!(a.client.send("GET", &target, &way).status, 508, "a third of us");
    let answer = a.client.get(&target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(a.client.send("GET", &target, &way).status, 200, "a picture is a picture");
}

#[test]
fn a_loop_over_two_sites_ends_where_it_closes() {
    let relay = Relay::start();
    let (a, b) = (relay.site("a"), relay.site("b"));
    let looped = relay.through("b", &relay.through("a", "/photo.jpg"));
    let answer = a.client.get(&shown(&looped));
    assert_eq!(answer.status, 508, "{}", answer.text());
    assert_eq!(relay.relay.seen_at("/photo.jpg").len(), 0);
    let event = a.event("the loop", |event| event["reason"] == "loop_detected");
    assert!(event["remedy"].as_str().is_some_and(|text| text.contains("leads back")), "{event}");
    // The same picture from the other end is none.
    assert_eq!(b.client.get(&shown(&relay.through("a", "/photo.jpg"))).status, 200);
}

#[test]
fn the_id_of_a_site_outlives_the_process_and_follows_from_the_public_url_where_there_is_one() {
    let application = Application::start(|_, _| Reply::good(&photo(64, 64, 1)));
    let state = tempfile::tempdir().expect("a folder");
    let id = |state: &Path, more: &[&str]| {
        let url = application.url();
        let args = [&["--upstream", &url, "--state-dir", text(state)], more].concat();
        let server = Server::serving(&args);
        let before = application.seen().len();
        assert_eq!(
            server.client.get(&format!("/_next/image?url=%2F{before}.jpg&w=64&q=75")).status,
            200
        );
        application.seen()[before].header("cdn-loop").to_owned()
    };
    let first = id(state.path(), &[]);
    assert_eq!(id(state.path(), &[]), first);
    let (other, third) = (tempfile::tempdir().expect("a"), tempfile::tempdir().expect("b"));
    place(
        other.path(),
        "c.toml",
        format!(
            "[[apps]]\nupstream = \"{}\"\npublic_url = \"https://shop.example\"\n",
            application.url()
        )
        .as_bytes(),
    );
    let config = other.path().join("c.toml");
    let told = ["--config", text(&config)];
    let named = id(other.path(), &told);
    assert_eq!(id(third.path(), &told), named);
    assert_ne!(named, first);
}
