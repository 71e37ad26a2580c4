//! Pages through us and through nginx, from an application that costs nothing: nginx with a file, beside `wrk`.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use crate::photos::median;
use crate::serving::Extent;
use crate::serving::programs::{ASKING, Program, SERVED, on_core};
use crate::serving::wrk::requests_per_second;

/// Requests per second of every round.
#[derive(Default)]
pub(crate) struct Proxied {
    pub(crate) nginx: Vec<f64>,
    pub(crate) ours: Vec<f64>,
}

/// As long as a page of an application is.
pub(crate) const PAGE_BYTES: usize = 16 << 10;

pub(crate) fn measure(extent: Extent) -> io::Result<Proxied> {
    eprintln!("proxied pages, beside nginx …");
    let site = tempfile::tempdir()?;
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755))?;
    fs::write(site.path().join("page.html"), "x".repeat(PAGE_BYTES))?;
    let app = on_core(ASKING, || Program::nginx(site.path(), None))?;
    let nginx = on_core(SERVED, || Program::nginx(site.path(), Some(app.address)))?;
    let upstream = format!("http://{}", app.address);
    let ours =
        on_core(SERVED, || Program::cuttle(&["--workers", "1", "--upstream", &upstream], ""))?;
    let mut measured = Proxied::default();
    for _ in 0..extent.rounds {
        for (program, rates) in [(&nginx, &mut measured.nginx), (&ours, &mut measured.ours)] {
            rates.push(requests_per_second(program.address, "/page.html", extent.seconds)?);
        }
        for program in [&app, &nginx, &ours] {
            program.truncate_logs();
        }
    }
    let middle = |rates: &Vec<f64>| median(rates.clone());
    eprintln!("  {:.0} nginx, {:.0} ours", middle(&measured.nginx), middle(&measured.ours));
    Ok(measured)
}
