//! One JPEG at several scales, whose coefficients are decoded once.
//!
//! A picture is the same, bit for bit, whichever others are asked for with it. For a sequential file that
//! is so because all scales see the same coefficients. Of a progressive one a strong reduction sees fewer
//! scans, and still only those when a weaker one needs more: of every row of MCUs it takes its part first.

use std::cell::RefCell;
use std::rc::Rc;

use super::decode::{Decoder, Task};
use super::feed::Window;
use crate::geometry::DctScale;
use crate::picture::Picture;
use crate::progressive::{Need, Progressive, Script};
use crate::{RenderError, Size};

type Outcome = Result<Picture, String>;

/// Decodes `source`, which stores a picture of `stored` pixels in at most `scan_limit` scans, at each of
/// `scales`. Inks are converted to sRGB by `profile`, if that is one of inks; other profiles are not
/// applied here.
pub(crate) fn decode(
    source: &[u8],
    stored: Size,
    scales: &[DctScale],
    scan_limit: u32,
    profile: Option<&[u8]>,
) -> Vec<Result<Picture, RenderError>> {
    let task = Task { source, stored, scan_limit, profile };
    let script = Script::read(source, scan_limit).filter(|script| script.size == stored);
    let progressive = script.and_then(|script| progressive(task, &script, scales));
    let outcomes = progressive.unwrap_or_else(|| sequential(task, scales));
    outcomes.into_iter().map(|outcome| outcome.map_err(RenderError::Decode)).collect()
}

/// By libjpeg alone.
pub(super) fn whole(task: Task<'_>, scale: DctScale) -> Outcome {
    let mut decoder = Decoder::open(task, scale)?;
    while decoder.advance()? {}
    decoder.finish()
}

/// The decoder of the largest scale reads, the others follow. At 1/8 libjpeg would read nothing but DC.
fn sequential(task: Task<'_>, scales: &[DctScale]) -> Vec<Outcome> {
    let alone = || scales.iter().map(|scale| whole(task, *scale)).collect();
    let largest = (0..scales.len()).max_by_key(|at| scales[*at].eighths);
    let (Some(largest), true) = (largest, scales.len() > 1) else { return alone() };
    let mut leader = match Decoder::open(task, scales[largest]) {
        Ok(leader) if leader.single_scan() => leader,
        Ok(_) => return alone(),
        Err(error) => return vec![Err(error); scales.len()],
    };
    let window = Rc::default();
    leader.share(&window, true);
    let follower = |(at, scale): (usize, &DctScale)| {
        (at != largest).then(|| Follower::open(task, *scale, &window))
    };
    let mut followers: Vec<_> = scales.iter().enumerate().map(follower).collect();
    let lead = || {
        while leader.advance()? {
            followers.iter_mut().flatten().for_each(Follower::follow);
            let Window { row, before } = &mut *window.borrow_mut();
            *before += row.blocks.len();
            row.blocks.clear();
        }
        leader.finish()
    };
    let mut leading = Some(lead());
    // What the leader cannot read, none of them could.
    if let Some(Err(error)) = leading {
        return vec![Err(error); scales.len()];
    }
    let outcomes = followers.into_iter().map(|follower| match follower {
        Some(follower) => follower.finish(),
        None => leading.take().expect("one of them leads"),
    });
    outcomes.collect()
}

/// Reads rows of MCUs by our own decoder, for libjpeg to show. `None` if those are for libjpeg to read.
fn progressive(task: Task<'_>, script: &Script<'_>, scales: &[DctScale]) -> Option<Vec<Outcome>> {
    let needs: Vec<_> = scales.iter().map(|scale| Need::of(*scale)).collect();
    let mut upwards = scales.to_vec();
    upwards.sort_by_key(|scale| scale.eighths);
    let mut stages: Vec<_> = upwards.into_iter().map(Need::of).collect();
    stages.dedup();
    let mut reader = Progressive::open(script, &stages)?;
    let window: Rc<RefCell<Window>> = Rc::default();
    let task = Task { source: &script.sequential, ..task };
    let mut followers: Vec<_> =
        scales.iter().map(|scale| Follower::open(task, *scale, &window)).collect();
    for at in 0..reader.rows {
        reader.clear(&mut window.borrow_mut().row);
        let broken = (0..stages.len()).find_map(|stage| {
            let read = reader.read(stage, at, &mut window.borrow_mut().row);
            if read.is_ok() {
                let whose = followers.iter_mut().zip(&needs);
                let whose = whose.filter(|(_, need)| stages[stage] == **need);
                whose.for_each(|(follower, _)| follower.follow());
            }
            read.err().map(|corrupt| (stage, corrupt))
        });
        // Whoever needs less sees nothing of it.
        if let Some((stage, corrupt)) = broken {
            let whose = followers.iter_mut().zip(&needs);
            let whose = whose.filter(|(_, need)| stages[stage..].contains(need));
            whose.for_each(|(follower, _)| follower.fail(corrupt.0));
            stages.truncate(stage);
        }
        let Window { row, before } = &mut *window.borrow_mut();
        *before += row.blocks.len();
    }
    Some(followers.into_iter().map(Follower::finish).collect())
}

/// A decoder that is given its coefficients, or what became of it.
struct Follower<'a>(Result<Decoder<'a>, String>);

impl<'a> Follower<'a> {
    fn open(task: Task<'a>, scale: DctScale, window: &Rc<RefCell<Window>>) -> Self {
        Self(Decoder::open(task, scale).map(|mut decoder| {
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
                Err(error) => return self.fail(&error),
            }
        }
    }

    fn fail(&mut self, error: &str) {
        if self.0.is_ok() {
            self.0 = Err(error.to_owned());
        }
    }

    fn finish(self) -> Outcome {
        self.0?.into_picture()
    }
}

#[cfg(test)]
#[path = "scaled_tests.rs"]
mod tests;
