//! The question for the addresses of a name, and what is believed of an answer (RFC 1035, RFC 3596).
//!
//! An answer has to be one to this very question: its number, its name and its kind. Addresses count for the name itself or for
//! what it leads to by CNAME in the same answer; whatever else a server adds is not looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE, header_buffer,
};

/// Longer chains are loops (RFC 1034 §3.6.2 asks for none at all).
const LONGEST_CHAIN: usize = 16;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `A` records.
    V4,
    /// `AAAA` records.
    V6,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// These, of which there may be none.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    Absent,
    /// It did not fit: to be asked for over TCP.
    Truncated,
    /// It cannot or will not say.
    Failed,
}

/// A name, a kind and a number.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    name: &'a str,
    family: Family,
    id: u16,
}

impl<'a> Asked<'a> {
    /// `id` is what an answer has to have too.
    #[must_use]
    pub fn new(name: &'a str, family: Family, id: u16) -> Self {
        Self { name, family, id }
    }

    fn kind(&self) -> QTYPE {
        QTYPE::TYPE(match self.family {
            Family::V4 => TYPE::A,
            Family::V6 => TYPE::AAAA,
        })
    }

    /// The bytes to send; `None` for what is no name of the domain name system.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        // An escape or an empty label would make another name of it.
        if self.name.contains('\\') || self.name.split('.').any(str::is_empty) {
            return None;
        }
        let mut packet = Packet::new_query(self.id);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let class = QCLASS::CLASS(CLASS::IN);
        packet.questions.push(Question::new(Name::new(self.name).ok()?, self.kind(), class, false));
        packet.build_bytes_vec().ok()
    }

    /// What `bytes` say; `None` if they are no answer to this.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> Option<Said> {
        // A truncated answer may end within a record, so that only its head is read. All it leads to is TCP.
        if header_buffer::has_flags(bytes, PacketFlag::TRUNCATION | PacketFlag::RESPONSE).ok()? {
            let is_ours = header_buffer::id(bytes).ok()? == self.id;
            return is_ours.then_some(Said::Truncated);
        }
        let packet = Packet::parse(bytes).ok()?;
        let [question] = packet.questions.as_slice() else { return None };
        if packet.id() != self.id
            || !packet.has_flags(PacketFlag::RESPONSE)
            || question.qtype != self.kind()
            || question.qclass != QCLASS::CLASS(CLASS::IN)
            || !is(&question.qname, self.name)
        {
            return None;
        }
        Some(match packet.rcode() {
            RCODE::NoError => Said::Addresses(self.addresses(&packet)),
            RCODE::NameError => Said::Absent,
            _ => Said::Failed,
        })
    }

    fn addresses(&self, packet: &Packet<'_>) -> Vec<IpAddr> {
        let mut name = self.name.to_owned();
        for _ in 0..LONGEST_CHAIN {
            let own =
                || packet.answers.iter().filter(|it| it.class == CLASS::IN && is(&it.name, &name));
            let found: Vec<IpAddr> = own()
                .filter_map(|record| match (&record.rdata, self.family) {
                    (RData::A(it), Family::V4) => Some(Ipv4Addr::from(it.address).into()),
                    (RData::AAAA(it), Family::V6) => Some(Ipv6Addr::from(it.address).into()),
                    _ => None,
                })
                .collect();
            if !found.is_empty() {
                return found;
            }
            let next = own().find_map(|record| match &record.rdata {
                RData::CNAME(it) => Some(it.0.to_string()),
                _ => None,
            });
            match next {
                Some(next) => name = next,
                None => break,
            }
        }
        Vec::new()
    }
}

fn is(name: &Name<'_>, written: &str) -> bool {
    name.to_string().trim_end_matches('.').eq_ignore_ascii_case(written.trim_end_matches('.'))
}
