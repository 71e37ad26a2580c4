use cuttle_image::{Crop, Excess, Fit, Profile, Target};

use super::*;
use crate::{ActName, LayerName, Verdict};

fn replies() -> Vec<Reply> {
    let layer = |name| Layer { name, active: true, detail: "ABI 7".to_owned() };
    let act = |name| Act { name, verdict: Verdict::Denied, detail: "no".to_owned() };
    let cpu = Duration::from_micros(7);
    let rendered = |outcome| Reply::Rendered(Rendered { index: 3, outcome, cpu });
    let excess = Excess::Pixels { found: 3, limit: 2 };
    vec![
        Reply::Hello { version: VERSION, layers: LayerName::ALL.map(layer).to_vec() },
        Reply::Acts(vec![act(ActName::ReadFile), act(ActName::Exec)]),
        rendered(Outcome::Finished { kind: Kind::Avif, width: 640, height: 480, len: 1 << 40 }),
        rendered(Outcome::Failed(RenderError::Excess(excess))),
        rendered(Outcome::Failed(RenderError::Decode("truncated".to_owned()))),
        Reply::Panicked("index out of bounds".to_owned()),
    ]
}

fn message(reply: &Reply) -> Vec<u8> {
    encode(reply).split_off(HEADER)
}

#[test]
fn replies_survive_the_wire() {
    for reply in replies() {
        let frame = encode(&reply);
        let header = frame[..HEADER].try_into().unwrap();
        assert_eq!(message_len(header, MAX_REPLY), Ok(frame.len() - HEADER));
        assert_eq!(decode_reply(&frame[HEADER..]), Ok(reply));
    }
}

#[test]
fn requests_survive_the_wire_and_are_small() {
    let fit = Fit::Cover { height: u32::MAX, crop: Crop::Smart };
    let longest = RenderOptions::new(u32::MAX, Target::JpegOrPng, u8::MAX, Profile::Small);
    let options = vec![RenderOptions { fit, ..longest }; MAX_RENDITIONS];
    let limits = Limits {
        source_bytes: u64::MAX,
        side: u32::MAX,
        pixels: u64::MAX,
        icc_bytes: usize::MAX,
        ..Limits::default()
    };
    let request =
        Request::Render { source_len: u64::MAX, options, limits, memory: 7, result: u64::MAX };
    let message = encode(&request).split_off(HEADER);
    assert!(message.len() < MAX_REQUEST / 2, "{}", message.len());
    assert_eq!(decode::<Request>(&message), Ok(request));
}

#[test]
fn every_truncation_and_every_extension_of_a_reply_is_refused() {
    for reply in replies() {
        let whole = message(&reply);
        for len in 0..whole.len() {
            assert_eq!(
                decode_reply(&whole[..len]),
                Err(ProtocolError::Malformed),
                "{reply:?} {len}"
            );
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(decode_reply(&longer), Err(ProtocolError::Malformed), "{reply:?}");
    }
}

#[test]
fn every_byte_of_a_reply_may_be_anything() {
    for reply in replies() {
        let whole = message(&reply);
        for at in 0..whole.len() {
            for value in 0..=u8::MAX {
                let mut hostile = whole.clone();
                hostile[at] = value;
                let _ = decode_reply(&hostile);
            }
        }
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_read() {
    let limit = MAX_REPLY;
    let header = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
    assert_eq!(message_len(header(limit), limit), Ok(limit));
    let len = limit + 1;
    assert_eq!(message_len(header(len), limit), Err(ProtocolError::TooLong { len, limit }));
    assert_eq!(decode_reply(&vec![0; len]), Err(ProtocolError::TooLong { len, limit }));
    // A list that claims 2^63 entries is refused, not allocated.
    let claim = [&[0, 3][..], &[0xff; 9], &[1]].concat();
    assert_eq!(decode_reply(&claim), Err(ProtocolError::Malformed));
}

#[test]
fn text_from_a_worker_is_cut_and_cannot_write_lines_or_escapes() {
    let hostile = format!("\x1b[2Jroot logged in\n{}", "x".repeat(5000));
    let outcome = Outcome::Failed(RenderError::Encode(hostile.clone()));
    let failed = Reply::Rendered(Rendered { index: 0, outcome, cpu: Duration::ZERO });
    for reply in [failed, Reply::Panicked(hostile)] {
        let shown = format!("{:?}", decode_reply(&message(&reply)));
        assert!(!shown.contains("\\u{1b}") && !shown.contains("\\n"), "{shown}");
        assert!(shown.len() < 2 * MAX_TEXT, "{shown}");
        assert!(shown.contains("root logged in"), "{shown}");
    }
}
