//! Deploys as they happen, look by look. Times are seconds of one clock.

use super::*;

const WHOLE: [&str; 6] = Stamp::WHOLE;
const STANDALONE: &[&str] = WHOLE.split_last().expect("files").1;
const UNFINISHED: &[&str] = STANDALONE;

struct Deploys {
    began: Instant,
    following: Following,
}

fn at(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(1000.0 + seconds)
}

/// Files `names` of build `number`, written at that time.
fn build(names: &[&str], number: u64, seconds: f64) -> Stamp {
    Stamp::made_of(names, number, at(seconds))
}

impl Deploys {
    fn from(stamp: Stamp) -> Self {
        Self { began: Instant::now(), following: Following::new(stamp, at(0.0)) }
    }

    fn see(&self, seconds: f64, stamp: &Stamp, restarted: Option<f64>) -> Look {
        let now = self.began + Duration::from_secs_f64(seconds);
        Look { stamp: stamp.clone(), now, clock: at(seconds), restarted: restarted.map(at) }
    }

    fn look(&mut self, seconds: f64, stamp: &Stamp, restarted: Option<f64>) -> Sight {
        let look = self.see(seconds, stamp, restarted);
        let sight = self.following.look(&look);
        if sight == Sight::Finished {
            self.following.follow(&look);
        }
        sight
    }
}

#[test]
fn a_build_counts_when_it_is_whole_and_nothing_of_it_changes_any_more() {
    let mut deploys = Deploys::from(build(&WHOLE, 1, -100.0));
    let (half, whole) = (build(UNFINISHED, 2, 10.0), build(&WHOLE, 2, 12.0));
    for (seconds, stamp, expected) in [
        (1.0, &build(&WHOLE, 1, -100.0), Sight::Same),
        (10.5, &half, Sight::Writing { begun: true }),
        // Calm, and not whole.
        (30.0, &half, Sight::Same),
        (30.5, &whole, Sight::Finished),
        (31.0, &whole, Sight::Same),
    ] {
        assert_eq!(deploys.look(seconds, stamp, None), expected, "{seconds}");
    }
    let later = build(&WHOLE, 3, 40.0);
    for (seconds, expected) in
        [(40.5, Sight::Writing { begun: true }), (41.5, Sight::Same), (42.0, Sight::Finished)]
    {
        assert_eq!(deploys.look(seconds, &later, None), expected, "{seconds}");
    }
}

#[test]
fn files_from_the_future_count_when_they_were_seen_for_long_enough() {
    let mut deploys = Deploys::from(build(&WHOLE, 1, -100.0));
    let ahead = build(&WHOLE, 2, 5000.0);
    for (seconds, expected) in
        [(1.0, Sight::Writing { begun: true }), (2.9, Sight::Same), (3.0, Sight::Finished)]
    {
        assert_eq!(deploys.look(seconds, &ahead, None), expected, "{seconds}");
    }
}

#[test]
fn a_standalone_folder_has_no_marker_and_needs_none() {
    let mut deploys = Deploys::from(build(STANDALONE, 1, -100.0));
    let copied = build(STANDALONE, 2, 10.0);
    let begun = build(&["BUILD_ID"], 2, 9.0);
    assert_eq!(deploys.look(9.5, &begun, None), Sight::Writing { begun: true });
    assert_eq!(deploys.look(11.5, &copied, None), Sight::Writing { begun: false });
    assert_eq!(deploys.look(12.5, &copied, None), Sight::Finished);
}

#[test]
fn a_build_that_is_taken_back_was_none() {
    let first = build(&WHOLE, 1, -100.0);
    let mut deploys = Deploys::from(first.clone());
    let half = build(UNFINISHED, 2, 10.0);
    assert_eq!(deploys.look(20.0, &half, None), Sight::Writing { begun: true });
    assert!(deploys.following.is_unsettled());
    assert_eq!(deploys.look(30.0, &first, None), Sight::Restored);
    assert!(!deploys.following.is_unsettled());
}

#[test]
fn the_old_build_may_run_until_a_restart_after_the_new_one_was_there() {
    for (restarted, ended) in [
        (None, false),
        // While the old one was being built, or ran.
        (Some(5.0), false),
        (Some(9.9), false),
        // Within the two seconds in which the new one did not count yet, as `next build && restart` does it.
        (Some(10.5), true),
        (Some(20.0), true),
    ] {
        let mut deploys = Deploys::from(build(&WHOLE, 1, -100.0));
        assert_eq!(deploys.look(9.0, &build(&WHOLE, 1, -100.0), None), Sight::Same);
        let new = build(&WHOLE, 2, 10.0);
        assert_eq!(deploys.look(15.0, &new, restarted), Sight::Finished);
        let expected = if ended { Sight::Settled(End::Restarted) } else { Sight::Same };
        assert_eq!(deploys.look(21.0, &new, restarted), expected, "{restarted:?}");
        assert_eq!(deploys.following.is_unsettled(), !ended);
        assert_eq!(deploys.look(614.0, &new, restarted), Sight::Same);
        let expected = if ended { Sight::Same } else { Sight::Settled(End::WaitedLongEnough) };
        assert_eq!(deploys.look(615.0, &new, restarted), expected, "{restarted:?}");
        assert!(!deploys.following.is_unsettled());
    }
}

#[test]
fn a_restart_before_a_release_came_to_this_place_was_one_of_the_old() {
    let (old, new) = (build(&WHOLE, 1, -100.0), build(&WHOLE, 2, -50.0));
    let mut deploys = Deploys::from(old.clone());
    assert_eq!(deploys.look(20.0, &old, Some(10.0)), Sight::Same);
    // Made long ago, and now behind the link.
    assert_eq!(deploys.look(21.0, &new, Some(10.0)), Sight::Finished);
    assert_eq!(deploys.look(22.0, &new, Some(10.0)), Sight::Same);
    assert_eq!(deploys.look(23.0, &new, Some(22.5)), Sight::Settled(End::Restarted));
}

#[test]
fn what_could_not_be_read_is_read_again_when_it_changes() {
    let mut deploys = Deploys::from(build(&WHOLE, 1, -100.0));
    let strange = build(&WHOLE, 2, 10.0);
    let look = deploys.see(20.0, &strange, None);
    assert_eq!(deploys.following.look(&look), Sight::Finished);
    deploys.following.refuse(&look);
    assert_eq!(deploys.look(30.0, &strange, None), Sight::Same);
    assert!(deploys.following.is_unsettled());
    assert_eq!(deploys.look(40.0, &build(&WHOLE, 3, 35.0), None), Sight::Finished);
}
