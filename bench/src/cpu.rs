//! CPU time of a cold request through the server, all processes together, beside the bare engine
//! call in one thread. Both sides render the same picture one after the other, so that whatever the
//! machine does meets both.

use cuttle_e2e::{Server, place};
use cuttle_image::{Limits, Profile, RenderOptions, Target, render};

use crate::clock::{milliseconds, own_cpu};
use crate::photos::Photo;

/// One photo in one format; milliseconds of CPU, summed over the rounds.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) format: &'static str,
    pub(crate) bare: f64,
    pub(crate) served: f64,
    pub(crate) bytes: usize,
}

pub(crate) const WIDTH: u32 = 1080;
pub(crate) const ROUNDS: u32 = 5;

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
            for round in 0..=ROUNDS {
                let mut bytes = photo.bytes.clone();
                bytes.extend([u8::try_from(round).unwrap_or(0); 2]);
                place(folder.path(), &format!("{round}.jpg"), &bytes);
                let before = own_cpu();
                let rendition = render(&bytes, &options, &Limits::default()).expect("a rendition");
                let bare = own_cpu() - before;
                let before = server.cpu();
                let target = format!("/_cuttle/image?src=/{round}.jpg&w={WIDTH}&f={format}");
                let answer = server.client.get(&target);
                let served = server.cpu() - before;
                assert_eq!(answer.header("cache-status"), "cuttle; fwd=miss");
                assert_eq!(answer.body, rendition.bytes, "both sides made the same picture");
                // The first round warms both: page tables, code, the allocator's arenas.
                if round > 0 {
                    row.bare += milliseconds(bare);
                    row.served += milliseconds(served);
                    row.bytes = rendition.bytes.len();
                }
            }
            eprintln!(
                "  {} {format}: {:.0} ms bare, {:.0} ms served",
                row.name, row.bare, row.served
            );
            rows.push(row);
        }
    }
    rows
}
