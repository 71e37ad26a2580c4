//! The keys of a picture and of the load that it needs, as digests.
//!
//! Every field is written with its length or as one fixed byte, so that no two different inputs meet
//! in one key (Next's concatenated key serves one URL's picture under another).

use std::sync::Arc;

use cuttle_image::{Crop, ENGINE_VERSION, Fit, Profile, RenderOptions, Target};
use cuttle_store::{ContentKey, Epoch, RequestDigest};
use cuttle_worker::OriginalId;

use crate::namespace::CacheNamespace;
use crate::original::Original;
use crate::request::{Credentials, Job, Request};

/// Contexts keep digests of different meaning apart, whatever their input.
const REQUEST_CONTEXT: &str = "cuttle 2026 request key";
const LOAD_CONTEXT: &str = "cuttle 2026 load key";
const CONTENT_CONTEXT: &str = "cuttle 2026 content key";
const ORIGINAL_CONTEXT: &str = "cuttle 2026 original and audience";

/// Key of a request and, where that matters, of whoever asks. The request's part knows its own length, so what follows it
/// cannot be taken for a part of it.
pub(crate) fn request_digest(namespace: &CacheNamespace, request: &Request) -> RequestDigest {
    let mut hasher = blake3::Hasher::new_derive_key(REQUEST_CONTEXT);
    hasher.update(&namespace.0);
    hasher.update(request.image.key().as_bytes());
    if let Some(personal) = &request.credentials {
        hasher.update(&personal.digest());
    }
    RequestDigest(*hasher.finalize().as_bytes())
}

/// What makes two loads one. The endpoints differ in what they allow, so a redirect that one of them follows is not the
/// other's answer; what was loaded for one client is for that client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LoadKey {
    digest: [u8; 32],
    /// What was loaded before a purge is not an answer after it.
    since: Epoch,
    /// Nor what was loaded by the rules of another build.
    revision: u64,
}

impl LoadKey {
    pub(crate) fn of(job: &Job) -> Self {
        Self::made_of(&job.request, job.since, job.site.revision)
    }

    fn made_of(request: &Request, since: Epoch, revision: u64) -> Self {
        let (source, personal) = (&request.image.source, request.credentials.as_ref());
        let mut hasher = blake3::Hasher::new_derive_key(LOAD_CONTEXT);
        hasher.update(&[request.image.contract as u8, source.kind() as u8]);
        hasher.update(&(source.as_str().len() as u64).to_le_bytes());
        hasher.update(source.as_str().as_bytes());
        hasher.update(&personal.map(Credentials::digest).unwrap_or_default());
        hasher.update(&[u8::from(personal.is_some()), u8::from(request.via.is_empty())]);
        Self { digest: *hasher.finalize().as_bytes(), since, revision }
    }

    #[cfg(test)]
    pub(crate) fn numbered(n: u32) -> Self {
        let digest = *blake3::hash(&n.to_le_bytes()).as_bytes();
        Self { digest, since: Epoch::default(), revision: 0 }
    }
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

/// Who may meet in one process: those of the same bytes and the same audience. A picture that took its worker over
/// learns of others' requests what they tell the worker, even where the bytes are the same.
pub(crate) fn original_id(request: &Request, original: &Original) -> OriginalId {
    identify(&original.digest, original.state.freshness.private, request.credentials.as_ref())
}

fn identify(source: &blake3::Hash, private: bool, personal: Option<&Credentials>) -> OriginalId {
    let mut hasher = blake3::Hasher::new_derive_key(ORIGINAL_CONTEXT);
    hasher.update(source.as_bytes());
    hasher.update(&[u8::from(private)]);
    if let Some(personal) = personal {
        hasher.update(&personal.digest());
    }
    OriginalId(*hasher.finalize().as_bytes())
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

    use cuttle_contract::{Images, NextContract, Rules, StrictContract};

    use super::*;

    #[test]
    fn the_same_bytes_for_another_audience_meet_in_no_process() {
        let (source, other) = (blake3::hash(b"a"), blake3::hash(b"b"));
        let public = identify(&source, false, None);
        assert_eq!(public, identify(&source, false, None));
        let personal = Credentials::default();
        let others = [
            identify(&other, false, None),
            identify(&source, true, None),
            identify(&source, false, Some(&personal)),
            identify(&source, true, Some(&personal)),
        ];
        assert!(others.iter().all(|other| *other != public));
        assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
    }

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
    fn loads_of_two_endpoints_sources_or_clients_are_two_and_those_of_two_widths_are_one() {
        let rules = Rules::compile(&Images::for_folder()).expect("the defaults are allowed");
        let (strict, next) = (StrictContract::new(&rules), NextContract::new(&rules));
        let strictly = |query| Request::from(strict.parse(query, None).expect("a picture"));
        let next = Request::from(next.parse("url=/a.jpg&w=640&q=75", None).expect("a picture"));
        let personal =
            Request { credentials: Some(Credentials::default()), ..strictly("src=/a.jpg&w=640") };
        let key = |request: &Request| LoadKey::made_of(request, Epoch::default(), 0);
        let a = strictly("src=/a.jpg&w=640");
        assert_eq!(key(&a), key(&strictly("src=/a.jpg&w=32&f=avif")));
        let others = [strictly("src=/b.jpg&w=640"), next, personal];
        assert_eq!(others.iter().chain([&a]).map(key).collect::<HashSet<_>>().len(), 4);
        assert_ne!(key(&a), LoadKey::made_of(&a, Epoch::default(), 1), "by another build");
    }

    #[test]
    fn an_entity_tag_is_strong_quoted_and_of_its_bytes() {
        let tag = entity_tag(&blake3::hash(b"picture"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34);
        assert_ne!(tag, entity_tag(&blake3::hash(b"Picture")));
    }
}
