//! The gate forgets: the ledger has the answer still, whatever has become of the accounts since.

use tokio_postgres::types::ToSql;

use super::scene::{AMOUNT, BY_GATE, BY_LEDGER, DECIDED, Scene, assert_same, is_replay, outcomes};

/// Pays, lets `happen` happen, and sends the payment again to a fresh process.
async fn paid_and_retried(scene: &Scene, happen: impl AsyncFnOnce()) {
    let first = scene.authorize().await;
    let answer = first.call(&scene.payment()).await.unwrap();
    assert_eq!(outcomes(&first, 1).await, [DECIDED]);
    assert!(!is_replay(&answer));
    assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"));
    happen().await;

    let second = scene.authorize().await;
    let repeated = second.call(&scene.payment()).await.unwrap();
    assert_same(&answer, &repeated);
    assert!(is_replay(&repeated));
    assert_eq!(outcomes(&second, 1).await, [BY_LEDGER]);
    assert_eq!(scene.gate_status().await.as_deref(), Some("COMPLETE"), "kept again");
    scene.posted_once(&answer).await;
}

#[tokio::test]
async fn a_retry_gets_its_201_though_the_gate_was_wiped_and_the_account_is_empty() {
    let scene = Scene::with_funds(AMOUNT).await;
    paid_and_retried(&scene, async || scene.wipe_gate().await).await;
    assert_eq!(scene.balance(scene.source).await, 0);
}

#[tokio::test]
async fn a_retry_gets_its_201_though_the_gate_was_wiped_and_the_account_is_frozen() {
    let scene = Scene::affordable().await;
    paid_and_retried(&scene, async || {
        scene.wipe_gate().await;
        let sql = "UPDATE ledger.accounts SET frozen_at = now() WHERE account_id IN ($1, $2)";
        let accounts: &[&(dyn ToSql + Sync)] = &[&scene.source, &scene.destination];
        assert_eq!(scene.superuser.execute(sql, accounts).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_declined_payment_stays_declined_though_the_gate_was_wiped_and_the_money_is_there_now() {
    let scene = Scene::with_funds(AMOUNT - 1).await;
    let first = scene.authorize().await;
    let answer = first.call(&scene.payment()).await.unwrap();
    scene.merchant.fund(scene.source, AMOUNT).await;
    let repeated = first.call(&scene.payment()).await.unwrap();
    assert_same(&answer, &repeated);
    scene.wipe_gate().await;
    let wiped = first.call(&scene.payment()).await.unwrap();
    assert_same(&answer, &wiped);
    assert_eq!(outcomes(&first, 3).await, [DECIDED, BY_GATE, BY_LEDGER]);
    scene.declined_once(&answer).await;
}

/// The table's TTL deletes days late. A record past its time counts as none, complete or not.
#[tokio::test]
async fn a_record_past_its_time_is_claimed_afresh_and_the_ledger_answers() {
    let scene = Scene::affordable().await;
    paid_and_retried(&scene, async || scene.expire_record().await).await;
}
