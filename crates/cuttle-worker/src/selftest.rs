//! Proof before the first job: every forbidden act is tried, every codec is run.
//!
//! The worker that was tested is thrown away. What it reports about itself (the layers) is only
//! worth what its failed attempts prove, so both are in the report.

use std::fmt;

use cuttle_image::{Kind, Limits, Profile, RenderOptions, Target};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    Act, Job, Layer, OriginalId, PoolConfig, ProtocolError, Refused, Reply, SealedBytes,
    StartError, Verdict,
    channel::Silence,
    protocol::Request,
    spawn::Spawner,
    worker::{Fault, Task, Worker},
};

/// What the first worker could and could not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SelfTestReport {
    /// What confines it.
    pub layers: Vec<Layer>,
    /// What it tried.
    pub acts: Vec<Act>,
    /// What the server does without.
    pub refused: Vec<Refused>,
    /// What it rendered.
    pub codecs: Vec<CodecCheck>,
}

/// One tiny rendering, from one format to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodecCheck {
    /// Decoded.
    pub from: Kind,
    /// Encoded.
    pub to: Kind,
    /// Why not; `None` when it worked.
    pub failure: Option<String>,
}

impl SelfTestReport {
    /// What is open in the sandbox, in words; empty when nothing is.
    #[must_use]
    pub fn holes(&self) -> Vec<String> {
        let layers = self.layers.iter().filter(|layer| !layer.active);
        let acts = self.acts.iter().filter(|act| act.verdict != Verdict::Denied);
        layers.map(ToString::to_string).chain(acts.map(ToString::to_string)).collect()
    }

    /// Codecs that do not work.
    pub fn broken_codecs(&self) -> impl Iterator<Item = &CodecCheck> {
        self.codecs.iter().filter(|check| check.failure.is_some())
    }

    /// Each format that is both read and written, and whether it was: a codec whose partner fails is not to blame.
    pub fn codecs(&self) -> impl Iterator<Item = (Kind, bool)> {
        let worked = |is: fn(&CodecCheck) -> Kind, kind| {
            self.codecs.iter().any(|check| check.failure.is_none() && is(check) == kind)
        };
        CODECS.into_iter().map(move |(kind, _)| {
            (kind, worked(|check| check.from, kind) && worked(|check| check.to, kind))
        })
    }

    /// Whether nothing at all could be rendered.
    #[must_use]
    pub fn is_unable(&self) -> bool {
        self.codecs.iter().all(|check| check.failure.is_some())
    }

