//! An application behind TLS.

use std::sync::Arc;

use cuttle_net::Roots;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;

#[tokio::test]
async fn its_certificate_is_for_its_own_name_and_from_someone_who_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let trusting = Roots::only(made.cert.pem().as_bytes()).expect("a root");
    for (name, roots, expected) in [
        ("localhost", trusting.clone(), "HTTP/1.1 200 OK"),
        ("localhost", Roots::mozilla(), "HTTP/1.1 502 Bad Gateway"),
        ("127.0.0.1", trusting, "HTTP/1.1 502 Bad Gateway"),
    ] {
        let settings = ProxySettings { roots, ..ProxySettings::default() };
        let stage = Stage::at("https", name, settings, TrustedProxies::default()).await;
        let mut client = stage.client().await;
        client.send("GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n").await;
        let app = async {
            let (stream, _) = stage.app.accept().await.expect("a connection");
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let read = stream.read_buf(&mut head).await;
                if !read.is_ok_and(|read| read > 0) {
                    return;
                }
            }
            let head = String::from_utf8(head).expect("text");
            assert!(head.contains("host: elsewhere.example\r\n"), "{head}");
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.expect("a reader");
        };
        let (head, ()) = tokio::join!(client.head(), soon(app));
        assert_eq!(head[0], expected, "{name}");
    }
}
