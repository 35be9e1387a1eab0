//! Who waits for the provider, and who waits for people: what waking them takes.

use std::time::Duration;

use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::lambda::{Function, Unanswered};

use super::role::{Role, another_key};
use crate::api::operators::scene::{approving, in_limbo, proposing};
use crate::settlement_net::parking::Parking;

const RUN: Duration = Duration::from_secs(3);

/// The token of the one that is parked, taken away from the queue.
const TAKE_TOKEN: &str = r#"
(message,) = client("sqs").receive_message(QueueUrl=given, WaitTimeSeconds=10)["Messages"]
client("sqs").delete_message(QueueUrl=given, ReceiptHandle=message["ReceiptHandle"])
told = json.loads(message["Body"])["task_token"]
"#;

fn tail(place: &str) -> &str {
    place.rsplit(['/', ':']).next().unwrap_or(place)
}

#[tokio::test]
async fn without_leave_for_any_part_of_it_nobody_is_woken_for_good_and_with_it_everybody_is() {
    // The last one is the service's, for runs that failed.
    let known = [
        "dynamodb:GetItem Breakers",
        "sqs:DeleteMessage ParkedQueue",
        "sqs:ReceiveMessage ParkedQueue",
        "sqs:SendMessage WakeParkedDeadLetters",
        "states:SendTaskSuccess SettlementLong",
    ];
    // How many of one execution have gone on without it; and how many are woken with it, once a second has parked: whose
    // message was received in vain comes back after half a minute.
    for (permission, gone_on, woken) in [
        (known[0], 0, 2),
        // It was woken, and its message comes back until somebody deletes it: waking twice wakes nobody.
        (known[1], 1, 1),
        (known[2], 0, 2),
        (known[4], 0, 1),
    ] {
        let parking = Parking::new().await;
        let instead = [
            ("Breakers", &*parking.table.name),
            ("ParkedQueue", tail(&parking.executions.queue)),
            ("SettlementLong", tail(&parking.executions.machine)),
        ];
        let role = Role::of(&parking.cloud, "wake-parked", &instead).await;
        assert_eq!(role.permissions(), known, "say what happens without it");
        parking.park(1).await;
        let bound = role
            .binding_without(permission, parking.waker(10, RUN))
            .start()
            .await
            .unwrap();
        let _ = bound.invoke(&json!({})).await;
        assert!(
            bound.output().contains("AccessDenied"),
            "{permission}: {}",
            bound.output()
        );
        assert_eq!(parking.executions.ended().await, gone_on, "{permission}");
        assert_eq!(parking.executions.parked().await, 1, "{permission}");

        parking.park(1).await;
        let whole = role.binding(parking.waker(10, RUN)).start().await.unwrap();
        assert_eq!(whole.invoke(&json!({})).await.unwrap()["woken"], woken, "{permission}");
        parking.executions.until_ended(gone_on + woken).await;
        assert_eq!(parking.executions.parked().await, 2 - woken, "{permission}");
    }
}

/// A token, where it is to be found, and the way back to the execution: kept by one function, used by the other.
#[tokio::test]
async fn without_leave_to_keep_find_or_send_a_token_a_decision_stands_and_wakes_nobody_until_there_is_leave() {
    let cloud = Cloud::running();
    let parking = Parking::new().await;
    let key = another_key(&cloud).await;
    let instead = [
        ("SettlementLong", tail(&parking.executions.machine)),
        ("AuditKey", &key),
    ];
    let keeper = Role::of(&cloud, "await-decision", &instead).await;
    let decider = Role::of(&cloud, "resolve-limbo", &instead).await;
    let known = ["dynamodb:PutItem Tokens", "states:SendTaskSuccess SettlementLong"];
    assert_eq!(keeper.permissions(), known, "say what happens without it");
    let known = [
        "dynamodb:GetItem Tokens",
        "kms:Sign AuditKey",
        "states:SendTaskSuccess SettlementLong",
    ];
    assert_eq!(decider.permissions(), known, "say what happens without it");

    // Without leave to sign, nothing is decided: `justifying.rs`.
    for permission in [known[0], known[2]] {
        let settlement = in_limbo(&cloud).await;
        parking.park(1).await;
        let token = cloud.ask(TAKE_TOKEN, &json!(parking.executions.queue)).await;
        let ended = parking.executions.ended().await;
        let waits = json!({
            "tenant_id": settlement.tenant(), "settlement_id": settlement.id(),
            "task_token": token, "decided": false,
        });
        let await_decision = || Function::of(&cloud, "await-decision");
        let careless = keeper.binding_without("dynamodb:PutItem Tokens", await_decision());
        fails(&careless.start().await.unwrap(), &waits).await;
        let careful = keeper.binding(await_decision()).start().await.unwrap();
        careful.invoke(&waits).await.unwrap();
        assert_eq!(parking.executions.ended().await, ended, "nobody has decided");

        let resolve = || Function::of(&cloud, "resolve-limbo").set("AUDIT_KEY", &key);
        let bound = decider.binding_without(permission, resolve()).start().await.unwrap();
        let whole = decider.binding(resolve()).start().await.unwrap();
        let [ada, grace] = ["ada", "grace"].map(|name| cloud.operators[name].arn.clone());
        let proposal = proposing(settlement.id(), &json!({"decision": "refund", "reason": "looked into"}));
        let proposed = whole.call(&proposal.signed_by(&ada)).await.unwrap();
        assert_eq!(proposed.status, 201, "{proposed:?}");
        let number = proposed.json()["id"].as_i64().unwrap();
        let approval = approving(settlement.id(), number, &json!({"reason": "seen too"})).signed_by(&grace);
        let resumed = async |function: &Function, request: &ApiRequest| {
            let approved = function.call(request).await.unwrap();
            assert_eq!(approved.status, 200, "{approved:?}");
            approved.json()["resumed"].clone()
        };
        assert_eq!(resumed(&bound, &approval).await, false, "{permission}");
        assert_eq!(parking.executions.ended().await, ended, "{permission}");

        // Decided before it was waited for: then whoever comes to wait goes on at once.
        let mute = keeper.binding_without("states:SendTaskSuccess SettlementLong", await_decision());
        fails(&mute.start().await.unwrap(), &waits).await;
        assert_eq!(parking.executions.ended().await, ended, "{permission}");

        assert_eq!(resumed(&whole, &approval).await, true, "{permission}");
        parking.executions.until_ended(ended + 1).await;
    }
}

/// By the name that the machine waits for: nothing is given up for it.
async fn fails(function: &Function, event: &serde_json::Value) {
    match function.invoke(event).await {
        Err(Unanswered::Failed(error)) => assert_eq!(error["errorType"], "OutcomeUnknown", "{error}"),
        other => panic!("{other:?}"),
    }
}
