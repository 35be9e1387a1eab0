use aws_sdk_dynamodb::types::AttributeValue::S;
use serde_json::json;
use tests::cloud::Cloud;
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Act, Operator, act, approving, asked_about, await_people, in_limbo, proposing};
use crate::ledger::settlement::scene::{FORWARD, Settlement};

const LOOKED_INTO: Option<&str> = Some("it was looked into");
const SEEN: Option<&str> = Some("seen too");

#[tokio::test]
async fn two_people_decide_nobody_alone_and_only_once() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let id = in_limbo(&cloud).await.id();
    let proposed = ada.propose(id, "refund").await;
    assert_eq!(proposed.status, 201, "{proposed:?}");
    let refund = proposed.json()["id"].as_i64().unwrap();
    assert_eq!(
        proposed.json(),
        json!({
            "id": refund, "object": "proposal", "settlement_id": id, "decision": "refund",
            "reason": "it was looked into", "proposed_by": ada.arn(),
        })
    );
    let release = grace.proposal(id, "release").await;
    let alone = ada.approve(id, refund).await;
    assert_eq!((alone.status, alone.problem().as_str()), (403, "same-person"));
    assert_eq!(ada.inspect(id).await.json()["resolution"], json!(null));

    let approved = grace.approve(id, refund).await;
    assert_eq!(
        (approved.status, approved.json()),
        (
            200,
            json!({
                "object": "resolution", "settlement_id": id, "proposal_id": refund, "decision": "refund",
                "approved_by": grace.arn(), "resumed": false,
            })
        )
    );
    // Its answer may have been lost.
    assert_eq!(grace.approve(id, refund).await.json(), approved.json());
    for second in [
        ada.approve(id, release).await,
        grace.approve(id, release).await,
        ada.propose(id, "release").await,
    ] {
        assert_eq!((second.status, second.problem().as_str()), (409, "settlement-decided"));
        assert_eq!(second.json()["decision"], "refund", "which of them stands");
    }
    assert_eq!(
        asked_about(&cloud, id).await,
        [
            act(&ada, "resolution_proposed", "done", LOOKED_INTO),
            act(&grace, "resolution_proposed", "done", LOOKED_INTO),
            act(&ada, "resolution_approved", "refused", SEEN),
            act(&ada, "settlement_inspected", "done", None),
            act(&grace, "resolution_approved", "done", SEEN),
            act(&grace, "resolution_approved", "repeated", SEEN),
            act(&ada, "resolution_approved", "refused", SEEN),
            act(&grace, "resolution_approved", "refused", SEEN),
            act(&ada, "resolution_proposed", "refused", LOOKED_INTO),
        ]
    );
}

#[tokio::test]
async fn of_two_who_approve_the_opposite_at_once_one_is_told_what_stands() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    for _ in 0..5 {
        let id = in_limbo(&cloud).await.id();
        let (refund, release) = tokio::join!(ada.proposal(id, "refund"), grace.proposal(id, "release"));
        let (by_grace, by_ada) = tokio::join!(grace.approve(id, refund), ada.approve(id, release));
        let (first, second) = if by_grace.status == 200 {
            (by_grace, by_ada)
        } else {
            (by_ada, by_grace)
        };
        assert_eq!((first.status, second.problem().as_str()), (200, "settlement-decided"));
        assert_eq!(first.json()["decision"], second.json()["decision"]);
    }
}

#[tokio::test]
async fn only_what_waits_for_people_is_decided_by_them() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let (_, held) = Settlement::accepted(&cloud).await;
    held.course(&cloud.pooled_as("settler").await, &FORWARD[..1]).await;
    let early = ada.propose(held.id(), "refund").await;
    assert_eq!((early.status, early.problem().as_str()), (409, "not-in-limbo"));
    let nobodys = Uuid::new_v4();
    assert_eq!(ada.propose(nobodys, "refund").await.problem(), "not-found");
    let refused = |about: Uuid| (about, "resolution_proposed");
    for ((about, what), outcome) in [(refused(held.id()), "refused"), (refused(nobodys), "unknown")] {
        assert_eq!(
            asked_about(&cloud, about).await,
            [act(&ada, what, outcome, LOOKED_INTO)]
        );
    }

    // A proposal is approved as what it is: about its own settlement.
    let (meant, other) = (in_limbo(&cloud).await.id(), in_limbo(&cloud).await.id());
    let proposal = ada.proposal(other, "refund").await;
    for unknown in [proposal, 0, i64::MAX] {
        assert_eq!(grace.approve(meant, unknown).await.problem(), "not-found");
    }
    let unknown = act(&grace, "resolution_approved", "unknown", SEEN);
    assert_eq!(asked_about(&cloud, meant).await, vec![unknown; 3]);
    for id in [meant, other] {
        assert_eq!(ada.inspect(id).await.json()["resolution"], json!(null));
    }
}

