use domain::settlement::status::Status;
use domain::settlement::step::{Resolution, Undo};
use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::statements::{count, failure, name_of};
use super::scene::{Call, FORWARD, Settlement, turn_freeze};

const FROZEN: &str = "SELECT count(frozen_at) FROM ledger.accounts WHERE account_id = $1";

#[tokio::test]
async fn marking_burns_freezes_and_calls_for_people_in_one_commit() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let mut settler = cloud.as_role("settler").await;
    let (merchant, settlement) = Settlement::accepted(&cloud).await;
    let second_till = merchant.till().await;
    settlement.course(&settler, &FORWARD[..2]).await;
    let transaction = settler.transaction().await.unwrap();
    settlement.course(transaction.client(), &[Call::Limbo]).await;
    transaction.rollback().await.unwrap();
    assert_eq!(
        settlement.call(&settler, Call::Park).await.status,
        Status::Verified,
        "nothing of it stays"
    );

    let marked = settlement.call(&settler, Call::Limbo).await;
    assert_eq!((&*marked.verdict, marked.status), ("recorded", Status::Limbo));
    assert_eq!(marked.log.free().count(), 0);
    let request = &settlement.request;
    for (account, frozen) in [
        (settlement.escrow, 1),
        (request.destination, 1),
        (second_till, 1),
        (merchant.escrows[1], 1),
        (request.source, 0),
        (merchant.externals[0], 0),
        (settlement.platform, 0),
    ] {
        assert_eq!(count(&superuser, FROZEN, account).await, frozen);
    }
    assert_eq!(settlement.call(&settler, Call::Limbo).await.verdict, "stands");
}

#[tokio::test]
async fn two_people_decide_once_and_every_look_and_act_is_audited() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let superuser = cloud.superuser().await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..1]).await;
    assert_eq!(
        settlement.propose(&operator, "anna", "refund").await,
        ("not_in_limbo".to_owned(), None)
    );
    settlement.course(&settler, &[Call::Limbo]).await;

    let (_, refund) = settlement.propose(&operator, "anna", "refund").await;
    let (_, release) = settlement.propose(&operator, "ben", "release").await;
    let (refund, release) = (refund.unwrap(), release.unwrap());
    assert_eq!(
        settlement.approve(&operator, "anna", refund).await,
        ("same_person".to_owned(), None)
    );
    assert_eq!(
        settlement.call(&settler, Call::Undo(Undo::Hold)).await.verdict,
        "undecided"
    );
    let decision = Some("release".to_owned());
    assert_eq!(
        settlement.approve(&operator, "anna", release).await,
        ("approved".to_owned(), decision.clone())
    );
    for (actor, proposal) in [("ben", refund), ("carol", refund), ("carol", release), ("ben", release)] {
        assert_eq!(
            settlement.approve(&operator, actor, proposal).await,
            ("decided".to_owned(), decision.clone())
        );
    }
    assert_eq!(settlement.propose(&operator, "carol", "refund").await.0, "decided");
    // Past the function, the tables themselves.
    let alone = format!(
        "INSERT INTO ledger.resolutions (settlement_id, tenant_id, proposal_id, decision, proposed_by, approved_by, reason)
         VALUES (gen_random_uuid(), '{}', {refund}, 'refund', 'anna', 'anna', 'alone')",
        settlement.tenant()
    );
    assert_eq!(failure(&superuser, &alone).await, "resolutions_two_people");
    let (_, other) = Settlement::accepted(&cloud).await;
    other.course(&settler, &[FORWARD[0], Call::Limbo]).await;
    let unreasoned = other.proposing(&operator, "anna", "refund", " ").await.unwrap_err();
    assert_eq!(name_of(&unreasoned), "proposals_reason_given");

    let inspect =
        "SELECT decision, jsonb_array_length(log), jsonb_array_length(proposals), resolution ->> 'approved_by'
                     FROM ledger.inspect_settlement('dora', $1)";
    let rows = operator
        .query_typed(inspect, &[(&settlement.id(), Type::UUID)])
        .await
        .unwrap();
    let row: (&str, i32, i32, &str) = (rows[0].get(0), rows[0].get(1), rows[0].get(2), rows[0].get(3));
    assert_eq!(row, ("release", 4, 2, "anna"));
    let audit = "SELECT string_agg(concat_ws(' ', actor, act, outcome), ', ' ORDER BY id) FROM ledger.audit WHERE subject = $1::uuid::text";
    let audited: String = superuser.query_one(audit, &[&settlement.id()]).await.unwrap().get(0);
    let expected = "anna resolution_proposed refused, anna resolution_proposed done, ben resolution_proposed done, \
                    anna resolution_approved refused, anna resolution_approved done, \
                    ben resolution_approved refused, carol resolution_approved refused, \
                    carol resolution_approved repeated, ben resolution_approved repeated, \
                    carol resolution_proposed refused, dora settlement_inspected done";
    assert_eq!(audited, expected);
}