    fn warn(&self) {
        for refused in &self.refused {
            tracing::warn!(call = refused.call, "{refused}");
        }
        for layer in self.layers.iter().filter(|layer| !layer.active) {
            tracing::warn!(%layer, "THE SANDBOX IS INCOMPLETE: a layer is missing");
        }
        for act in self.acts.iter().filter(|act| act.verdict != Verdict::Denied) {
            tracing::warn!(%act, "THE SANDBOX IS INCOMPLETE: a worker can do what it must not");
        }
        for check in self.broken_codecs() {
            tracing::error!(from = ?check.from, to = ?check.to, failure = ?check.failure, "a codec fails");
        }
        if self.is_unable() {
            tracing::error!("NO CODEC WORKS: originals are served instead of optimized images");
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.active { "active" } else { "missing" };
        write!(f, "{} {state}", self.name.as_str())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        match self.name.needs().filter(|_| !self.active) {
            Some(needs) => write!(f, ": it needs {needs}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.name, self.verdict)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

/// Tests a worker of its own, and refuses for `require_sandbox` when anything is open.
pub(crate) async fn run(
    spawner: &Spawner,
    config: &PoolConfig,
) -> Result<SelfTestReport, StartError> {
    let codecs = try_codecs(spawner, config).await?;
    let mut worker = Worker::start(spawner, config).await?;
    let layers = worker.layers.clone();
    let mut acts = attempt(&mut worker, config, &Request::TryForbiddenActs).await?;
    acts.extend(attempt(&mut worker, config, &Request::TryExec).await?);
    worker.end().await;

    let report = SelfTestReport { layers, acts, refused: config.platform.refused(), codecs };
    report.warn();
    let holes = report.holes();
    if config.require_sandbox && !holes.is_empty() {
        return Err(StartError::Sandbox(holes.join("; ")));
    }
    Ok(report)
}

async fn attempt(
    worker: &mut Worker,
    config: &PoolConfig,
    request: &Request,
) -> Result<Vec<Act>, StartError> {
    match timeout(config.start_timeout, worker.ask(request)).await {
        Ok(Ok(Reply::Acts(acts))) => Ok(acts),
        Ok(Ok(_)) => Err(ProtocolError::Unexpected.into()),
        Ok(Err(Silence::Protocol(error))) => Err(error.into()),
        Ok(Err(Silence::Gone)) => Err(StartError::died(worker.end().await)),
        Err(_) => Err(StartError::NotReady(config.start_timeout)),
    }
}

/// Formats that are both decoded and encoded.
const CODECS: [(Kind, Target); 4] = [
    (Kind::Png, Target::Png),
    (Kind::Jpeg, Target::Jpeg),
    (Kind::Webp, Target::Webp),
    (Kind::Avif, Target::Avif),
];

/// Renders [`PICTURE`] to each format, and each of those to each again.
async fn try_codecs(spawner: &Spawner, config: &PoolConfig) -> Result<Vec<CodecCheck>, StartError> {
    let mut worker = Worker::start(spawner, config).await?;
    let mut sources = vec![(Kind::Png, Some(SealedBytes::copy_from(PICTURE)?))];
    let mut checks = Vec::new();
    for at in 0..CODECS.len() {
        // The first source makes the others.
        let Some((from, source)) = sources.get(at).cloned() else { break };
        for (to, target) in CODECS {
            let outcome = match &source {
                None => Err("there is no image to decode".to_owned()),
                Some(source) => try_codec(&mut worker, spawner, config, source, target).await?,
            };
            if from == Kind::Png && to != Kind::Png {
                let made = outcome.as_ref().ok().map(|bytes| SealedBytes::copy_from(bytes));
                sources.push((to, made.transpose()?));
            }
            checks.push(CodecCheck { from, to, failure: outcome.err() });
        }
    }
    worker.end().await;
    Ok(checks)
}

async fn try_codec(
    worker: &mut Worker,
    spawner: &Spawner,
    config: &PoolConfig,
    source: &SealedBytes,
    target: Target,
) -> Result<Result<bytes::Bytes, String>, StartError> {
    let job = Job {
        // All of them are our own.
        original: OriginalId([0; 32]),
        source: source.clone(),
        options: vec![RenderOptions::new(8, target, 75, Profile::Fast)],
        limits: Limits::default(),
        memory: u64::MAX,
        result: u64::MAX,
    };
    let mut task = Task::new(&job, config.start_timeout);
    let failure = match timeout(config.start_timeout, worker.deliver(&mut task)).await {
        Ok(Ok((_, Ok(finished)))) => return Ok(Ok(finished.bytes)),
        Ok(Ok((_, Err(error))) | Err(Fault::Ours(error))) => return Ok(Err(error.to_string())),
        Ok(Err(Fault::Spent(error))) => error.to_string(),
        Ok(Err(Fault::Died)) => StartError::died(worker.end().await).to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    *worker = Worker::start(spawner, config).await?;
    Ok(Err(failure))
}

/// A PNG of 16 × 16 pixels, RGBA, 8 bit: a gradient whose right quarter fades.
const PICTURE: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x06\x00\x00\x00\x1f\
    \xf3\xffa\x00\x00\x00tIDATx\xda\x95\xccA\x01@@\x14\x06\xe1\xb7\x11V\x04\x22\x10\x81\x08D \x02\x11\
    \x88@\x04\x22\x10\x81\x08D\xb0\x11\xd6\xd5\x7f\x9c\xc3\x1c\xe6\xf29\xb3\x18\xbd\x05\x03\xb9\xff;\
    \xf3\x18H\x14H1\x90)\x90c\xa0P\xa0\xc4@\xa5@\x8d\x81F\x81\x16\x03\x9d\x02=\x06\x06\x05F\x0cL\x0a\
    \xcc\x18X\x14X1\xb0)\xb0c\xe0P\xe0\xc4\xc0\xa5\xc0\x8d\x81G\x81\x17\x03A\x81\x88\x01\xe9\x03=\xd1\
    \x1f\x00-\xa5\x97?\x00\x00\x00\x00IEND\xaeB`\x82";

#[cfg(test)]
mod tests {
    use super::*;

    fn report(works: impl Fn(Kind, Kind) -> bool) -> SelfTestReport {
        let pairs = CODECS.into_iter().flat_map(|(from, _)| CODECS.map(|(to, _)| (from, to)));
        let codecs = pairs.map(|(from, to)| {
            let failure = (!works(from, to)).then(|| "it fails".to_owned());
            CodecCheck { from, to, failure }
        });
        SelfTestReport {
            layers: Vec::new(),
            acts: Vec::new(),
            refused: Vec::new(),
            codecs: codecs.collect(),
        }
    }

    #[test]
    fn only_the_codec_that_fails_is_blamed() {
        let broken = |report: &SelfTestReport| -> Vec<Kind> {
            report.codecs().filter(|(_, works)| !works).map(|(kind, _)| kind).collect()
        };
        assert_eq!(broken(&report(|_, _| true)), []);
        let no_encoder = report(|from, to| from != Kind::Avif && to != Kind::Avif);
        assert_eq!(broken(&no_encoder), [Kind::Avif]);
        assert_eq!(broken(&report(|from, _| from != Kind::Webp)), [Kind::Webp], "its decoder");
        assert!(!no_encoder.is_unable());
        let nothing = report(|_, _| false);
        assert_eq!((broken(&nothing).len(), nothing.is_unable()), (CODECS.len(), true));
    }
}
