//! What a job made, before it is anybody's answer.

use std::sync::Arc;

use cuttle_image::Kind;
use cuttle_source::State;
use cuttle_store::{ContentKey, Variant};

use crate::answer::{Answer, Body, Delivery, Found, Keep, Phases, SourceDigest};
use crate::keys::entity_tag;
use crate::original::Original;
use crate::request::Request;

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

    /// The original, as it was loaded.
    pub(crate) fn original(original: &Arc<Original>, kind: Kind, delivery: Delivery) -> Self {
        let body = Body::Original(Arc::clone(original));
        let etag = entity_tag(&original.digest);
        Self { body, kind, etag, delivery, stored: None, confirmed: false }
    }

    /// What the client that `request` is sent of it.
    pub(crate) fn answer(self, found: Found, state: &State, request: &Request) -> Answer {
        let Self { body, kind, etag, delivery, stored: _, confirmed: _ } = self;
        let keep = match (&request.credentials, state.freshness.private) {
            (Some(_), _) => Keep::Personal,
            (None, true) => Keep::Nobody,
            (None, false) => Keep::Everyone { max_age: state.freshness.max_age },
        };
        let source = SourceDigest(blake3::Hash::from_bytes(state.digest));
        let (original, phases) = (state.bytes, Phases::default());
        Answer { body, kind, etag, found, delivery, source, keep, original, phases }
    }
}
