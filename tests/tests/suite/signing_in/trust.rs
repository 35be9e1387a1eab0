//! Nothing is sent to a database that does not prove its name.

use adapters::ledger::{Ledger, LedgerError};
use rustls::RootCertStore;
use tests::cloud::Cloud;
use time::Duration as Span;

use super::front::{Call, Front, NAME, ROLE, Server, keys, trusting};
use crate::certificates::{authority, shown};

#[tokio::test]
async fn a_database_that_proves_its_name_is_signed_in_to_and_asked() {
    let (cloud, ours) = (Cloud::running(), authority());
    let front = Front::sound(&cloud, &ours).await;
    let ledger = Ledger::at(&front.database(&cloud, trusting(&ours), keys()));
    ledger.outbox_health().await.unwrap();
    drop(ledger);
    let call = front.the_call().await;
    assert!(call.asked_for_tls);
    assert!(call.in_clear.is_empty(), "nothing is said without TLS");
    let (role, database) = (format!("user {ROLE}"), format!("database {}", cloud.postgres.database));
    assert!(
        call.startup.contains(&role) && call.startup.contains(&database),
        "{call:?}"
    );
    let place = format!("{NAME}:{}/?", front.port);
    assert!(
        call.password.unwrap().starts_with(&place),
        "the token is for this place"
    );
}

#[tokio::test]
async fn a_database_that_does_not_prove_its_name_is_told_nothing() {
    let cloud = Cloud::running();
    let (ours, other) = (authority(), authority());
    let (valid, expired) = (Span::days(1), -Span::hours(1));
    for (what, server, roots) in [
        (
            "another authority's",
            Server::Tls(shown(&other, NAME, valid)),
            trusting(&ours),
        ),
        (
            "another's name",
            Server::Tls(shown(&ours, "db.example", valid)),
            trusting(&ours),
        ),
        (
            "its address, and not the name",
            Server::Tls(shown(&ours, "127.0.0.1", valid)),
            trusting(&ours),
        ),
        ("expired", Server::Tls(shown(&ours, NAME, expired)), trusting(&ours)),
        (
            "nobody is trusted",
            Server::Tls(shown(&ours, NAME, valid)),
            RootCertStore::empty(),
        ),
        ("no TLS", Server::Plain, trusting(&ours)),
    ] {
        let front = Front::start(&cloud, server).await;
        let ledger = Ledger::at(&front.database(&cloud, roots, keys()));
        let refused = ledger.outbox_health().await;
        assert!(
            matches!(refused, Err(LedgerError::Unreachable(_))),
            "{what}: {refused:?}"
        );
        let heard = Call {
            asked_for_tls: true,
            ended: true,
            ..Call::default()
        };
        assert_eq!(front.the_call().await, heard, "{what}");
    }
}

/// The roots of this system know nothing of an authority that was made up a moment ago, and why nobody got in is said.
#[tokio::test]
async fn who_is_not_let_in_or_does_not_trust_says_why() {
    let (cloud, ours) = (Cloud::running(), authority());
    let told = async |front: &Front, roots| {
        let ledger = Ledger::at(&front.database(&cloud, roots, keys()));
        ledger.connect().await.unwrap_err().to_string()
    };
    let sound = Front::sound(&cloud, &ours).await;
    let told_apart = told(&sound, trusting(&authority())).await;
    assert!(told_apart.contains("invalid peer certificate"), "{told_apart}");
    let refusing = Front::start(&cloud, Server::Refusing(shown(&ours, NAME, Span::days(1)))).await;
    let told_off = told(&refusing, trusting(&ours)).await;
    assert!(told_off.contains("PAM authentication failed"), "{told_off}");
    let token = refusing.the_call().await.password.unwrap();
    assert!(!told_off.contains(&token) && !told_off.contains("X-Amz"), "{told_off}");
}
