use domain::settlement::step::Step;
use serde_json::{Value, json};
use tests::cloud::Cloud;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::statements::{Posting, count, entries_under, failure, fingerprint, key_minted, name_of, untimed_key};
use super::scene::{CALLS, Call, FORWARD, Settlement};

fn told(verdict: &str, outcome: &str) -> (String, String) {
    (verdict.to_owned(), outcome.to_owned())
}

const STORED: &str = "SELECT count(*) FROM ledger.settlements WHERE settlement_id = $1";

#[tokio::test]
async fn a_request_goes_through_the_same_gate_as_a_payment() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    assert_eq!(settlement.post(&poster).await.unwrap(), told("replayed", "accepted"));
    let mut other = settlement.clone();
    other.request.fingerprint = fingerprint();
    assert_eq!(other.post(&poster).await.unwrap(), told("mismatched", "accepted"));

    assert_eq!(count(&superuser, STORED, settlement.id()).await, 1);
    assert_eq!(entries_under(&superuser, settlement.id()).await, 0);
    let requested = (1, "settlement.requested.v1".to_owned());
    assert_eq!(settlement.events(&superuser).await, [requested]);

    let late = settlement.with_key(key_minted(-49 * 3600));
    assert_eq!(name_of(&late.post(&poster).await.unwrap_err()), "key_expired");
    assert_eq!(count(&superuser, STORED, late.id()).await, 0);
}

#[tokio::test]
async fn a_repeat_with_another_fee_schedule_leaves_the_terms_of_the_first() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let mut repeat = settlement.clone();
    repeat.terms["fee"] = json!(99);
    assert_eq!(repeat.post(&poster).await.unwrap(), told("replayed", "accepted"));
    settlement.course(&settler, &FORWARD).await;
    assert_eq!(settlement.balances(&cloud).await, [600, 0, 390, 10]);
}

#[tokio::test]
async fn a_fee_above_the_amount_is_refused_and_stays_refused_when_the_schedule_changes() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, accepted) = Settlement::accepted(&cloud).await;
    let mut settlement = accepted.with_key(untimed_key());
    settlement.terms["fee"] = Value::Null;
    assert_eq!(
        settlement.post(&poster).await.unwrap(),
        told("recorded", "fee_above_amount")
    );
    settlement.terms["fee"] = json!(10);
    assert_eq!(
        settlement.post(&poster).await.unwrap(),
        told("replayed", "fee_above_amount")
    );
    assert_eq!(count(&superuser, STORED, settlement.id()).await, 0);
}

#[tokio::test]
async fn what_cannot_be_settled_is_refused_and_stays_refused() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (us, other) = (Merchant::onboard(&cloud).await, Merchant::onboard(&cloud).await);
    let (buyer, till, frozen) = (us.buyer(9).await, us.till().await, us.till().await);
    let (theirs, their_buyer) = (other.till().await, other.buyer(9).await);
    let dollars = us.open("merchant", "USD", None).await;
    us.freeze(&superuser, frozen).await;
    for (outcome, source, destination) in [
        ("account_unknown", buyer, theirs),
        ("account_unknown", their_buyer, till),
        ("account_unknown", Uuid::new_v4(), till),
        ("account_not_eligible", till, till),
        ("account_not_eligible", buyer, buyer),
        ("account_not_eligible", us.externals[0], till),
        ("account_not_eligible", buyer, us.escrows[0]),
        ("currency_mismatch", buyer, dollars),
        ("account_frozen", buyer, frozen),
    ] {
        let refused = Settlement::new(&us, source, destination, 5, 1);
        assert_eq!(refused.post(&poster).await.unwrap(), told("recorded", outcome));
        assert_eq!(refused.post(&poster).await.unwrap(), told("replayed", outcome));
        assert_eq!(count(&superuser, STORED, refused.id()).await, 0);
        assert_eq!(refused.events(&superuser).await, []);
    }
    us.freeze(&superuser, us.escrows[0]).await;
    let refused = Settlement::new(&us, buyer, till, 5, 1);
    assert_eq!(refused.post(&poster).await.unwrap(), told("recorded", "account_frozen"));
    // A payment's caller cannot name the kind and leave the terms out.
    let bare = Posting {
        kind: "settlement",
        ..us.payment(buyer, till, 5)
    };
    assert_eq!(bare.refused(&poster).await, "settlement_terms_malformed");
}

