//! Proxies in front: nginx as docs/deploying.md and README have it, and what Caddy, Traefik, a balancer of AWS and Cloudflare say, by a client elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cuttle_e2e::{Application, Client, Network, Reply, Server, binary, photo};

use crate::documents::Document;

pub(crate) const IMAGE: &str = "/_next/image?url=%2Fphoto.jpg&w=640&q=75";
/// What the app itself would answer to it.
const OF_APP: &[u8] = b"optimized by the app";

/// The block of the guide under a heading.
fn block(heading: &str) -> String {
    Document::named("docs/deploying.md").block(heading, "nginx")
}

/// nginx with this block, in the namespace that the calling thread is in.
pub(crate) struct Nginx(Child, #[expect(dead_code, reason = "removed with it")] tempfile::TempDir);

impl Nginx {
    pub(crate) fn start(block: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p; \
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n{block}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).expect("a file");
        let child = Command::new("nginx")
            .args(["-p".as_ref(), folder.path().as_os_str(), "-c".as_ref(), file.as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is installed (scripts/need nginx)");
        let patience = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect("127.0.0.1:80").is_err() {
            assert!(Instant::now() < patience, "nginx does not listen");
            std::thread::yield_now();
        }
        Self(child, folder)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// At port 3000, as in the guide.
fn app() -> Application {
    Application::start_at("127.0.0.1:3000", |_, asked| match asked.target.split('?').next() {
        Some("/_next/image") => Reply::good(OF_APP),
        Some("/photo.jpg") => Reply::good(&photo(800, 600, 1)),
        _ => Reply { status: 200, headers: Vec::new(), body: b"a page".to_vec() },
    })
}

pub(crate) fn at_port_80(host: &str, target: &str) -> cuttle_e2e::Answer {
    let headers = [("host", host), ("accept", "image/webp")];
    Client::new("127.0.0.1:80".parse().expect("an address")).send("GET", target, &headers)
}

#[test]
fn behind_nginx_images_are_ours_and_the_app_is_told_who_asked() {
    let Some(network) = Network::new() else { return };
    // Here, so that the machine is this test's too.
    let _ = binary();
    network.enter(|| {
        let app = app();
        let listen = ["--upstream", "http://127.0.0.1:3000", "--listen", "127.0.0.1:4000"];
        let _server = Server::serving(&[&listen[..], &["--workers", "1"]].concat());
        let _nginx = Nginx::start(&block("nginx in front"));
        let image = at_port_80("shop.example.com", IMAGE);
        assert_eq!((image.status, image.header("content-type")), (200, "image/webp"));
        let page = at_port_80("shop.example.com:8080", "/cart?item=1");
        assert_eq!((page.status, page.text().as_str()), (200, "a page"));
        let asked = &app.seen_at("/cart")[0];
        assert_eq!(asked.target, "/cart?item=1");
        assert_eq!(asked.header("host"), "shop.example.com:8080");
        assert_eq!(asked.header("x-forwarded-host"), "shop.example.com:8080");
        assert_eq!(asked.header("x-forwarded-proto"), "http");
        assert_eq!(asked.header("x-forwarded-port"), "8080");
        assert_eq!(asked.header("x-forwarded-for"), "127.0.0.1, 127.0.0.1");
    });
}

#[test]
fn in_the_cautious_set_up_images_come_also_with_cuttle_stopped() {
    images_come_also_with_cuttle_stopped(&block("The cautious set-up"));
}

/// README has the locations alone, for a server of nginx that sends everything to the app.
#[test]
fn with_the_locations_of_the_readme_they_do_too() {
    let locations = Document::named("README.md").block("The cautious set-up", "nginx");
    let rest = "location / { proxy_pass http://127.0.0.1:3000; proxy_set_header Host $http_host; }";
    images_come_also_with_cuttle_stopped(&format!("server {{ listen 80; {locations} {rest} }}"));
}

fn images_come_also_with_cuttle_stopped(block: &str) {
    let Some(network) = Network::new() else { return };
    // Here, so that the machine is this test's too.
    let _ = binary();
    network.enter(|| {
        let app = app();
        let serve = || {
            let own = ["--optimizer-only", "--fallback", "http://127.0.0.1:3000"];
            let listen = ["--listen", "127.0.0.1:4000", "--workers", "1"];
            Server::serving(&[&own[..], &listen].concat())
        };
        let server = serve();
        let _nginx = Nginx::start(block);
        let kind = |answer: &cuttle_e2e::Answer| answer.header("content-type").to_owned();
        let image = at_port_80("shop.example.com", IMAGE);
        assert_eq!((image.status, kind(&image).as_str()), (200, "image/webp"));
        assert_eq!(at_port_80("shop.example.com", "/cart").text(), "a page");
        assert_eq!(app.seen_at("/_next/image").len(), 0, "it is not asked for them");
        drop(server);
        let image = at_port_80("shop.example.com", IMAGE);
        assert_eq!((image.status, &image.body[..]), (200, OF_APP));
        let asked = &app.seen_at("/_next/image")[0];
        assert_eq!((asked.target.as_str(), asked.header("host")), (IMAGE, "shop.example.com"));
        let _server = serve();
        let image = at_port_80("shop.example.com", IMAGE);
        assert_eq!((image.status, kind(&image).as_str()), (200, "image/webp"), "and again");
    });
}

type Lines = &'static [(&'static str, &'static str)];

/// What each sends to a visitor's `https://shop.example.com` from 203.0.113.9.
const PROXIES: [(&str, Lines); 4] = [
    (
        "caddy",
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example.com"),
            ("via", "1.1 Caddy"),
        ],
    ),
    (
        "traefik",
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example.com"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-server", "traefik-0"),
            ("x-real-ip", "203.0.113.9"),
        ],
    ),
    (
        "alb",
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
        ],
    ),
    (
        "cloudflare",
        &[
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("cf-connecting-ip", "203.0.113.9"),
            ("cf-visitor", "{\"scheme\":\"https\"}"),
            ("cf-ray", "8f0c6a2b3d4e5f60-FRA"),
            ("cdn-loop", "cloudflare; loops=1"),
        ],
    ),
];

