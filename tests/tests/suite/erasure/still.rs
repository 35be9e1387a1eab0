//! Erasures that nobody carries on: the clock finds them.

use serde_json::json;
use tests::alarms::tells;
use tests::api::ApiRequest;
use tests::fault::{Cut, Cutter};
use tests::lambda::Unanswered;
use uuid::Uuid;

use super::apart::Apart;
use super::holds::turning;
use super::scene::{ADA, ERASURE, ERASURES, acts, audited, event, wanted};

#[tokio::test]
async fn whoever_asks_and_is_killed_at_any_call_has_asked_or_has_not_and_what_is_asked_is_carried_out() {
    let apart = Apart::open().await;
    let office = &apart.office;
    for cut in [Cut::Before, Cut::After] {
        for nth in 0.. {
            let (erasure, (customer, account)) = (Uuid::new_v4(), office.customer("Ada").await);
            let cutter = Cutter::start(&office.cloud, nth, cut).await;
            let doomed = apart
                .eraser()
                .set("AWS_ENDPOINT_URL", cutter.url())
                .start()
                .await
                .unwrap();
            let ask = ApiRequest::to(ERASURES)
                .key(erasure)
                .json(&wanted(office.tenant(), Some(customer)));
            let call = doomed.call(&ask.signed_by(ADA));
            tokio::pin!(call);
            let is_killed = tokio::select! {
                () = cutter.reached() => {
                    doomed.kill().await;
                    assert!(matches!(call.await, Err(Unanswered::Died { .. })));
                    true
                }
                answer = &mut call => {
                    assert_eq!(answer.unwrap().status, 202);
                    false
                }
            };
            let is_asked = office
                .ask(ApiRequest::to(ERASURE).path("erasure_id", erasure))
                .await
                .status
                == 200;
            // It is signed for, and then recorded.
            let before_the_record = if cut == Cut::Before { 0..=1 } else { 0..=0 };
            assert!(
                is_asked || is_killed && before_the_record.contains(&nth),
                "{cut:?} {nth}"
            );
            let carried_on = office.eraser.invoke(&json!({"still_for_seconds": 0})).await.unwrap();
            assert_eq!(carried_on["carried_on"], u32::from(is_asked), "{cut:?} {nth}");
            if is_asked {
                assert_eq!(office.erasure(erasure).await["status"], "certified");
                let mut audited = audited(&office.cloud, erasure).await;
                audited.retain(|(act, _)| act != "erasure_inspected");
                let both = acts(&[("erasure_asked", "done"), ("erasure_certified", "done")]);
                assert_eq!(audited, both, "{cut:?} {nth}");
                office.is_gone(customer, account).await;
            } else {
                assert_eq!(office.status(customer).await, 200);
            }
            if !is_killed {
                assert!(nth > 2, "it makes more calls than {nth}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_clock_says_how_long_the_longest_has_stood_still_and_leaves_the_others_to_their_messages() {
    let apart = Apart::open().await;
    let office = &apart.office;
    let (customer, _) = office.customer("Ada").await;
    let asking = |whom| {
        ApiRequest::to(ERASURES)
            .key(Uuid::new_v4())
            .json(&wanted(office.tenant(), whom))
    };
    let idle = office.eraser.invoke(&json!({"still_for_seconds": 0})).await.unwrap();
    assert_eq!(idle, json!({"carried_on": 0}));
    assert!(office.eraser.output().contains(r#""LongestStillSeconds":0"#));
    assert_eq!(office.ask(asking(Some(customer))).await.status, 202);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(office.ask(asking(Some(Uuid::new_v4()))).await.status, 202);
    let waits = office.eraser.invoke(&json!({"still_for_seconds": 600})).await.unwrap();
    assert_eq!(waits, json!({"carried_on": 0}));
    assert_eq!(office.status(customer).await, 200);
    let said = tells(&office.cloud, "ErasureStandsStill", &office.eraser).await;
    assert!(*said.last().unwrap() >= 1, "{said:?}");
    let both = office.eraser.invoke(&json!({"still_for_seconds": 0})).await.unwrap();
    assert_eq!(both, json!({"carried_on": 2}));
    assert_eq!(office.status(customer).await, 410);
    let none = office.eraser.invoke(&json!({"still_for_seconds": 0})).await.unwrap();
    assert_eq!(none, json!({"carried_on": 0}));
}

/// What the audit says happened has happened: killed at any call, the row comes after the erasure is blocked, and it comes.
#[tokio::test]
async fn an_erasure_is_said_to_be_blocked_when_it_is() {
    let apart = Apart::open().await;
    let office = &apart.office;
    let (customer, _) = office.customer("Ada").await;
    let set = office.ask(turning("PUT", office.tenant(), Some(customer))).await;
    assert_eq!(set.status, 200, "{set:?}");
    for nth in 0.. {
        let erasure = Uuid::new_v4();
        let cutter = Cutter::start(&office.cloud, nth, Cut::Before).await;
        let doomed = apart
            .eraser()
            .set("AWS_ENDPOINT_URL", cutter.url())
            .start()
            .await
            .unwrap();
        let call = doomed.invoke(&event(erasure, office.tenant(), Some(customer)));
        tokio::pin!(call);
        let is_killed = tokio::select! {
            () = cutter.reached() => {
                doomed.kill().await;
                true
            }
            answer = &mut call => {
                answer.unwrap();
                false
            }
        };
        let is_blocked = apart.item(erasure).await["status"]["S"] == "blocked";
        let is_said = |audited: &[(String, String)]| audited.iter().any(|(act, _)| act == "erasure_blocked");
        assert!(
            is_blocked || !is_said(&audited(&office.cloud, erasure).await),
            "call {nth}"
        );
        office.erase(erasure, Some(customer)).await;
        assert!(is_said(&audited(&office.cloud, erasure).await), "call {nth}");
        if !is_killed {
            assert!(nth > 4, "it makes more calls than {nth}");
            break;
        }
    }
    assert_eq!(office.status(customer).await, 200);
}
