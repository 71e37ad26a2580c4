//! TLS is checked, and the guard stands before it.

use std::sync::Arc;

use cuttle_net::{Exceptions, Guard, Roots};
use cuttle_source::{HttpSettings, LoadError, Origins, Remote};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::origin::{ScriptedOrigin, answer};
use crate::{Names, Setting, loaded, refused, remote, settings};

/// A certificate of its own for `pictures.example`, PEM, and a server that shows it.
fn certified() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["pictures.example".to_owned()]);
    let made = made.expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a pair");
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

fn trusting(pem: Option<&str>, networks: &[&str]) -> Origins {
    let networks = networks.iter().map(|network| network.parse().expect("a network")).collect();
    let guard = Guard::new(Exceptions { networks, ..Exceptions::default() });
    let names =
        Names::of(&[("pictures.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])]);
    let roots = Roots::mozilla();
    let roots = pem.map_or(roots.clone(), |pem| roots.and(pem.as_bytes()).expect("a root"));
    let settings = HttpSettings { roots, ..settings() };
    Origins::default().with_remote(Remote::new(guard, names, settings))
}

#[tokio::test]
async fn a_server_is_who_it_says_or_is_not_asked() {
    let (certificate, acceptor) = certified();
    let there = ScriptedOrigin::start_tls(acceptor, |_, _| answer(200, &[], b"a picture")).await;
    let port = there.address.port();
    let url = |host: &str| remote(&format!("https://{host}:{port}/a"));
    let trusting_it = trusting(Some(&certificate), &["127.0.0.1/32"]);
    let good = Setting::default().load(&trusting_it, &url("pictures.example"), None).await;
    assert_eq!(loaded(good).intake.bytes, b"a picture");
    let trusting_nobody = trusting(None, &["127.0.0.1/32"]);
    for (origins, host) in [(&trusting_it, "other.example"), (&trusting_nobody, "pictures.example")]
    {
        let error = refused(Setting::default().load(origins, &url(host), None).await);
        assert!(matches!(error, LoadError::Certificate(_)), "{host}: {error}");
        assert!(error.to_string().contains("`[tls] roots`"), "{host}: {error}");
    }
    assert_eq!(there.connections(), 3, "what is not trusted once is not asked again");
    assert_eq!(there.seen().len(), 1, "no request without a good certificate");
    let before = there.connections();
    let guarded = trusting(Some(&certificate), &[]);
    let error = refused(Setting::default().load(&guarded, &url("pictures.example"), None).await);
    assert!(matches!(error, LoadError::AddressNotAllowed(_)), "{error}");
    assert_eq!(there.connections(), before);
}
