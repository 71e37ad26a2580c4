//! `cuttle render IN OUT`: one picture through the same worker, sandbox and engine that serve.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cuttle_image::{Crop, Fit, Limits, Profile, RenderOptions, Target, probe};
use cuttle_worker::{Job, OriginalId, Pool, PoolConfig, SealedBytes, SealedWriter};

use crate::args::{self, Render};
use crate::failure::Failure;
use crate::runtime;
use crate::say::say;

/// A person waits and can press Ctrl-C, so this is longer than a server's ten seconds.
const DEADLINE: Duration = Duration::from_secs(120);

/// Renders one picture and says what came of it.
///
/// # Errors
/// [`Failure`], with OUT untouched.
pub(crate) fn run(render: &Render) -> Result<ExitCode, Failure> {
    let target = target(render)?;
    let profile = match render.profile {
        args::Profile::Fast => Profile::Fast,
        args::Profile::Balanced => Profile::Balanced,
        args::Profile::Small => Profile::Small,
    };
    let options = RenderOptions {
        fit: fit(render),
        ..RenderOptions::new(render.width, target, render.quality, profile)
    };
    let limits = Limits::default();
    let source = read(&render.input, limits.source_bytes)
        .map_err(|error| Failure::Read { path: render.input.clone(), error })?;
    if target != Target::Webp && moves(&source) {
        return Err(Failure::Argument(format!(
            "{} is an animation, which is written as webp only: name an OUT that ends in .webp",
            render.input.display()
        )));
    }
    let before = source.len();

    let runtime = runtime::of_command()?;
    let began = Instant::now();
    let finished = runtime.block_on(async {
        let (pool, _) = Pool::start(PoolConfig { workers: 1, ..PoolConfig::default() }).await?;
        let job = Job {
            original: OriginalId([0; 32]),
            source,
            options: vec![options],
            limits,
            memory: u64::MAX,
            result: u64::MAX,
        };
        let finished = pool.render(&job, Instant::now() + DEADLINE).await;
        pool.shutdown().await;
        finished.map_err(|error| Failure::Render { path: render.input.clone(), error })
    })?;
    write(&render.output, &finished.bytes)
        .map_err(|error| Failure::Write { path: render.output.clone(), error })?;
    say(format_args!(
        "{}: {}×{} {}, {} → {} bytes in {} ms\n",
        render.output.display(),
        finished.width,
        finished.height,
        finished.kind.extension(),
        before,
        finished.bytes.len(),
        began.elapsed().as_millis(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, limit: u64) -> io::Result<SealedBytes> {
    let mut file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut writer = SealedWriter::new(limit)?;
    io::copy(&mut file, &mut writer)?;
    writer.seal()
}

/// Whether there is more than one frame to show. What cannot be read is the worker's to complain of.
fn moves(source: &SealedBytes) -> bool {
    probe(source.reader()).is_ok_and(|found| found.animated)
}

/// Complete or not at all: beside the target first, then moved over it.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As `open` would create it: the umask decides, not the 0600 of temporary files.
    let ordinary = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(ordinary).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn fit(render: &Render) -> Fit {
    let crop = match render.crop {
        args::Crop::Centre => Crop::Centre,
        args::Crop::Smart => Crop::Smart,
    };
    match (render.height, render.fit) {
        (None, _) => Fit::Width,
        (Some(height), args::Fit::Contain) => Fit::Contain { height },
        (Some(height), args::Fit::Cover) => Fit::Cover { height, crop },
    }
}

fn target(render: &Render) -> Result<Target, Failure> {
    let extension = render.output.extension().and_then(|extension| extension.to_str());
    let name = render.format.as_deref().or(extension).unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "avif" => Ok(Target::Avif),
        "webp" => Ok(Target::Webp),
        "jpeg" | "jpg" => Ok(Target::Jpeg),
        "png" => Ok(Target::Png),
        "" => Err(Failure::Argument(
            "name a format with -f, or give OUT an extension: avif, webp, jpeg or png".into(),
        )),
        other => Err(Failure::Argument(format!(
            "`{other}` is not a format that is written; use avif, webp, jpeg or png, as in out.webp or -f webp"
        ))),
    }
}