#[test]
fn what_other_proxies_say_of_the_visitor_reaches_the_app() {
    let Some(network) = Network::new() else { return };
    let app = Application::start(|_, asked| match asked.target.as_str() {
        "/photo.jpg" => Reply::good(&photo(800, 600, 1)),
        _ => Reply::bare(200),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let peer = network.clients[0].to_string();
    let config = folder.path().join("cuttle.toml");
    fs::write(&config, format!("[server]\ntrusted_proxies = [\"{peer}\"]\n")).expect("a file");
    let (listen, own) = (format!("{}:0", network.server), app.url());
    let config: &Path = &config;
    let args = ["--upstream", &own, "--listen", &listen, "--workers", "1", "--config"];
    let server = Server::serving(&[&args[..], &[config.to_str().expect("UTF-8")]].concat());
    for (proxy, lines) in PROXIES {
        let said = [lines, &[("host", "shop.example.com")]].concat();
        let page = format!("/{proxy}");
        network.enter(|| {
            assert_eq!(server.client.send("GET", &page, &said).status, 200, "{proxy}");
            let image = [&said[..], &[("accept", "image/webp")]].concat();
            let image = server.client.send("GET", IMAGE, &image);
            assert_eq!(
                (image.status, image.header("content-type")),
                (200, "image/webp"),
                "{proxy}"
            );
        });
        let asked = &app.seen_at(&page)[0];
        for (name, expected) in [
            ("host", "shop.example.com"),
            ("x-forwarded-host", "shop.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-for", format!("203.0.113.9, {peer}").as_str()),
        ] {
            assert_eq!(asked.header(name), expected, "{proxy}: {name}");
        }
        let passed = |(name, value): &(&str, &str)| {
            name.starts_with("x-forwarded") || asked.header(name) == *value
        };
        assert!(lines.iter().all(passed), "{proxy}: {:?}", asked.headers);
    }
    assert!(
        !server.log().iter().any(|event| event["remedy"].to_string().contains("trusted_proxies"))
    );
}
