//! What is rendered of an original, and when the original is the better or the only answer.
//!
//! Whether the original is the better answer is decided for each request and never stored under a rendition's key: what one
//! client reads, another may not.

use std::sync::Arc;

use cuttle_contract::{self as contract, Contract, Failure, ImageRequest};
use cuttle_image::{
    Crop, Excess, Fit, Kind, Orientation, Probe, ProbeError, Profile, RenderOptions, Size, Target,
};
use cuttle_store::Variant;

use crate::answer::{Delivery, PipelineError, Reason};
use crate::decision::acceptable;
use crate::made::Made;
use crate::original::Original;

/// Originals up to this size are kept like renditions when they are passed through: icons and small
/// animations. Larger ones are read from the source each time and sent from sealed memory, so that no
/// heap ever holds them.
pub(crate) const KEPT_ORIGINAL_BYTES: u64 = 1 << 20;

/// What the request means for an original that is rendered as `target`.
pub(crate) fn options(request: &ImageRequest, target: Target, profile: Profile) -> RenderOptions {
    let (width, quality) = (request.width, request.quality);
    RenderOptions { fit: fit(request), ..RenderOptions::new(width, target, quality, profile) }
}

/// Over a limit: Next sends the original then.
pub(crate) fn too_large(
    request: &ImageRequest,
    original: &Arc<Original>,
    kind: Kind,
    excess: &Excess,
) -> Result<Made, PipelineError> {
    match request.contract {
        Contract::Next => Ok(fall_back(original, kind, Reason::TooLarge)),
        Contract::Strict => {
            Err(PipelineError::because(Failure::ImageTooLarge(excess.what()), excess))
        }
    }
}

/// A signature without readable headers behind it.
pub(crate) fn unreadable(
    request: &ImageRequest,
    original: &Arc<Original>,
    error: &ProbeError,
) -> Result<Made, PipelineError> {
    match (error, request.contract) {
        (ProbeError::Io(_), _) => Err(PipelineError::because(Failure::Internal, error)),
        // Next finds out by decoding and sends the original; strict sends only what passed the limits.
        (ProbeError::Malformed { kind, .. }, Contract::Next) => {
            Ok(fall_back(original, *kind, Reason::Undecodable))
        }
        _ => Err(PipelineError::because(Failure::NotAnImage, error)),
    }
}

/// The original in place of a rendition. Kept nowhere: the next request tries again, unless its
/// failure is remembered.
pub(crate) fn fall_back(original: &Arc<Original>, kind: Kind, reason: Reason) -> Made {
    Made::original(original, kind, Delivery::Fallback(reason))
}

/// Whether the rendition is worth sending: not when nothing was resized or turned, the client reads
/// the original, and that is no larger.
pub(crate) fn pays(
    variant: &Variant,
    request: &ImageRequest,
    original: &Original,
    probe: &Probe,
) -> bool {
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
