//! The two keys of a picture, as digests.
//!
//! Every field is written with its length or as one fixed byte, so that no two different inputs meet
//! in one key (Next's concatenated key serves one URL's picture under another).

use std::sync::Arc;

use cuttle_image::{Crop, ENGINE_VERSION, Fit, Profile, RenderOptions, Target};
use cuttle_store::{ContentKey, RequestDigest};

use crate::asked::Asked;

/// Contexts keep digests of different meaning apart, whatever their input.
const REQUEST_CONTEXT: &str = "cuttle 2026 request key";
const CONTENT_CONTEXT: &str = "cuttle 2026 content key";

/// Key of a request and, where that matters, of whoever asks. The request's part knows its own length, so what follows it
/// cannot be taken for a part of it.
pub(crate) fn request_digest(asked: &Asked) -> RequestDigest {
    let mut hasher = blake3::Hasher::new_derive_key(REQUEST_CONTEXT);
    hasher.update(asked.request.key().as_bytes());
    if let Some(personal) = &asked.personal {
        hasher.update(&personal.digest());
    }
    RequestDigest(*hasher.finalize().as_bytes())
}

/// Key of a rendition of the source with this digest.
pub(crate) fn rendition_key(source: &blake3::Hash, options: &RenderOptions) -> ContentKey {
    let RenderOptions { width, fit, target, quality, profile } = *options;
    let (fit, height) = match fit {
        Fit::Width => (1, 0),
        Fit::Contain { height } => (2, height),
        Fit::Cover { height, crop: Crop::Centre } => (3, height),
        Fit::Cover { height, crop: Crop::Smart } => (4, height),
        _ => (0, 0),
    };
    let target = match target {
        Target::Avif => 1,
        Target::Webp => 2,
        Target::Jpeg => 3,
        Target::Png => 4,
        Target::JpegOrPng => 5,
        _ => 0,
    };
    let profile = match profile {
        Profile::Fast => 1,
        Profile::Balanced => 2,
        Profile::Small => 3,
        _ => 0,
    };
    let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
    hasher.update(source.as_bytes());
    hasher.update(&ENGINE_VERSION.to_le_bytes());
    hasher.update(&width.to_le_bytes());
    hasher.update(&height.to_le_bytes());
    hasher.update(&[fit, target, quality, profile]);
    ContentKey(*hasher.finalize().as_bytes())
}

/// Key of the original itself, passed through.
pub(crate) fn original_key(source: &blake3::Hash) -> ContentKey {
    let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
    hasher.update(source.as_bytes());
    hasher.update(b"original");
    ContentKey(*hasher.finalize().as_bytes())
}

/// Strong entity tag of the bytes with this digest: 128 bits of it, in hexadecimal, quoted.
pub(crate) fn entity_tag(digest: &blake3::Hash) -> Arc<str> {
    format!("\"{}\"", &digest.to_hex()[..32]).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_option_and_the_source_make_another_content() {
        let base = RenderOptions::new(640, Target::Webp, 75, Profile::Fast);
        let source = blake3::hash(b"a");
        let fitted = |fit| rendition_key(&source, &RenderOptions { fit, ..base });
        let keys: HashSet<_> = [
            rendition_key(&source, &base),
            rendition_key(&blake3::hash(b"b"), &base),
            rendition_key(&source, &RenderOptions { width: 641, ..base }),
            fitted(Fit::Contain { height: 640 }),
            fitted(Fit::Contain { height: 641 }),
            fitted(Fit::Cover { height: 640, crop: Crop::Centre }),
            fitted(Fit::Cover { height: 641, crop: Crop::Centre }),
            fitted(Fit::Cover { height: 640, crop: Crop::Smart }),
            rendition_key(&source, &RenderOptions { target: Target::Avif, ..base }),
            rendition_key(&source, &RenderOptions { target: Target::Jpeg, ..base }),
            rendition_key(&source, &RenderOptions { target: Target::JpegOrPng, ..base }),
            rendition_key(&source, &RenderOptions { quality: 76, ..base }),
            rendition_key(&source, &RenderOptions { profile: Profile::Balanced, ..base }),
            original_key(&source),
        ]
        .into();
        assert_eq!(keys.len(), 14);
    }

    #[test]
    fn an_entity_tag_is_strong_quoted_and_of_its_bytes() {
        let tag = entity_tag(&blake3::hash(b"picture"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34);
        assert_ne!(tag, entity_tag(&blake3::hash(b"Picture")));
    }
}
