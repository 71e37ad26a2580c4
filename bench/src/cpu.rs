//! CPU time of a cold request through the server, all processes together, beside the bare engine
//! call in one thread. Both sides render the same picture one after the other, so that whatever the
//! machine does meets both.
//!
//! Of workers that ended the kernel tells in ticks of 10 ms, so each photo is rendered until that does not matter.

use cuttle_e2e::{Server, place};
use cuttle_image::{Limits, Profile, RenderOptions, Target, render};

use crate::clock::{milliseconds, own_cpu};
use crate::photos::Photo;

/// One photo in one format; milliseconds of CPU, means of the rounds.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) format: &'static str,
    pub(crate) bare: f64,
    pub(crate) served: f64,
    pub(crate) bytes: usize,
}

pub(crate) const WIDTH: u32 = 1080;
/// At least so many rounds, and at least so many milliseconds of bare calls.
pub(crate) const ROUNDS: u8 = 5;
pub(crate) const BARE: f64 = 1000.0;

pub(crate) fn measure(photos: &[Photo]) -> Vec<Row> {
    let mut rows = Vec::new();
    for photo in photos {
        for (format, target) in [("webp", Target::Webp), ("avif", Target::Avif)] {
            let options = RenderOptions::new(WIDTH, target, 75, Profile::Fast);
            let mut row =
                Row { name: photo.name.clone(), format, bare: 0.0, served: 0.0, bytes: 0 };
            let folder = tempfile::tempdir().expect("a folder");
            let server = Server::start(folder.path());
            // Every round needs a picture of its own, or it would be a hit: two bytes after the end of a
            // JPEG change its digest and nothing else.
            let (mut rounds, mut served) = (0, server.cpu());
            for round in 0..u8::MAX {
                if rounds >= ROUNDS && row.bare >= BARE {
                    break;
                }
                let mut bytes = photo.bytes.clone();
                bytes.extend([round; 2]);
                place(folder.path(), &format!("{round}.jpg"), &bytes);
                let before = own_cpu();
                let rendition = render(&bytes, &options, &Limits::default()).expect("a rendition");
                let bare = own_cpu() - before;
                let target = format!("/_cuttle/image?src=/{round}.jpg&w={WIDTH}&f={format}");
                let answer = server.client.get(&target);
                assert_eq!(answer.header("cache-status"), "cuttle; fwd=miss");
                assert_eq!(answer.body, rendition.bytes, "both sides made the same picture");
                // The first round warms both: page tables, code, the allocator's arenas.
                if round == 0 {
                    served = server.settled_cpu();
                } else {
                    row.bare += milliseconds(bare);
                    row.bytes = rendition.bytes.len();
                    rounds += 1;
                }
            }
            row.served = milliseconds(server.settled_cpu() - served) / f64::from(rounds);
            row.bare /= f64::from(rounds);
            eprintln!(
                "  {} {format}: {:.0} ms bare, {:.0} ms served",
                row.name, row.bare, row.served
            );
            rows.push(row);
        }
    }
    rows
}
