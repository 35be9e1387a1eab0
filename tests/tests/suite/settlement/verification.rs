//! The task that asks the provider: what it records, what it parks, and what is tried again.

use domain::breaker::Ended;
use domain::settlement::status::Status;
use domain::settlement::step::Step;
use serde_json::json;
use tests::alarms::breaches;
use tests::cloud::Cloud;
use tests::kyc_simulator::{KycSimulator, Manner};

use super::tasks::{Told, asked, fails_by, goes_to, on, told};
use crate::kyc::table::{SETTINGS, Table};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};

fn parks_for(seconds: i64) -> Told {
    Told::Next("park".to_owned(), seconds)
}

#[tokio::test]
async fn a_verification_is_recorded_parked_or_tried_again() {
    in_scratch_database(async |scratch: Cloud| {
        let (kyc, breakers) = (KycSimulator::start().await, Table::new().await);
        let function = on(&scratch, "settle-step")
            .set("KYC_ORIGIN", kyc.origin())
            .set("BREAKER_TABLE", &breakers.name);
        let function = function.start().await.unwrap();
        let settler = scratch.pooled_as("settler").await;
        for (manner, expected) in [
            (Manner::Approve, goes_to("release")),
            (Manner::Reject, goes_to("burn")),
            (Manner::Review, parks_for(540)),
            (Manner::Fail(500), fails_by("KycUnavailable")),
            (Manner::Reset, fails_by("KycUnavailable")),
            (Manner::Confuse, fails_by("KycUnavailable")),
        ] {
            let (_, settlement) = Settlement::accepted(&scratch).await;
            let verify = asked(&settlement, "verify");
            kyc.behave(manner.clone());
            let called = kyc.calls().len();
            assert_eq!(told(&function, &verify).await, goes_to("hold"), "it is not its turn");
            assert_eq!(kyc.calls().len(), called, "nobody is asked before that");
            settlement.course(&settler, &FORWARD[..1]).await;
            assert_eq!(told(&function, &verify).await, expected, "{manner:?}");
            let [call] = &kyc.calls()[called..] else {
                panic!("{manner:?}: asked once");
            };
            let reference = settlement.key(Step::Verify);
            assert_eq!(call.body["reference"], reference.to_string());
            assert_eq!(call.body["account_id"], settlement.request.destination.to_string());
            if expected == goes_to("release") || expected == goes_to("burn") {
                assert_eq!(told(&function, &verify).await, expected);
                assert_eq!(kyc.calls().len(), called + 1, "what is recorded is not asked again");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_an_open_breaker_is_seen_to_be_parked() {
    in_scratch_database(async |scratch: Cloud| {
        let (kyc, breakers) = (KycSimulator::start().await, Table::new().await);
        let function = on(&scratch, "settle-step")
            .set("KYC_ORIGIN", kyc.origin())
            .set("BREAKER_TABLE", &breakers.name);
        let function = function.start().await.unwrap();
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let settler = scratch.pooled_as("settler").await;
        settlement.course(&settler, &FORWARD[..1]).await;

        let endpoint = Table {
            endpoint: kyc.origin(),
            ..breakers
        };
        let breaker = endpoint.breaker(SETTINGS);
        for _ in 0..SETTINGS.minimum {
            let entered = breaker.enter().await.unwrap();
            breaker.leave(entered, Ended::Failed).await;
        }
        assert!(endpoint.is_open().await);
        assert_eq!(told(&function, &asked(&settlement, "verify")).await, parks_for(30));
        assert_eq!(kyc.calls(), []);

        let mut park = asked(&settlement, "park");
        for (given, waits) in [(0, 30), (30, 30), (540, 540), (100_000, 540)] {
            park["wait_seconds"] = json!(given);
            assert_eq!(told(&function, &park).await, parks_for(waits));
        }
        let answer = settlement.call(&settler, Call::Park).await;
        assert_eq!((answer.verdict.as_str(), answer.status), ("parked", Status::Parked));
        settlement.course(&settler, &FORWARD[1..2]).await;
        assert_eq!(
            told(&function, &park).await,
            goes_to("release"),
            "another has gone on with it"
        );
    })
    .await;
}

/// Who waits is let through one at a time, and each finds the provider as it was.
#[tokio::test]
async fn probes_that_fail_call_people() {
    in_scratch_database(async |scratch: Cloud| {
        let (kyc, breakers) = (KycSimulator::start().await, Table::new().await);
        let function = on(&scratch, "settle-step")
            .set("KYC_ORIGIN", kyc.origin())
            .set("BREAKER_TABLE", &breakers.name);
        let function = function.start().await.unwrap();
        let (_, settlement) = Settlement::accepted(&scratch).await;
        let settler = scratch.pooled_as("settler").await;
        settlement.course(&settler, &FORWARD[..1]).await;
        let endpoint = Table {
            endpoint: kyc.origin(),
            ..breakers
        };
        let breaker = endpoint.breaker(SETTINGS);
        for _ in 0..SETTINGS.minimum {
            let entered = breaker.enter().await.unwrap();
            breaker.leave(entered, Ended::Failed).await;
        }
        endpoint.end("open_until").await;
        kyc.behave(Manner::Fail(500));
        assert_eq!(
            told(&function, &asked(&settlement, "verify")).await,
            fails_by("KycUnavailable")
        );
        assert_eq!(kyc.calls().len(), 1);
        assert_eq!(breaches(&scratch, "KycDown", &function).await, [1]);
    })
    .await;
}
