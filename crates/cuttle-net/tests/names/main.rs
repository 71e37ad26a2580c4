//! Names become addresses as `/etc/hosts`, `/etc/resolv.conf` and real name servers on loopback have it.

mod name_server;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cuttle_net::{Resolve as _, SystemResolver};
use name_server::{NameServer, Question};
use simple_dns::{Name, PacketFlag, RCODE};
use tempfile::TempDir;

/// Files of a machine, and its resolver.
struct Machine {
    folder: TempDir,
    resolver: SystemResolver,
}

impl Machine {
    fn new(port: u16, hosts: &str, resolv_conf: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name| folder.path().join(name);
        let resolver = SystemResolver::reading(path("hosts"), path("resolv.conf"), port);
        let machine = Self { folder, resolver };
        machine.write("hosts", hosts);
        machine.write("resolv.conf", resolv_conf);
        machine
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).expect("written");
    }

    async fn addresses(&self, name: &str) -> Result<Vec<String>, ErrorKind> {
        let found = self.resolver.resolve(name).await;
        let mut found: Vec<String> = found
            .map_err(|error| error.kind())?
            .into_iter()
            .map(|address| address.to_string())
            .collect();
        found.sort();
        Ok(found)
    }
}

fn on(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

fn found(addresses: &[&str]) -> Result<Vec<String>, ErrorKind> {
    Ok(addresses.iter().map(|&it| it.to_owned()).collect())
}

/// The usual server: one name, by a chain, beside what nobody asked for.
fn shop(question: &Question) -> Vec<Vec<u8>> {
    vec![match question.name.to_ascii_lowercase().as_str() {
        "shop.test" => question.with(&[
            ("Shop.test", "edge.test"),
            ("edge.test", "node.test"),
            ("node.test", "192.0.2.1"),
            ("node.test", "192.0.2.2"),
            ("node.test", "2001:db8::1"),
            ("other.test", "10.0.0.1"),
        ]),
        "loop.test" => question.with(&[("loop.test", "pool.test"), ("pool.test", "loop.test")]),
        "other.test" => question.with(&[("shop.test", "10.0.0.1")]),
        "v4.test" if question.is_v6 => question.refused(RCODE::ServerFailure),
        "v4.test" => question.with(&[("v4.test", "192.0.2.4")]),
        "shop.b.test" => question.with(&[("shop.b.test", "192.0.2.3")]),
        _ => question.refused(RCODE::NameError),
    }]
}

#[tokio::test]
async fn a_name_leads_to_its_addresses_and_to_nothing_else() {
    let server = NameServer::start(on("127.0.0.1", 0), shop);
    // No server is named: this machine's own.
    let machine = Machine::new(server.address.port(), "", "");
    let all = &["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    assert_eq!(machine.addresses("shop.test").await, found(all));
    assert_eq!(machine.addresses("SHOP.test.").await, found(all));
    // One family that fails takes nothing from the other.
    assert_eq!(machine.addresses("v4.test").await, found(&["192.0.2.4"]));
    for name in ["absent.test", "loop.test", "other.test"] {
        assert_eq!(machine.addresses(name).await, Err(ErrorKind::NotFound), "{name}");
    }
    let asked = server.asked();
    for name in ["a..test", "a\\.test", &format!("{}.test", "x".repeat(64)), ""] {
        assert_eq!(machine.addresses(name).await, Err(ErrorKind::NotFound), "{name}");
    }
    assert_eq!(server.asked(), asked, "what is no name is not asked about");
}

#[tokio::test]
async fn what_does_not_fit_is_asked_for_over_tcp() {
    let server = NameServer::start(on("127.0.0.1", 0), |question| {
        let many: Vec<String> = (0..250).map(|n| format!("192.0.2.{n}")).collect();
        let many: Vec<_> = many.iter().map(|it| ("many.test", it.as_str())).collect();
        vec![if question.is_over_tcp {
            question.with(&many)
        } else {
            // Cut within a record, as some servers do.
            let cut =
                |packet: &mut simple_dns::Packet<'_>| packet.set_flags(PacketFlag::TRUNCATION);
            let mut bytes = question.changed(&many, cut);
            bytes.truncate(500);
            bytes
        }]
    });
    let machine = Machine::new(server.address.port(), "", "options timeout:20 attempts:1");
    assert_eq!(machine.addresses("many.test").await.map(|it| it.len()), Ok(250));
    assert!(server.asked().contains(&"A many.test tcp".to_owned()), "{:?}", server.asked());
}

#[tokio::test]
async fn an_answer_to_another_question_is_passed_over() {
    let server = NameServer::start(on("127.0.0.1", 0), |question| {
        let forged: &[(&str, &str)] = &[("shop.test", "10.6.6.6"), ("shop.test", "fd00::6")];
        let id = |packet: &mut simple_dns::Packet<'_>| packet.set_id(packet.id() ^ 1);
        let name = |packet: &mut simple_dns::Packet<'_>| {
            packet.questions[0].qname = Name::new("other.test").expect("a name");
        };
        vec![
            question.changed(forged, id),
            question.changed(forged, name),
            question.changed(forged, |packet| packet.questions.clear()),
            question.changed(forged, |packet| packet.remove_flags(PacketFlag::RESPONSE)),
            question.changed(&[], |packet| {
                id(packet);
                packet.set_flags(PacketFlag::TRUNCATION);
            }),
            b"nonsense".to_vec(),
            Vec::new(),
            question.with(&[("shop.test", "192.0.2.1")]),
        ]
    });
    let machine = Machine::new(server.address.port(), "", "options timeout:20 attempts:1");
    assert_eq!(machine.addresses("shop.test").await, found(&["192.0.2.1"]));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_refuses_is_left_at_once() {
    let last = NameServer::start(on("127.0.0.3", 0), shop);
    let port = last.address.port();
    let refuses = NameServer::start(on("127.0.0.2", port), |it| vec![it.refused(RCODE::Refused)]);
    let conf =
        "nameserver 127.0.0.9\nnameserver 127.0.0.2\nnameserver 127.0.0.3\noptions timeout:30";
    let machine = Machine::new(port, "", conf);
    let begun = Instant::now();
    assert_eq!(machine.addresses("shop.b.test").await, found(&["192.0.2.3"]));
    assert!(begun.elapsed() < Duration::from_secs(30), "nothing listens at the first");
    assert!(!refuses.asked().is_empty());
}

#[tokio::test]
async fn a_silent_server_is_left_after_its_time() {
    let second = NameServer::start(on("127.0.0.2", 0), shop);
    let port = second.address.port();
    let silent = NameServer::start(on("127.0.0.1", port), |_| Vec::new());
    let conf = "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1";
    let machine = Machine::new(port, "", conf);
    assert_eq!(machine.addresses("shop.b.test").await, found(&["192.0.2.3"]));
    assert_eq!(silent.asked(), ["A shop.b.test", "AAAA shop.b.test"]);
    machine.write("resolv.conf", "options timeout:1 attempts:2\nsearch a.test b.test");
    assert_eq!(machine.addresses("shop").await, Err(ErrorKind::TimedOut));
    let asked = silent.asked();
    assert_eq!(asked.iter().filter(|it| *it == "A shop.a.test").count(), 2, "{asked:?}");
    assert!(!asked.iter().any(|it| it.contains("shop.b.test") && asked.len() > 6), "{asked:?}");
}

#[tokio::test]
async fn a_short_name_goes_through_the_search_list() {
    let server = NameServer::start(on("127.0.0.1", 0), shop);
    let machine = Machine::new(server.address.port(), "", "search a.test b.test");
    assert_eq!(machine.addresses("shop").await, found(&["192.0.2.3"]));
    let asked = ["A shop.a.test", "A shop.b.test", "AAAA shop.a.test", "AAAA shop.b.test"];
    assert_eq!(server.asked(), asked);
    assert_eq!(machine.addresses("shop.").await, Err(ErrorKind::NotFound), "absolute");
}

#[tokio::test]
async fn files_come_first_and_hold_from_the_next_name_on() {
    let server = NameServer::start(on("127.0.0.1", 0), shop);
    let machine = Machine::new(server.address.port(), "10.0.0.7 shop.test\n", "");
    assert_eq!(machine.addresses("Shop.Test.").await, found(&["10.0.0.7"]));
    for name in ["localhost", "LOCALHOST.", "app.localhost"] {
        assert_eq!(machine.addresses(name).await, found(&["127.0.0.1", "::1"]), "{name}");
    }
    assert_eq!(server.asked(), [""; 0], "no server was needed");
    machine.write("hosts", "10.0.0.8 shop.test\n");
    assert_eq!(machine.addresses("shop.test").await, found(&["10.0.0.8"]));
    machine.write("hosts", "");
    assert_eq!(machine.addresses("shop.test").await.map(|it| it.len()), Ok(3));
    machine.write("resolv.conf", "nameserver 127.0.0.9\n");
    assert_eq!(machine.addresses("shop.test").await, Err(ErrorKind::Other));
}

#[tokio::test]
async fn a_server_may_have_an_ipv6_address_only() {
    let server = NameServer::start(on("::1", 0), shop);
    let machine = Machine::new(server.address.port(), "", "nameserver ::1");
    assert_eq!(machine.addresses("shop.b.test").await, found(&["192.0.2.3"]));
}

#[tokio::test]
async fn this_machines_own_files_name_it_and_a_connection_opens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let resolver = SystemResolver::default();
    for host in ["localhost", "127.0.0.1"] {
        let stream = resolver.connect(host, port).await.expect(host);
        assert_eq!(stream.peer_addr().expect("a peer"), on("127.0.0.1", port));
    }
}
