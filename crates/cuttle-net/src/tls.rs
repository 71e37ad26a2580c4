//! TLS of the connections that we open: `rustls` with `ring`, and Mozilla's roots in the binary, so that an image of a container
//! without `/etc/ssl` works.
//!
//! An operator can add roots or replace them, and never turn the check off.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Authorities whose certificates are trusted. Clones share them.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

/// A text without a certificate that could be trusted, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoots {
    /// Nothing between `BEGIN CERTIFICATE` and `END CERTIFICATE`.
    #[error("it holds no certificate: write PEM, which begins with -----BEGIN CERTIFICATE-----")]
    None,
    /// PEM that ends too early or is no base64; a certificate that cannot be read.
    #[error("it holds something that is no certificate: {0}")]
    Damaged(String),
}

impl Roots {
    /// Mozilla's.
    #[must_use]
    pub fn mozilla() -> Self {
        Self(Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }))
    }

    /// Those in a PEM text and no others.
    ///
    /// # Errors
    /// [`NoRoots`].
    pub fn only(pem: &[u8]) -> Result<Self, NoRoots> {
        Self(Arc::new(RootCertStore::empty())).and(pem)
    }

    /// These, and those in a PEM text.
    ///
    /// # Errors
    /// [`NoRoots`].
    pub fn and(self, pem: &[u8]) -> Result<Self, NoRoots> {
        let damaged = |why: &dyn std::fmt::Display| NoRoots::Damaged(why.to_string());
        let mut store = Arc::unwrap_or_clone(self.0);
        let before = store.len();
        let mut unusable = None;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|why| damaged(&why))?;
            // The bundle of a system has some that are too old to be read.
            unusable = store.add(certificate).err().or(unusable);
        }
        match (store.len() > before, unusable) {
            (true, _) => Ok(Self(Arc::new(store))),
            (false, Some(why)) => Err(damaged(&why)),
            (false, None) => Err(NoRoots::None),
        }
    }

    /// TLS 1.2 and 1.3 that trusts them.
    ///
    /// # Panics
    /// Never, as `ring` speaks both.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth()
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::mozilla()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_adds_what_it_holds_or_says_why_not() {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("one");
        let pem = made.cert.pem();
        let mozilla = Roots::mozilla().0.len();
        let added = Roots::mozilla().and(pem.as_bytes()).expect("a root");
        assert_eq!(added.0.len(), mozilla + 1);
        assert_eq!(Roots::only((pem.clone() + &pem).as_bytes()).expect("roots").0.len(), 2);
        for nothing in ["", "nothing", &made.signing_key.serialize_pem()] {
            assert_eq!(Roots::only(nothing.as_bytes()).err(), Some(NoRoots::None), "{nothing}");
        }
        let cut = pem.replace("-----END CERTIFICATE-----", "");
        let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for damaged in [&*cut, wrong] {
            let error = Roots::only(damaged.as_bytes()).err();
            assert!(matches!(error, Some(NoRoots::Damaged(_))), "{damaged}: {error:?}");
        }
    }
}
