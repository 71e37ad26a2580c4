//! The two keys of a picture, as digests.
//!
//! Every field is written with its length or as one fixed byte, so that no two different inputs meet
//! in one key (Next's concatenated key serves one URL's picture under another).

use cuttle_contract::RequestKey;
use cuttle_image::{ENGINE_VERSION, Profile, RenderOptions, Target};
use cuttle_store::{ContentKey, RequestDigest};

/// Contexts keep digests of different meaning apart, whatever their input.
const REQUEST_CONTEXT: &str = "cuttle 2026 request key";
const CONTENT_CONTEXT: &str = "cuttle 2026 content key";

pub(crate) fn request_digest(key: &RequestKey) -> RequestDigest {
    RequestDigest(blake3::derive_key(REQUEST_CONTEXT, key.as_bytes()))
}

/// Key of a rendition of the source with this digest.
pub(crate) fn rendition_key(source: &blake3::Hash, options: &RenderOptions) -> ContentKey {
    let RenderOptions { width, target, quality, profile } = *options;
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
    hasher.update(&[target, quality, profile]);
    ContentKey(*hasher.finalize().as_bytes())
}

/// Key of the original itself, passed through.
pub(crate) fn original_key(source: &blake3::Hash) -> ContentKey {
    let mut hasher = blake3::Hasher::new_derive_key(CONTENT_CONTEXT);
    hasher.update(source.as_bytes());
    hasher.update(b"original");
    ContentKey(*hasher.finalize().as_bytes())
}

/// Strong entity tag of some bytes: 128 bits of their digest, in hexadecimal, quoted.
pub(crate) fn entity_tag(bytes: &[u8]) -> std::sync::Arc<str> {
    let digest = blake3::hash(bytes).to_hex();
    format!("\"{}\"", &digest[..32]).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_option_and_the_source_make_another_content() {
        let base =
            RenderOptions { width: 640, target: Target::Webp, quality: 75, profile: Profile::Fast };
        let source = blake3::hash(b"a");
        let keys: HashSet<_> = [
            rendition_key(&source, &base),
            rendition_key(&blake3::hash(b"b"), &base),
            rendition_key(&source, &RenderOptions { width: 641, ..base }),
            rendition_key(&source, &RenderOptions { target: Target::Avif, ..base }),
            rendition_key(&source, &RenderOptions { target: Target::Jpeg, ..base }),
            rendition_key(&source, &RenderOptions { target: Target::JpegOrPng, ..base }),
            rendition_key(&source, &RenderOptions { quality: 76, ..base }),
            rendition_key(&source, &RenderOptions { profile: Profile::Balanced, ..base }),
            original_key(&source),
        ]
        .into();
        assert_eq!(keys.len(), 9);
    }

    #[test]
    fn an_entity_tag_is_strong_quoted_and_of_its_bytes() {
        let tag = entity_tag(b"picture");
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34);
        assert_eq!(tag, entity_tag(b"picture"));
        assert_ne!(tag, entity_tag(b"Picture"));
    }
}
