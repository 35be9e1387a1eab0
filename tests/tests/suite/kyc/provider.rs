//! The client against a provider that does everything wrong.

use std::time::{Duration, Instant};

use adapters::environment::Kyc as Config;
use adapters::kyc::{Kyc, Provider};
use domain::kyc::Unavailable::*;
use domain::kyc::Verdict::*;
use domain::kyc::Verification;
use serde_json::json;
use tests::kyc_simulator::{KycSimulator, Manner};
use tokio::net::TcpListener;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_millis(700);

pub fn question() -> Verification {
    Verification {
        reference: Uuid::new_v4().into(),
        tenant: Uuid::new_v4().into(),
        account: Uuid::new_v4().into(),
    }
}

pub fn provider_at(origin: &str, timeout: Duration) -> Provider {
    let config = Config {
        origin: origin.parse().unwrap(),
        timeout,
    };
    Provider::open(&config).unwrap()
}

#[tokio::test]
async fn every_manner_of_the_provider_has_its_verdict_in_time() {
    let simulator = KycSimulator::start().await;
    let elsewhere = KycSimulator::start().await;
    let there = format!("{}/v1/verifications", elsewhere.origin());
    let provider = provider_at(&simulator.origin(), TIMEOUT);
    for (manner, expected) in [
        (Manner::Approve, Approved),
        (Manner::Reject, Rejected),
        (Manner::Review, NeedsReview),
        (Manner::Slow(200), Approved),
        (Manner::Hang, Unavailable(TimedOut)),
        (Manner::Drip, Unavailable(TimedOut)),
        (Manner::Fail(500), Unavailable(Status(500))),
        (Manner::Fail(429), Unavailable(Status(429))),
        (Manner::Fail(202), Unavailable(Status(202))),
        (Manner::Reset, Unavailable(Lost)),
        (Manner::Cut, Unavailable(Lost)),
        (Manner::Mislabel, Unavailable(MediaType)),
        (Manner::Flood, Unavailable(TooLong)),
        (Manner::FloodHead, Unavailable(Lost)),
        (Manner::Redirect(there), Unavailable(Status(307))),
        (Manner::Confuse, Unavailable(OtherReference)),
        (Manner::Babble, Unavailable(Malformed)),
    ] {
        simulator.behave(manner.clone());
        let (called, asked) = (simulator.calls().len(), Instant::now());
        assert_eq!(provider.verify(&question()).await, expected, "{manner:?}");
        assert!(asked.elapsed() < TIMEOUT + Duration::from_millis(400), "{manner:?}");
        assert_eq!(
            simulator.calls().len(),
            called + 1,
            "{manner:?}: called once, and not again"
        );
    }
    assert_eq!(elsewhere.calls(), [], "no redirection is followed");
    let flooded = simulator.flooded();
    assert!(
        flooded < 16 << 20,
        "{flooded} bytes were taken, by us and by buffers on the way"
    );
}

#[tokio::test]
async fn it_changes_its_mind_and_we_are_told_so() {
    let simulator = KycSimulator::start().await;
    simulator.behave(Manner::Waver);
    let (provider, question) = (provider_at(&simulator.origin(), TIMEOUT), question());
    assert_eq!(provider.verify(&question).await, Approved);
    assert_eq!(provider.verify(&question).await, Rejected, "the ledger keeps the first");
}

#[tokio::test]
async fn the_question_names_ids_and_nothing_else() {
    let simulator = KycSimulator::start().await;
    let question = question();
    provider_at(&simulator.origin(), TIMEOUT).verify(&question).await;
    let [call] = &simulator.calls()[..] else {
        panic!("one call");
    };
    assert_eq!(call.line, "POST /v1/verifications");
    let ids = json!({
        "reference": question.reference,
        "merchant_id": question.tenant,
        "account_id": question.account,
    });
    assert_eq!(call.body, ids);
    let mut names: Vec<_> = call.headers.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "content-length", "content-type", "host", "idempotency-key"]
    );
    assert_eq!(call.headers["idempotency-key"], format!("\"{}\"", question.reference));
    assert_eq!(format!("http://{}", call.headers["host"]), simulator.origin());
}

#[tokio::test]
async fn where_nobody_listens_or_nobody_speaks_tls_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let nobody = provider_at(&format!("http://{address}"), TIMEOUT);
    assert_eq!(nobody.verify(&question()).await, Unavailable(Unreachable));

    let simulator = KycSimulator::start().await;
    let plain = simulator.origin().replace("http:", "https:");
    // It takes the handshake for a request that does not end.
    let verdict = provider_at(&plain, TIMEOUT).verify(&question()).await;
    assert!(matches!(verdict, Unavailable(Unreachable | TimedOut)), "{verdict}");
    assert_eq!(simulator.calls(), []);
}