#[tokio::test]
async fn of_opposite_approvals_at_once_one_stands() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    for _ in 0..5 {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &[FORWARD[0], Call::Limbo]).await;
        let mut proposals = Vec::new();
        for decision in ["release", "refund", "release", "refund"] {
            proposals.push(settlement.propose(&operator, "anna", decision).await.1.unwrap());
        }
        let mut approvals = JoinSet::new();
        for proposal in proposals {
            let second = cloud.pooled_as("operator").await;
            let settlement = settlement.clone();
            approvals.spawn(async move { settlement.approve(&second, "ben", proposal).await });
        }
        let told = approvals.join_all().await;
        assert_eq!(told.iter().filter(|(verdict, _)| verdict == "approved").count(), 1);
        assert!(
            told.iter()
                .all(|(_, decision)| *decision == told[0].1 && decision.is_some())
        );
    }
}

#[tokio::test]
async fn what_was_decided_passes_every_freeze_and_ends_its_own_alone() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let superuser = cloud.superuser().await;
    let (_, first) = Settlement::accepted(&cloud).await;
    let second = first.another(&cloud).await;
    let till = first.request.destination;
    for settlement in [&first, &second] {
        settlement.course(&settler, &FORWARD[..3]).await;
    }
    for settlement in [&first, &second] {
        settlement.course(&settler, &[Call::Limbo]).await;
    }
    turn_freeze(&operator, "freeze_account", till).await;
    assert_eq!(first.decide(&operator, "refund").await, "approved");
    assert_eq!(second.decide(&operator, "release").await, "approved");

    first
        .course(&settler, &[Call::Undo(Undo::Release), Call::Undo(Undo::Hold)])
        .await;
    let frozen = async || {
        [
            count(&superuser, FROZEN, till).await,
            count(&superuser, FROZEN, first.escrow).await,
        ]
    };
    assert_eq!(frozen().await, [1, 1], "the second is in limbo still");
    let resolved = second.call(&settler, Call::Resolve(Resolution::CollectFee)).await;
    assert_eq!(resolved.status, Status::Settled);
    assert_eq!(frozen().await, [1, 0], "the operator's freeze stands");
    turn_freeze(&operator, "unfreeze_account", till).await;
    assert_eq!(frozen().await, [0, 0]);
    assert_eq!(first.balances(&cloud).await, [600, 0, 390, 10]);
    let types = async |settlement: &Settlement| {
        let events = settlement.events(&superuser).await.into_iter();
        events
            .map(|(sequence, name)| format!("{sequence} {name}"))
            .collect::<Vec<_>>()
    };
    let [asked, limbo] = ["1 settlement.requested.v1", "2 settlement.limbo.v1"];
    assert_eq!(types(&first).await, [asked, limbo, "3 settlement.compensated.v1"]);
    assert_eq!(types(&second).await, [asked, limbo, "3 settlement.settled.v1"]);
}

#[tokio::test]
async fn operators_list_what_waits_longest_first_across_tenants() {
    let cloud = Cloud::running();
    let (settler, operator) = (cloud.pooled_as("settler").await, cloud.pooled_as("operator").await);
    let mut expected = Vec::new();
    for _ in 0..3 {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &[FORWARD[0], Call::Limbo]).await;
        expected.push(settlement.id());
    }
    let sql = "SELECT settlement_id, created_at FROM ledger.unfinished_settlements('anna', 'limbo', $1, $2, 2)";
    let (mut after, mut after_id) = (None::<std::time::SystemTime>, None::<Uuid>);
    let mut walk: Vec<Uuid> = Vec::new();
    loop {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&after, Type::TIMESTAMPTZ), (&after_id, Type::UUID)];
        let page = operator.query_typed(sql, &parameters).await.unwrap();
        let Some(last) = page.last() else { break };
        (after, after_id) = (Some(last.get(1)), Some(last.get(0)));
        walk.extend(page.iter().map(|row| row.get::<_, Uuid>(0)));
    }
    walk.retain(|id| expected.contains(id));
    assert_eq!(walk, expected);
}
