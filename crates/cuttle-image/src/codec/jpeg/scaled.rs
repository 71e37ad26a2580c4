//! One JPEG at several scales, whose coefficients are decoded once.
//!
//! A picture is the same, bit for bit, whichever others are asked for with it. For a sequential file that
//! is so because all scales see the same coefficients. Of a progressive one a strong reduction sees fewer
//! scans, and still only those when a weaker one needs more: of every row of MCUs it takes its part first.

use std::cell::RefCell;
use std::rc::Rc;

use super::decode::{Decoder, Outcome, Task};
use super::state::Window;
use crate::RenderError;
use crate::geometry::DctScale;
use crate::progressive::{Need, Progressive, Script};
use crate::sink::Sink;

/// Whoever waits for rows of one scale. Each scale comes once.
type Taker<'a> = (DctScale, Sink<'a>);

/// Decodes a picture at the scale of each taker, in that order.
pub(crate) fn decode<'a>(task: Task<'a>, takers: Vec<Taker<'a>>) -> Vec<Outcome> {
    let script = Script::read(task.source, task.scan_limit);
    let Some(script) = script.filter(|script| script.size == task.stored) else {
        return sequential(task, takers);
    };
    match Reader::open(&script, takers.iter().map(|(scale, _)| *scale)) {
        Some(reader) => progressive(Task { source: &script.sequential, ..task }, reader, takers),
        // A scan that only some of them need may be what is wrong.
        None if takers.len() > 1 => {
            takers.into_iter().flat_map(|taker| decode(task, vec![taker])).collect()
        }
        None => sequential(task, takers),
    }
}

/// By libjpeg alone.
pub(crate) fn whole<'a>(task: Task<'a>, (scale, sink): Taker<'a>) -> Outcome {
    lead(Decoder::open(task, scale, sink)?, || ())
}

/// Row after row to the end, with `between` after each.
fn lead(mut decoder: Decoder<'_>, mut between: impl FnMut()) -> Outcome {
    while decoder.advance()? {
        between();
    }
    decoder.finish()
}

/// The decoder of the largest scale reads, the others follow. At 1/8 libjpeg would read nothing but DC.
fn sequential<'a>(task: Task<'a>, mut takers: Vec<Taker<'a>>) -> Vec<Outcome> {
    let count = takers.len();
    let Some(largest) = (0..count).max_by_key(|at| takers[*at].0.eighths) else {
        return Vec::new();
    };
    let (scale, sink) = takers.swap_remove(largest);
    let mut leader = match Decoder::open(task, scale, sink) {
        Ok(leader) => leader,
        Err(error) => return vec![Err(error); count],
    };
    let (leading, mut outcomes): (Outcome, Vec<Outcome>) = if leader.single_scan() && count > 1 {
        let window = Rc::default();
        leader.share(&window, true);
        let follower = |taker| Follower::open(task, taker, &window);
        let mut followers: Vec<_> = takers.into_iter().map(follower).collect();
        let leading = lead(leader, || {
            followers.iter_mut().for_each(Follower::follow);
            let Window { row, before } = &mut *window.borrow_mut();
            *before += row.blocks.len();
            row.blocks.clear();
        });
        // What the leader cannot read, none of them could.
        let after = |follower: Follower<'_>| match &leading {
            Ok(_) => follower.finish(),
            Err(error) => Err(error.clone()),
        };
        let outcomes = followers.into_iter().map(after).collect();
        (leading, outcomes)
    } else {
        let leading = lead(leader, || ());
        (leading, takers.into_iter().map(|taker| whole(task, taker)).collect())
    };
    // Back to where it was taken from.
    outcomes.push(leading);
    outcomes.swap(largest, count - 1);
    outcomes
}

/// Our own decoder, and which of its stages each taker needs.
struct Reader<'a> {
    reader: Progressive<'a>,
    stages: Vec<Option<Need>>,
}

impl<'a> Reader<'a> {
    /// `None` if the file is for libjpeg to read.
    fn open(script: &Script<'a>, scales: impl Iterator<Item = DctScale>) -> Option<Self> {
        let mut upwards: Vec<_> = scales.collect();
        upwards.sort_by_key(|scale| scale.eighths);
        let mut stages: Vec<_> = upwards.into_iter().map(Need::of).collect();
        stages.dedup();
        Some(Self { reader: Progressive::open(script, &stages)?, stages })
    }
}

/// Reads rows of MCUs by our own decoder, for libjpeg to show.
fn progressive<'a>(task: Task<'a>, reader: Reader<'_>, takers: Vec<Taker<'a>>) -> Vec<Outcome> {
    let Reader { mut reader, mut stages } = reader;
    let window: Rc<RefCell<Window>> = Rc::default();
    let mut followers: Vec<_> = takers
        .into_iter()
        .map(|taker| (Need::of(taker.0), Follower::open(task, taker, &window)))
        .collect();
    for at in 0..reader.rows {
        reader.clear(&mut window.borrow_mut().row);
        let broken = (0..stages.len()).find_map(|stage| {
            let read = reader.read(stage, at, &mut window.borrow_mut().row);
            if read.is_ok() {
                let whose = followers.iter_mut().filter(|(need, _)| stages[stage] == *need);
                whose.for_each(|(_, follower)| follower.follow());
            }
            read.err().map(|corrupt| (stage, corrupt))
        });
        // Whoever needs less sees nothing of it.
        if let Some((stage, corrupt)) = broken {
            let whose = followers.iter_mut().filter(|(need, _)| stages[stage..].contains(need));
            whose.for_each(|(_, follower)| follower.fail(RenderError::Decode(corrupt.0.into())));
            stages.truncate(stage);
        }
        let Window { row, before } = &mut *window.borrow_mut();
        *before += row.blocks.len();
    }
    followers.into_iter().map(|(_, follower)| follower.finish()).collect()
}

/// A decoder that is given its coefficients, or what became of it.
struct Follower<'a>(Result<Decoder<'a>, RenderError>);

impl<'a> Follower<'a> {
    fn open(task: Task<'a>, (scale, sink): Taker<'a>, window: &Rc<RefCell<Window>>) -> Self {
        Self(Decoder::open(task, scale, sink).map(|mut decoder| {
            decoder.share(window, false);
            decoder
        }))
    }

    /// As far as the coefficients go.
    fn follow(&mut self) {
        let Ok(decoder) = &mut self.0 else { return };
        loop {
            match decoder.advance() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&mut self, error: RenderError) {
        if self.0.is_ok() {
            self.0 = Err(error);
        }
    }

    fn finish(self) -> Outcome {
        self.0?.into_pictures()
    }
}

#[cfg(test)]
#[path = "scaled_tests.rs"]
mod tests;
