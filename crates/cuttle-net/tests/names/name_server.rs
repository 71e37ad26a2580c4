//! A name server on loopback that says what a test wants, over UDP and TCP, and remembers what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// A question that came.
pub(crate) struct Question {
    bytes: Vec<u8>,
    pub(crate) name: String,
    pub(crate) is_v6: bool,
    pub(crate) is_over_tcp: bool,
}

impl Question {
    fn read(bytes: &[u8], is_over_tcp: bool) -> Self {
        let packet = Packet::parse(bytes).expect("a question");
        assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
        let [question] = packet.questions.as_slice() else { panic!("one question") };
        let is_v6 = question.qtype == QTYPE::TYPE(TYPE::AAAA);
        let name = question.qname.to_string();
        Self { bytes: bytes.to_vec(), name, is_v6, is_over_tcp }
    }

    fn reply(&self) -> Packet<'_> {
        let mut packet = Packet::parse(&self.bytes).expect("a question").into_reply();
        packet.set_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_AVAILABLE);
        packet
    }

    /// An answer with `records`, of which those of the other family are left out.
    pub(crate) fn with(&self, records: &[(&str, &str)]) -> Vec<u8> {
        self.changed(records, |_| {})
    }

    pub(crate) fn changed(
        &self,
        records: &[(&str, &str)],
        change: impl FnOnce(&mut Packet<'_>),
    ) -> Vec<u8> {
        let mut packet = self.reply();
        for &(owner, data) in records {
            let data = match data.parse() {
                Ok(IpAddr::V4(it)) if !self.is_v6 => RData::A(A { address: it.to_bits() }),
                Ok(IpAddr::V6(it)) if self.is_v6 => RData::AAAA(AAAA { address: it.to_bits() }),
                Ok(_) => continue,
                Err(_) => RData::CNAME(CNAME(Name::new(data).expect("a name").into_owned())),
            };
            let owner = Name::new(owner).expect("a name").into_owned();
            packet.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data));
        }
        change(&mut packet);
        packet.build_bytes_vec_compressed().expect("it fits")
    }

    pub(crate) fn refused(&self, code: RCODE) -> Vec<u8> {
        self.changed(&[], |packet| *packet.rcode_mut() = code)
    }
}

/// What was asked, in order: the name, and how.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// Ends with the process.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Asked,
}

impl NameServer {
    /// `answer` gives every datagram to send in turn.
    pub(crate) fn start(
        address: SocketAddr,
        answer: impl Fn(&Question) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let (tcp, udp) = listeners(address);
        let address = udp.local_addr().expect("an address");
        let (asked, answer) = (Asked::default(), Arc::new(answer));
        let note = |asked: &Asked, question: &Question| {
            let kind = if question.is_v6 { "AAAA" } else { "A" };
            let way = if question.is_over_tcp { " tcp" } else { "" };
            let line = format!("{kind} {}{way}", question.name);
            asked.lock().expect("no panic").push(line);
        };
        let (noted, say) = (Arc::clone(&asked), Arc::clone(&answer));
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, client)) = udp.recv_from(&mut buffer) {
                let question = Question::read(&buffer[..length], false);
                note(&noted, &question);
                for datagram in say(&question) {
                    udp.send_to(&datagram, client).expect("sent");
                }
            }
        });
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in tcp.incoming() {
                let mut stream = stream.expect("a client");
                let mut length = [0; 2];
                stream.read_exact(&mut length).expect("a length");
                let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut bytes).expect("a question");
                let question = Question::read(&bytes, true);
                note(&noted, &question);
                for message in answer(&question) {
                    let length = u16::try_from(message.len()).expect("it fits").to_be_bytes();
                    stream.write_all(&[&length, message.as_slice()].concat()).expect("sent");
                }
            }
        });
        Self { address, asked }
    }

    /// Sorted, as both families are asked for at once.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("no panic").clone();
        asked.sort();
        asked
    }
}

/// On one port, as name servers are.
fn listeners(address: SocketAddr) -> (TcpListener, UdpSocket) {
    loop {
        let tcp = TcpListener::bind(address).expect("a free port");
        match UdpSocket::bind(tcp.local_addr().expect("an address")) {
            Ok(udp) => return (tcp, udp),
            Err(error) => assert_eq!(address.port(), 0, "{error}"),
        }
    }
}
