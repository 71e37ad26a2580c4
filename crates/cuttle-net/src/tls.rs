//! TLS of the connections that we open: `rustls` with `ring`, and Mozilla's roots in the binary, so that an image of a container
//! without `/etc/ssl` works.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// TLS 1.2 and 1.3 that trusts Mozilla's roots and those in `extra`, DER. What is no certificate there is left out: whoever
/// configures it has read it before.
///
/// # Panics
/// Never, as `ring` speaks both.
#[must_use]
pub fn client_tls(extra: &[Vec<u8>]) -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(extra.iter().map(|der| CertificateDer::from(der.as_slice())));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
