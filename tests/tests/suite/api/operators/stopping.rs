use domain::settlement::step::Undo;
use serde_json::json;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{Operator, act, asked_about, await_people, in_limbo, stopping};
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};

const NOWHERE: Option<&str> = Some("it goes nowhere");

#[tokio::test]
async fn what_is_parked_for_ever_is_stopped_and_two_people_refund_it() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settler = cloud.pooled_as("settler").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..1]).await;
    settlement.call(&settler, Call::Park).await;
    let (id, till) = (settlement.id(), settlement.request.destination);
    assert_eq!(ada.inspect(id).await.json()["status"], "parked");

    let stopped = ada.stop(id).await;
    assert_eq!(
        (stopped.status, stopped.json()),
        (
            200,
            json!({"object": "settlement", "id": id, "status": "limbo", "stopped": true})
        )
    );
    let again = grace.stop(id).await;
    assert_eq!(
        (again.status, again.json()),
        (
            200,
            json!({"object": "settlement", "id": id, "status": "limbo", "stopped": false})
        )
    );
    for account in [till, settlement.escrow] {
        assert!(is_frozen(&cloud, account).await);
    }
    let shown = grace.inspect(id).await.json();
    assert_eq!(
        json!([shown["limbo"]["cause"], shown["not_committed"], shown["money"]]),
        json!([
            "operator",
            ["verify", "release", "collect_fee"],
            [{"holder": "escrow", "account": settlement.escrow, "amount": 400}],
        ])
    );
    let late = settlement.call(&settler, FORWARD[1]).await;
    assert_eq!(late.verdict, "stands", "the provider's answer comes too late: {late:?}");

    await_people(&cloud, &settlement).await;
    let proposal = ada.proposal(id, "refund").await;
    let approved = grace.approve(id, proposal).await;
    assert_eq!((approved.status, &approved.json()["resumed"]), (200, &json!(true)));
    assert_eq!(ada.ended(id).await["status"], "compensated");
    assert_eq!(settlement.balances(&cloud).await, [1000, 0, 0, 0]);
    for account in [till, settlement.escrow] {
        assert!(!is_frozen(&cloud, account).await);
    }
    let events = settlement.events(&cloud.superuser().await).await;
    let announced: Vec<&str> = events.iter().map(|(_, event)| event.as_str()).collect();
    assert_eq!(
        announced,
        [
            "settlement.requested.v1",
            "settlement.limbo.v1",
            "settlement.compensated.v1"
        ]
    );
    let asked = asked_about(&cloud, id).await;
    let asked: Vec<_> = asked.iter().filter(|it| it.1 != "settlement_inspected").collect();
    assert_eq!(
        asked,
        [
            &act(&ada, "settlement_stopped", "done", NOWHERE),
            &act(&grace, "settlement_stopped", "repeated", NOWHERE),
            &act(&ada, "resolution_proposed", "done", Some("it was looked into")),
            &act(&grace, "resolution_approved", "done", Some("seen too")),
        ]
    );
}

#[tokio::test]
async fn what_waits_for_a_freeze_that_has_to_stay_is_stopped_and_decided_and_the_freeze_stays() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settler = cloud.pooled_as("settler").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..2]).await;
    let (id, till) = (settlement.id(), settlement.request.destination);
    assert_eq!(ada.turn("freeze", till).await.status, 200);
    assert_eq!(settlement.call(&settler, FORWARD[2]).await.verdict, "waits");

    assert_eq!(ada.stop(id).await.json()["stopped"], true);
    let proposal = ada.proposal(id, "refund").await;
    assert_eq!(grace.approve(id, proposal).await.status, 200);
    settlement.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(settlement.balances(&cloud).await, [1000, 0, 0, 0]);
    assert!(is_frozen(&cloud, till).await, "by the operator still");
    assert!(!is_frozen(&cloud, settlement.escrow).await);
}

