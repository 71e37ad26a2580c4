//! Who asks, as the application is told: never what a stranger says of himself, and for originals that are one client's as
//! for pages.

use std::net::{Ipv4Addr, SocketAddr};

use cuttle_e2e::{Application, Client, Network, Reply, Server, photo, place, size_of};

/// What a stranger and a proxy say alike.
const SAID: [(&str, &str); 3] = [
    ("x-real-ip", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9"),
    ("x-forwarded-for", "203.0.113.9"),
];

#[test]
fn what_a_stranger_says_of_his_address_is_not_passed_on_and_what_a_proxy_says_is() {
    let Some(network) = Network::new() else { return };
    let application = Application::start(|_, _| Reply::bare(200));
    let listen = format!("{}:0", network.server);
    let own = application.url();
    let far = Server::serving(&["--upstream", &own, "--listen", &listen, "--workers", "1"]);
    let near = Server::serving(&["--upstream", &own, "--workers", "1"]);
    network.enter(|| assert_eq!(far.client.send("GET", "/stranger", &SAID).status, 200));
    assert_eq!(near.client.send("GET", "/proxy", &SAID).status, 200);
    let told = |path: &str| {
        let seen = application.seen_at(path);
        SAID.map(|(name, _)| seen[0].header(name).to_owned())
    };
    let stranger = network.clients[0].to_string();
    assert_eq!(told("/stranger"), ["", "", &stranger]);
    assert_eq!(told("/proxy"), ["203.0.113.9", "for=203.0.113.9", "203.0.113.9, 127.0.0.1"]);
}

/// An application that shows its pictures to one address.
#[test]
fn what_is_guarded_by_address_is_asked_for_the_client_where_its_answer_is_not_shared() {
    let Some(network) = Network::new() else { return };
    let [member, stranger] = network.clients;
    let application = Application::start(move |_, asked| {
        match asked.header("x-forwarded-for").parse::<Ipv4Addr>() {
            Ok(address) if address == member => Reply::good(&photo(320, 240, 1)),
            _ => Reply::bare(403),
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let lines = "[[apps]]\n[[apps.forward]]\npaths = [\"/members/**\"]\ncookies = [\"session\"]\n";
    place(folder.path(), "cuttle.toml", lines.as_bytes());
    let config = folder.path().join("cuttle.toml").display().to_string();
    let listen = format!("{}:0", network.server);
    let own = application.url();
    let args = ["--upstream", &own, "--config", &config, "--listen", &listen, "--workers", "1"];
    let server = Server::serving(&args);
    let address: SocketAddr = server.address.parse().expect("an address");
    let ask = |own: Ipv4Addr, path: &str, said: &[(&str, &str)]| {
        let target = format!("/_next/image?url={}&w=64&q=75", path.replace('/', "%2F"));
        let said = [said, &[("cookie", "session=ann")]].concat();
        network.enter(|| Client::from(own, address).send("GET", &target, &said))
    };
    let spoofed = [("x-forwarded-for", &*member.to_string()), ("x-real-ip", &*member.to_string())];
    for _ in 0..2 {
        let answer = ask(member, "/members/a.jpg", &[]);
        assert_eq!((answer.status, size_of(&answer.body)), (200, (64, 48)));
        // With the same cookie, and after it was kept for the other.
        assert_eq!(ask(stranger, "/members/a.jpg", &[]).status, 403);
        assert_eq!(ask(stranger, "/members/a.jpg", &spoofed).status, 403);
    }
    // What is everyone's is asked in nobody's name: as `docs/differences.md` says.
    assert_eq!(ask(member, "/everyone/a.jpg", &[]).status, 403);
    assert_eq!(application.seen_at("/everyone/a.jpg")[0].header("x-forwarded-for"), "");
}
