//! A picture that took its worker over for good: it never returns to the worker's own code, and speaks the
//! protocol by itself, out of safe Rust, which is what the sandbox must hold against.

use std::{
    fs::File,
    io::IoSliceMut,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::fs::FileExt},
    time::Duration,
};

use cuttle_image::RenderError;
use cuttle_worker::{Outcome, Rendered, Reply};
use rustix::{
    cmsg_space,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};

/// Keeps the result file that comes with each job, and fills all of them up to `limit` bytes before it answers that there
/// is no picture.
pub(crate) fn squat(limit: usize) -> ! {
    let mut kept: Vec<File> = Vec::new();
    let piece = vec![1; 1 << 20];
    loop {
        let reply = Reply::Rendered(Rendered {
            index: 0,
            outcome: Outcome::Failed(RenderError::Unrecognised),
            cpu: Duration::ZERO,
        });
        say(&reply);
        // The source comes first.
        kept.extend(hear().into_iter().skip(1).map(File::from));
        for file in &kept {
            for offset in (0..limit).step_by(piece.len()) {
                if file.write_all_at(&piece, offset as u64).is_err() {
                    break;
                }
            }
        }
    }
}

fn say(reply: &Reply) {
    let message = postcard::to_allocvec(reply).unwrap();
    let mut frame = u32::try_from(message.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(&message);
    rustix::io::write(rustix::stdio::stdin(), &frame).unwrap();
}

/// Waits for whatever is asked, and takes its descriptors.
fn hear() -> Vec<OwnedFd> {
    let (mut buffer, mut space) = ([0; 1024], [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))]);
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let read = &mut [IoSliceMut::new(&mut buffer)];
    let received =
        recvmsg(rustix::stdio::stdin(), read, &mut ancillary, RecvFlags::empty()).unwrap();
    assert!(received.bytes > 0, "the server is gone");
    let rights = |message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    };
    ancillary.drain().filter_map(rights).flatten().collect()
}