#[tokio::test]
async fn of_what_has_ended_or_ends_by_it_there_is_nothing_to_decide() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settler = cloud.pooled_as("settler").await;
    for (course, outcome, status) in [
        (&FORWARD[..0], "done", "compensated"),
        (&FORWARD[..], "refused", "settled"),
        (
            &[FORWARD[0], Call::Burn, Call::Undo(Undo::Hold)],
            "refused",
            "compensated",
        ),
    ] {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, course).await;
        let id = settlement.id();
        for outcome in [outcome, "refused"] {
            let answer = ada.stop(id).await;
            assert_eq!((answer.status, answer.problem().as_str()), (409, "settlement-ended"));
            assert_eq!(
                asked_about(&cloud, id).await.last(),
                Some(&act(&ada, "settlement_stopped", outcome, NOWHERE))
            );
        }
        assert!(!is_frozen(&cloud, settlement.request.destination).await, "{course:?}");
        let shown = ada.inspect(id).await.json();
        assert_eq!(
            json!([shown["status"], shown["limbo"]]),
            json!([status, null]),
            "{course:?}"
        );
        assert_eq!(ada.propose(id, "refund").await.problem(), "not-in-limbo");
    }
    // By what two people decided.
    let settlement = in_limbo(&cloud).await;
    let proposal = ada.proposal(settlement.id(), "refund").await;
    grace.approve(settlement.id(), proposal).await;
    settlement.course(&settler, &[Call::Undo(Undo::Hold)]).await;
    assert_eq!(ada.stop(settlement.id()).await.problem(), "settlement-ended");
}

#[tokio::test]
async fn to_stop_what_was_decided_puts_nothing_off() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let id = in_limbo(&cloud).await.id();
    let proposal = ada.proposal(id, "refund").await;
    grace.approve(id, proposal).await;
    assert_eq!(ada.stop(id).await.json()["stopped"], false);
    assert!(is_attended_soon(&cloud, id).await, "the decision is carried out");
}

#[tokio::test]
async fn somebody_is_called_soon_about_what_was_stopped() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let settler = cloud.pooled_as("settler").await;
    settlement.course(&settler, &FORWARD[..1]).await;
    assert!(!is_attended_soon(&cloud, settlement.id()).await);
    assert_eq!(ada.stop(settlement.id()).await.status, 200);
    assert!(is_attended_soon(&cloud, settlement.id()).await);
}

#[tokio::test]
async fn what_there_is_none_of_or_has_no_reason_is_not_stopped() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let nobodys = Uuid::new_v4();
    let unknown = ada.stop(nobodys).await;
    assert_eq!((unknown.status, unknown.problem().as_str()), (404, "not-found"));
    assert_eq!(
        asked_about(&cloud, nobodys).await,
        [act(&ada, "settlement_stopped", "unknown", NOWHERE)]
    );
    assert_eq!(
        ada.send(stopping("one", &json!({"reason": "why"}))).await.problem(),
        "not-found"
    );
    let (_, settlement) = Settlement::accepted(&cloud).await;
    for body in [
        json!({}),
        json!({"reason": " "}),
        json!({"reason": "why", "status": "limbo"}),
    ] {
        let answer = ada.send(stopping(settlement.id(), &body)).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (400, "invalid-request"),
            "{body}"
        );
    }
    assert_eq!(asked_about(&cloud, settlement.id()).await, []);
}

async fn is_frozen(cloud: &Cloud, account: Uuid) -> bool {
    let sql = "SELECT frozen_at IS NOT NULL FROM ledger.accounts WHERE account_id = $1";
    cloud
        .superuser()
        .await
        .query_one(sql, &[&account])
        .await
        .unwrap()
        .get(0)
}

/// Whether an execution is begun of it, within two minutes, unless one takes it up before.
async fn is_attended_soon(cloud: &Cloud, settlement: Uuid) -> bool {
    let sql = "SELECT attend_by <= now() + interval '1 minute' FROM ledger.settlements WHERE settlement_id = $1";
    let row = cloud.superuser().await.query_one(sql, &[&settlement]).await.unwrap();
    row.get(0)
}