#[tokio::test]
async fn terms_that_no_caller_derives_are_refused_by_name_and_take_no_key() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (us, other) = (Merchant::onboard(&cloud).await, Merchant::onboard(&cloud).await);
    let (buyer, till) = (us.buyer(100).await, us.till().await);
    let malformed = "settlement_terms_malformed";
    let missing = "settlement_account_missing";
    let elsewhere = json!(untimed_key());
    let sound = Settlement::new(&us, buyer, till, 50, 5);
    let changes: [(&str, &str, Value); 10] = [
        (malformed, "/fee", json!(-1)),
        (malformed, "/fee", json!(51)),
        (malformed, "/keys", json!({})),
        (malformed, "/keys/resolve_fee", Value::Null),
        (malformed, "/keys/resolve_fee", elsewhere),
        (malformed, "/keys/hold", json!(sound.key(Step::Release))),
        (missing, "/escrow", json!(other.escrows[0])),
        (missing, "/escrow", json!(us.escrows[1])),
        (missing, "/platform", json!(us.platforms[1])),
        (missing, "/platform", json!(us.escrows[0])),
    ];
    for (name, place, value) in changes {
        let mut settlement = sound.clone();
        *settlement.terms.pointer_mut(place).unwrap() = value.clone();
        let failed = settlement.post(&poster).await.unwrap_err();
        assert_eq!(name_of(&failed), name, "{place} {value}");
    }
    let mut without_fee = sound.clone();
    without_fee.terms.as_object_mut().unwrap().remove("fee");
    assert_eq!(name_of(&without_fee.post(&poster).await.unwrap_err()), malformed);
    assert_eq!(count(&superuser, STORED, sound.id()).await, 0);
    sound.ask(&poster).await;
}

#[tokio::test]
async fn what_was_asked_is_never_changed_or_removed() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    superuser
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    for change in [
        "UPDATE ledger.settlements SET fee = 0",
        "UPDATE ledger.settlements SET action_keys = action_keys",
        "UPDATE ledger.settlements SET merchant = buyer",
        "DELETE FROM ledger.settlements",
        "TRUNCATE ledger.settlements",
        "DELETE FROM ledger.freezes",
        "UPDATE ledger.resolutions SET decision = 'refund'",
        "DELETE FROM ledger.resolution_proposals",
    ] {
        assert_eq!(failure(&superuser, change).await, "append_only", "{change}");
    }
    let settler = cloud.pooled_as("settler").await;
    assert_eq!(
        settlement.call(&settler, Call::Step(Step::Hold)).await.verdict,
        "recorded"
    );
}

#[tokio::test]
async fn a_settlement_is_its_tenant_s_alone() {
    let cloud = Cloud::running();
    let (settler, reader) = (cloud.pooled_as("settler").await, cloud.pooled_as("reader").await);
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..2]).await;
    let mut foreign = settlement.clone();
    foreign.request.tenant = Merchant::onboard(&cloud).await.tenant;
    for call in CALLS {
        let failed = foreign.try_call(&settler, call).await.unwrap_err();
        assert_eq!(name_of(&failed), "settlement_unknown");
    }
    for (tenant, expected) in [(settlement.tenant(), 1), (foreign.tenant(), 0)] {
        for sql in [
            "SELECT count(*) FROM ledger.settlement($1, $2) WHERE status = 'verified' AND jsonb_array_length(log) = 2",
            "SELECT count(*) FROM ledger.settlements($1, 'verified', NULL, NULL, 9) WHERE settlement_id = $2",
            "SELECT count(*) FROM ledger.settlements($1, NULL, NULL, NULL, 9) WHERE settlement_id = $2",
        ] {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&tenant, Type::UUID), (&settlement.id(), Type::UUID)];
            let rows = reader.query_typed(sql, &parameters).await.unwrap();
            assert_eq!(rows[0].get::<_, i64>(0), expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn pages_of_settlements_hold_each_once_newest_first() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let (_, first) = Settlement::accepted(&cloud).await;
    let mut ids = vec![first.id()];
    for nth in 0..6 {
        let other = first.another(&cloud).await;
        ids.push(other.id());
        if nth % 2 == 0 {
            other.course(&settler, &[Call::Burn]).await;
        }
    }
    ids.reverse();
    let sql = "SELECT settlement_id, created_at FROM ledger.settlements($1, $2, $3, $4, 2)";
    let mut pages = Vec::new();
    for status in [None, Some("accepted"), Some("compensated"), Some("limbo")] {
        let (mut before, mut before_id) = (None::<std::time::SystemTime>, None::<Uuid>);
        let mut walk = Vec::new();
        loop {
            let page = superuser
                .query(sql, &[&first.tenant(), &status, &before, &before_id])
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            (before, before_id) = (Some(last.get(1)), Some(last.get(0)));
            walk.extend(page.iter().map(|row| row.get::<_, Uuid>(0)));
        }
        pages.push(walk);
    }
    assert_eq!(pages[0], ids);
    assert_eq!(pages[1], [ids[0], ids[2], ids[4], ids[6]]);
    assert_eq!(pages[2], [ids[1], ids[3], ids[5]]);
    assert!(pages[3].is_empty());
}