#[tokio::test]
async fn without_a_reason_nothing_is_asked_of_the_ledger() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let id = in_limbo(&cloud).await.id();
    let proposal = ada.proposal(id, "refund").await;
    let bodies = [
        (json!({"decision": "refund"}), "invalid-request"),
        (json!({"decision": "refund", "reason": " "}), "invalid-request"),
        (json!({"decision": "keep", "reason": "why"}), "invalid-request"),
        (
            json!({"decision": "refund", "reason": "4111 1111 1111 1111"}),
            "card-number-refused",
        ),
    ];
    for (body, problem) in bodies {
        let answer = ada.send(proposing(id, &body)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, problem), "{body}");
    }
    for body in [
        json!({}),
        json!({"reason": "x".repeat(501)}),
        json!({"reason": "why", "decision": "refund"}),
    ] {
        let answer = grace.send(approving(id, proposal, &body)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{body}"
        );
    }
    let plain = approving(id, proposal, &json!({"reason": "why"})).header("content-type", "text/plain");
    assert_eq!(grace.send(plain).await.problem(), "unsupported-media-type");
    for path in ["one", "1.5", "9223372036854775808"] {
        let answer = grace.send(approving(id, path, &json!({"reason": "why"}))).await;
        assert_eq!(answer.problem(), "not-found", "{path}");
    }
    let asked: [Act; 1] = [act(&ada, "resolution_proposed", "done", LOOKED_INTO)];
    assert_eq!(asked_about(&cloud, id).await, asked);
}

#[tokio::test]
async fn a_decision_stands_even_if_nobody_can_be_told_of_it() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    // Nothing listens there.
    let nowhere = "http://127.0.0.1:9";
    for service in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SFN"] {
        let id = in_limbo(&cloud).await.id();
        waits_with(&cloud, id, "a token that waits").await;
        let proposal = ada.proposal(id, "release").await;
        let function = Function::of(&cloud, "resolve-limbo")
            .set(service, nowhere)
            .start()
            .await
            .unwrap();
        let approval = approving(id, proposal, &json!({"reason": "seen too"})).signed_by(grace.arn());
        let approved = function.call(&approval).await.unwrap();
        assert_eq!(
            (approved.status, &approved.json()["resumed"]),
            (200, &json!(false)),
            "{service}"
        );
        assert_eq!(ada.inspect(id).await.json()["resolution"]["decision"], "release");
        let soon = "SELECT attend_by <= now() + interval '1 minute' FROM ledger.settlements WHERE settlement_id = $1";
        let row = cloud.superuser().await.query_one(soon, &[&id]).await.unwrap();
        assert!(row.get::<_, bool>(0), "the schedule looks after it");
    }
}

#[tokio::test]
async fn a_token_that_nobody_waits_with_any_more_is_no_failure() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let id = in_limbo(&cloud).await.id();
    waits_with(&cloud, id, "bG9uZyBnb25l").await;
    let proposal = ada.proposal(id, "release").await;
    let approved = grace.approve(id, proposal).await;
    assert_eq!((approved.status, &approved.json()["resumed"]), (200, &json!(false)));
}

/// Leaves a token for whoever decides about this settlement.
async fn waits_with(cloud: &Cloud, settlement: Uuid, token: &str) {
    let put = cloud.dynamodb().put_item().table_name(cloud.resource("Tokens"));
    let put = put
        .item("pk", S(settlement.to_string()))
        .item("token", S(token.to_owned()));
    put.send().await.unwrap();
}

#[tokio::test]
async fn the_execution_that_waits_goes_on_as_soon_as_two_have_decided() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settlement = in_limbo(&cloud).await;
    let id = settlement.id();
    await_people(&cloud, &settlement).await;
    let proposal = ada.proposal(id, "refund").await;
    let approved = grace.approve(id, proposal).await;
    assert_eq!((approved.status, &approved.json()["resumed"]), (200, &json!(true)));
    let ended = ada.ended(id).await;
    assert_eq!(
        (&ended["status"], &ended["money"][0]["holder"]),
        (&json!("compensated"), &json!("buyer"))
    );
    assert_eq!(settlement.balances(&cloud).await, [1000, 0, 0, 0]);
    assert_eq!(ada.propose(id, "release").await.problem(), "settlement-decided");
    assert_eq!(
        grace.turn("unfreeze", settlement.request.destination).await.json()["frozen"],
        false
    );
}
