//! Hits: ours from memory and from the disk, nginx with the same file, `next start` with the same picture.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use cuttle_e2e::{NextApp, place};

use crate::photos::{Photo, geometric_mean, median};
use crate::serving::Extent;
use crate::serving::programs::{Program, SERVED, on_core};
use crate::serving::wrk::requests_per_second;

/// One size of picture; requests per second of every round.
pub(crate) struct Row {
    pub(crate) width: u32,
    pub(crate) bytes: usize,
    pub(crate) nginx: Vec<f64>,
    pub(crate) memory: Vec<f64>,
    pub(crate) disk: Vec<f64>,
    pub(crate) next: Vec<f64>,
}

impl Row {
    /// The middle of the ratios of a side to another, round by round: a machine that drifts meets both.
    pub(crate) fn ratio(of: &[f64], to: &[f64]) -> f64 {
        median(of.iter().zip(to).map(|(of, to)| of / to).collect())
    }
}

/// Over all sizes.
pub(crate) fn ratio(rows: &[Row], of: fn(&Row) -> &[f64], to: fn(&Row) -> &[f64]) -> f64 {
    geometric_mean(rows.iter().map(|row| Row::ratio(of(row), to(row))))
}

const WIDTHS: [u32; 2] = [256, 1080];

pub(crate) fn measure(photos: &[Photo], extent: Extent) -> io::Result<Vec<Row>> {
    eprintln!("hits, beside nginx and next start …");
    let photo = &photos[0];
    let folder = tempfile::tempdir()?;
    place(folder.path(), "photo.jpg", &photo.bytes);
    let app = NextApp::built(16, "plain");
    let _published = Published::new(&app, std::slice::from_ref(photo));
    let site = tempfile::tempdir()?;
    // nginx's worker is another user.
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755))?;

    let ours = |toml| {
        let args = [folder.path().as_os_str(), "--workers".as_ref(), "1".as_ref()];
        on_core(SERVED, || Program::cuttle(&args, toml))
    };
    let (memory, disk) = (ours("")?, ours("[cache]\nmemory = \"0\"\n")?);
    let nginx = on_core(SERVED, || Program::nginx(site.path(), None))?;
    let next = on_core(SERVED, || app.start());
    let next_address = next.address.parse().map_err(io::Error::other)?;

    let mut rows = Vec::new();
    for width in WIDTHS {
        let target = format!("/_next/image?url=%2Fphoto.jpg&w={width}&q=75");
        let next_target =
            format!("/_next/image?url=%2F{}%2F0.jpg&w={width}&q=75", Published::FOLDER);
        let file = format!("{width}.webp");
        let picture = memory.client().accepting("image/webp", &target);
        assert_eq!(picture.status, 200, "{}", picture.text());
        place(site.path(), &file, &picture.body);
        fs::set_permissions(site.path().join(&file), fs::Permissions::from_mode(0o644))?;
        for (client, target) in [(disk.client(), &target), (next.client, &next_target)] {
            assert_eq!(client.accepting("image/webp", target).status, 200);
        }
        let mut row = Row {
            width,
            bytes: picture.body.len(),
            nginx: vec![],
            memory: vec![],
            disk: vec![],
            next: vec![],
        };
        for _ in 0..extent.rounds {
            let rate = |address, target: &str| requests_per_second(address, target, extent.seconds);
            row.nginx.push(rate(nginx.address, &format!("/{file}"))?);
            row.memory.push(rate(memory.address, &target)?);
            row.disk.push(rate(disk.address, &target)?);
            row.next.push(rate(next_address, &next_target)?);
            for program in [&nginx, &memory, &disk] {
                program.truncate_logs();
            }
        }
        eprintln!(
            "  {width} px: {:.0} nginx, {:.0} memory, {:.0} disk, {:.0} next",
            median(row.nginx.clone()),
            median(row.memory.clone()),
            median(row.disk.clone()),
            median(row.next.clone())
        );
        rows.push(row);
    }
    Ok(rows)
}

/// Photos in the `public/` of an application, for as long as this lives. Next reads the list when it starts.
pub(crate) struct Published(std::path::PathBuf);

impl Published {
    pub(crate) const FOLDER: &str = "bench";

    pub(crate) fn new(app: &NextApp, photos: &[Photo]) -> Self {
        let folder = app.folder().join("public").join(Self::FOLDER);
        for (n, photo) in photos.iter().enumerate() {
            place(&folder, &format!("{n}.jpg"), &photo.bytes);
        }
        Self(folder)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
