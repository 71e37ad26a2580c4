//! Making a variant: by a worker where that works and pays, the original otherwise.

use std::sync::Arc;

use cuttle_contract::{self as contract, Contract, Failure, ImageRequest};
use cuttle_image::{Crop, Fit, Kind, Orientation, Probe, ProbeError, RenderOptions, Size, Target};
use cuttle_store::{ContentKey, Variant};

use crate::answer::{Body, Delivery, Phases, Reason, Unanswered};
use crate::asked::Job;
use crate::decision::acceptable;
use crate::jobs::Wish;
use crate::keys::{entity_tag, original_id, original_key, rendition_key};
use crate::original::Original;
use crate::pipeline::Stages;

/// Originals up to this size are kept like renditions when they are passed through: icons and small
/// animations. Larger ones are read from the source each time and sent from sealed memory, so that no
/// heap ever holds them.
const KEPT_ORIGINAL_BYTES: u64 = 1 << 20;

/// What a job hands to everyone who waits for it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) body: Body,
    pub(crate) kind: Kind,
    pub(crate) etag: Arc<str>,
    pub(crate) delivery: Delivery,
    /// As the store would have it; nothing for what must not be kept.
    pub(crate) stored: Option<(ContentKey, Variant)>,
    /// Nothing had to be made: the original is still what this was made from.
    pub(crate) confirmed: bool,
}

impl Made {
    /// A stored variant.
    pub(crate) fn kept(variant: Variant, content: ContentKey) -> Self {
        let Variant { bytes, kind, etag, passthrough, .. } = variant.clone();
        let delivery = if passthrough { Delivery::PassedThrough } else { Delivery::Rendition };
        let (body, stored) = (Body::Bytes(bytes), Some((content, variant)));
        Self { body, kind, etag, delivery, stored, confirmed: false }
    }

    fn original(original: &Arc<Original>, kind: Kind, delivery: Delivery) -> Self {
        let body = Body::Original(Arc::clone(original));
        let etag = entity_tag(&original.digest);
        Self { body, kind, etag, delivery, stored: None, confirmed: false }
    }
}

impl Stages {
    /// The rendition that was asked for, or the original where that is the better or the only answer.
    pub(crate) async fn render(
        self: &Arc<Self>,
        job: &Job,
        target: Target,
        original: &Arc<Original>,
        probe: &Probe,
        phases: &mut Phases,
    ) -> Result<Made, Unanswered> {
        let Job { asked, since, deadline, .. } = job;
        let request = &asked.request;
        if let Err(excess) = self.settings.limits.check(probe) {
            return match request.contract {
                Contract::Next => Ok(fall_back(original, probe.kind, Reason::TooLarge)),
                Contract::Strict => {
                    Err(Unanswered::because(Failure::ImageTooLarge(excess.what()), &excess))
                }
            };
        }
        let profile = self.settings.profile;
        let (width, quality) = (request.width, request.quality);
        let options = RenderOptions {
            fit: fit(request),
            ..RenderOptions::new(width, target, quality, profile)
        };
        let content = rendition_key(&original.digest, &options);
        let keep = Self::keeps(asked, &original.state).then_some(*since);
        let wish = Wish {
            original: original_id(asked, original),
            content,
            options,
            keep,
            client: asked.client,
            deadline: *deadline,
        };
        let variant = match self.employ(wish, original, probe, phases).await? {
            Ok(variant) => variant,
            Err(reason) => return Ok(fall_back(original, probe.kind, reason)),
        };
        // Decided for each request anew: what one client may get instead, another cannot read.
        if pays(&variant, request, original, probe) {
            return Ok(Made::kept(variant, content));
        }
        self.pass_through(job, original, probe.kind)
    }

    /// The original on purpose.
    pub(crate) fn pass_through(
        &self,
        job: &Job,
        original: &Arc<Original>,
        kind: Kind,
    ) -> Result<Made, Unanswered> {
        let made = Made::original(original, kind, Delivery::PassedThrough);
        if original.len() > KEPT_ORIGINAL_BYTES {
            return Ok(made);
        }
        let content = original_key(&original.digest);
        let bytes = original
            .bytes
            .to_bytes(KEPT_ORIGINAL_BYTES)
            .map_err(|error| Unanswered::because(Failure::Internal, &error))?;
        let etag = Arc::clone(&made.etag);
        let variant = Variant { bytes, kind, width: 0, height: 0, etag, passthrough: true };
        if Self::keeps(&job.asked, &original.state) {
            self.store.put(job.since, content, variant.clone());
        }
        Ok(Made::kept(variant, content))
    }

    /// A signature without readable headers behind it.
    pub(crate) fn unreadable(
        request: &ImageRequest,
        original: &Arc<Original>,
        error: &ProbeError,
    ) -> Result<Made, Unanswered> {
        match (error, request.contract) {
            (ProbeError::Io(_), _) => Err(Unanswered::because(Failure::Internal, error)),
            // Next finds out by decoding and sends the original; strict sends only what passed the limits.
            (ProbeError::Malformed { kind, .. }, Contract::Next) => {
                Ok(fall_back(original, *kind, Reason::Undecodable))
            }
            _ => Err(Unanswered::because(Failure::NotAnImage, error)),
        }
    }
}

/// The original in place of a rendition. Kept nowhere: the next request tries again, unless its
/// failure is remembered.
fn fall_back(original: &Arc<Original>, kind: Kind, reason: Reason) -> Made {
    Made::original(original, kind, Delivery::Fallback(reason))
}

/// Whether the rendition is worth sending: not when nothing was resized or turned, the client reads
/// the original, and that is no larger.
fn pays(variant: &Variant, request: &ImageRequest, original: &Original, probe: &Probe) -> bool {
    let rendered = Size { width: variant.width, height: variant.height };
    let untouched =
        probe.display_size() == Some(rendered) && probe.orientation == Orientation::Upright;
    let larger = variant.bytes.len() as u64 >= original.len();
    !(untouched && larger && acceptable(request.format, probe.kind))
}

/// How the picture meets the box that was asked for.
fn fit(request: &ImageRequest) -> Fit {
    match (request.height, request.fit, request.crop) {
        (None, ..) => Fit::Width,
        (Some(height), contract::Fit::Contain, _) => Fit::Contain { height },
        (Some(height), contract::Fit::Cover, contract::Crop::Center) => {
            Fit::Cover { height, crop: Crop::Centre }
        }
        (Some(height), contract::Fit::Cover, contract::Crop::Smart) => {
            Fit::Cover { height, crop: Crop::Smart }
        }
    }
}
