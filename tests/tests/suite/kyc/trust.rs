//! The client trusts a provider that proves its name to it, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use adapters::environment::Kyc as Config;
use adapters::kyc::{Kyc, Provider};
use domain::kyc::Unavailable::Unreachable;
use domain::kyc::Verdict::{self, Approved, Unavailable};
use rustls::pki_types::CertificateDer;
use rustls::{RootCertStore, ServerConfig};
use tests::kyc_simulator::KycSimulator;
use time::Duration as Span;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::provider::question;
use crate::certificates::{authority, shown};

const HERE: &str = "127.0.0.1";

/// What `simulator` says behind `tls`, to a client that trusts `roots` alone; and whether the question reached it.
async fn asked(tls: ServerConfig, roots: &[&CertificateDer<'static>]) -> (Verdict, bool) {
    let simulator = KycSimulator::start().await;
    let behind = simulator.origin().replace("http://", "");
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not trust what it is shown hangs up.
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let mut onward = TcpStream::connect(behind).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut onward).await;
        }
    });
    let mut trusted = RootCertStore::empty();
    for root in roots {
        trusted.add((*root).clone()).unwrap();
    }
    let config = Config {
        origin: format!("https://{HERE}:{port}").parse().unwrap(),
        timeout: Duration::from_secs(5),
    };
    let verdict = Provider::trusting(&config, trusted).unwrap().verify(&question()).await;
    (verdict, !simulator.calls().is_empty())
}

#[tokio::test]
async fn only_who_proves_the_name_to_a_trusted_authority_is_asked() {
    let (ours, other) = (authority(), authority());
    let (valid, expired) = (Span::days(1), -Span::hours(1));
    for (what, by, name, valid_for, expected) in [
        ("as it should be", &ours, HERE, valid, (Approved, true)),
        (
            "another authority's",
            &other,
            HERE,
            valid,
            (Unavailable(Unreachable), false),
        ),
        (
            "another's name",
            &ours,
            "kyc.example",
            valid,
            (Unavailable(Unreachable), false),
        ),
        ("expired", &ours, HERE, expired, (Unavailable(Unreachable), false)),
    ] {
        let tls = shown(by, name, valid_for);
        assert_eq!(asked(tls, &[ours.der()]).await, expected, "{what}");
    }
    let nobody_trusted = asked(shown(&ours, HERE, valid), &[]).await;
    assert_eq!(nobody_trusted, (Unavailable(Unreachable), false));
}

/// The roots of this system, as deployed: they know nothing of an authority that was made up a moment ago.
#[tokio::test]
async fn the_systems_roots_trust_no_authority_of_ours() {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(shown(&authority(), HERE, Span::days(1))));
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "it was trusted");
    });
    let config = Config {
        origin: format!("https://{HERE}:{port}").parse().unwrap(),
        timeout: Duration::from_secs(5),
    };
    let verdict = Provider::open(&config).unwrap().verify(&question()).await;
    assert_eq!(verdict, Unavailable(Unreachable));
    server.join_next().await.unwrap().unwrap();
}
