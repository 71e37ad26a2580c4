use super::*;

const ONE: RequestDigest = RequestDigest([1; 32]);
const TWO: RequestDigest = RequestDigest([2; 32]);

#[test]
fn what_is_to_be_forgotten_comes_first_and_its_end_is_told() {
    let queue = Queue::new(1 << 20);
    queue.push(ONE, Operation::Forget);
    let (_, mut told) = queue.forget(TWO);
    let batch = queue.take(1 << 20);
    assert_eq!(batch.operations().map(|(request, _)| *request).next(), Some(TWO));
    // Once more, while it is being written: only the second is the end of it.
    let (_, mut again) = queue.forget(TWO);
    queue.done(&batch);
    let waits = |told: &mut oneshot::Receiver<()>| {
        matches!(told.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    };
    assert!(waits(&mut told) && waits(&mut again));
    queue.done(&queue.take(1 << 20));
    assert!(!waits(&mut told) && !waits(&mut again));
}

#[test]
fn nobody_waits_for_a_disk_that_has_failed_or_a_writer_that_has_ended() {
    let queue = Queue::new(1 << 20);
    let (_, told) = queue.forget(ONE);
    let flush = queue.flush();
    queue.flushed();
    assert!(told.blocking_recv().is_err() && flush.blocking_recv().is_err());
    assert!(matches!(queue.pending(&ONE), Some(Pending::Forgotten)), "it is still owed");
    let (_, before) = queue.forget(ONE);
    queue.close();
    let (_, after) = queue.forget(TWO);
    for told in [before, after, queue.flush()] {
        assert!(told.blocking_recv().is_err());
    }
    let (sender, reply) = oneshot::channel();
    let so_far = Purged::default();
    queue.erase(Erasing { number: 1, purge: Purge::EVERYTHING, so_far, reply: Some(sender) });
    assert!(reply.blocking_recv().is_err());
}

#[test]
fn what_waits_stays_within_its_share_whether_it_is_kept_or_forgotten() {
    let queue = Queue::new(1 << 20);
    let record = |bytes: usize| {
        let variant = Variant {
            bytes: vec![0; bytes].into(),
            kind: cuttle_image::Kind::Webp,
            width: 1,
            height: 1,
            etag: "".into(),
            passthrough: false,
        };
        let (content, since) = (ContentKey([0; 32]), Epoch::default());
        let (state, application, source) = ([].into(), "app".into(), "/".into());
        let record = Record { content, state, application, source, variant, since };
        Operation::Record(Arc::new(record))
    };
    let request = |n: u32| RequestDigest(*blake3::hash(&n.to_le_bytes()).as_bytes());
    let mut dropped = 0;
    for n in 0..1500 {
        dropped += queue.push(request(n), record(3000));
        queue.note_use(request(n));
        queue.suspect(ContentKey(request(n).0));
        assert!(queue.bytes() <= 1 << 20, "{} after {n}", queue.bytes());
    }
    assert!(dropped > 1300 && queue.owed().is_empty(), "{dropped}: they are forgotten one by one");
    for n in 1500..6000 {
        queue.push(request(n), record(3000));
        assert!(queue.bytes() <= 1 << 20, "{} after {n}", queue.bytes());
    }
    assert_eq!(queue.owed(), [Purge::EVERYTHING], "too many to be forgotten one by one");
}
