//! One connection, kept as long as it leads to the ledger.

use adapters::environment::{Auth, Database};
use adapters::ledger::{Ledger, LedgerError};
use futures_util::future::join_all;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::fault::{Faults, PgProxy, Script};
use tests::lambda::Function;
use tests::patience::until;
use tests::token::Scope;
use uuid::Uuid;

/// The ledger as the poller sees it, behind a proxy of the test's own.
async fn behind_a_proxy() -> (Ledger, PgProxy) {
    let cloud = Cloud::running();
    let pooler = format!("{}:{}", cloud.pgbouncer.host, cloud.pgbouncer.port);
    let proxy = PgProxy::start(&pooler, Script::default()).await;
    let ledger = Ledger::at(&Database {
        host: "127.0.0.1".to_owned(),
        port: proxy.port(),
        name: cloud.postgres.database,
        user: "poller".to_owned(),
        auth: Auth::Loopback,
    });
    (ledger, proxy)
}

#[tokio::test]
async fn an_environment_has_one_connection_however_much_is_asked_at_once() {
    let (ledger, proxy) = behind_a_proxy().await;
    for answer in join_all((0..20).map(|_| ledger.outbox_health())).await {
        answer.unwrap();
    }
    assert_eq!((proxy.sessions(), proxy.round_trips()), (1, 20));
}

#[tokio::test]
async fn a_connection_is_kept_or_left_by_what_the_other_end_says() {
    for (severity, code, is_known, is_kept) in [
        // What became of the statement, and of nothing else.
        ("ERROR", "40001", true, true),
        ("ERROR", "55P03", true, true),
        ("ERROR", "57014", true, true),
        ("ERROR", "53300", true, true),
        ("ERROR", "OL001", true, true),
        // The writer was demoted: its word stands, and the next one is elsewhere.
        ("ERROR", "25006", true, false),
        ("ERROR", "08P01", true, false),
        // Somebody in between has lost the server, or the server is going: nobody knows what it did.
        ("ERROR", "08000", false, false),
        ("ERROR", "08006", false, false),
        ("ERROR", "08007", false, false),
        ("ERROR", "57P01", false, false),
        ("ERROR", "57P02", false, false),
        ("ERROR", "57P03", false, false),
        ("FATAL", "57P01", false, false),
        ("FATAL", "25006", false, false),
        ("FATAL", "53300", false, false),
        ("PANIC", "57P02", false, false),
    ] {
        let (ledger, proxy) = behind_a_proxy().await;
        ledger.outbox_health().await.unwrap();
        proxy.say_next(severity, code);
        let failed = ledger.outbox_health().await.unwrap_err();
        let told = match &failed {
            LedgerError::Failed { code: told, .. } => Some(told.as_str()),
            LedgerError::Unknown(_) => None,
            LedgerError::Unreachable(_) | LedgerError::Unreadable(_) => panic!("{severity} {code}: {failed}"),
        };
        assert_eq!(told, is_known.then_some(code), "{severity} {code}");
        // Nothing is sent twice by itself: whoever asked decides whether to ask again.
        assert_eq!(proxy.round_trips(), 2, "{severity} {code}");
        ledger.outbox_health().await.unwrap();
        assert_eq!(proxy.sessions(), if is_kept { 1 } else { 2 }, "{severity} {code}");
        assert_eq!(proxy.round_trips(), 3, "{severity} {code}");
    }
}

/// An environment is frozen between two requests, for minutes. What is closed in that time is seen before the next is sent.
#[tokio::test]
async fn a_connection_that_was_closed_while_the_function_was_frozen_is_made_anew_and_nothing_fails() {
    let cloud = Cloud::running();
    let faults = Faults::between(&cloud).await;
    let function = Function::of(&cloud, "read-payment")
        .through(&faults)
        .start()
        .await
        .unwrap();
    let nobodys = ApiRequest::to("GET /v1/payments/{payment_id}")
        .from_tenant(Uuid::now_v7(), Scope::Merchant)
        .path("payment_id", Uuid::now_v7());
    for connections in 1..=3 {
        let call = function.call(&nobodys);
        function.resume();
        let answer = call.await.unwrap();
        assert_eq!(answer.status, 404, "{answer:?}");
        assert_eq!(faults.ledger.sessions(), connections);
        function.pause();
        faults.ledger.hang_up();
        let closed = || async { (faults.ledger.open_sessions() == 0).then_some(()) };
        until(closed, || "no connection".to_owned()).await;
    }
}
