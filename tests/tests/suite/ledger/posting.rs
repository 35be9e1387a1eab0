use tests::cloud::Cloud;

use super::merchant::Merchant;
use super::statements::{balance, entries_under, events_under, name_of};

#[tokio::test]
async fn a_new_key_is_recorded_and_its_repeat_is_replayed() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 400);

    let recorded = payment.decide(&poster).await;
    assert_eq!(recorded.told(), ("recorded", "posted"));
    for _ in 0..3 {
        let replayed = payment.decide(&poster).await;
        assert_eq!(replayed.told(), ("replayed", "posted"));
        assert_eq!((replayed.key, replayed.amount), (recorded.key, recorded.amount));
        assert_eq!(replayed.fingerprint, payment.fingerprint);
    }

    assert_eq!(entries_under(&superuser, payment.key).await, 2);
    let reader = cloud.pooled_as("reader").await;
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(600));
    assert_eq!(balance(&reader, merchant.tenant, till).await, Some(400));
    let external = merchant.externals[0];
    assert_eq!(balance(&reader, merchant.tenant, external).await, Some(-1000));
}

#[tokio::test]
async fn a_key_used_for_another_request_shows_the_request_it_belongs_to() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 400);
    payment.decide(&poster).await;

    let other = payment.clone().asking_for(500).decide(&poster).await;
    assert_eq!(other.told(), ("mismatched", "posted"));
    assert_eq!((other.amount, &other.fingerprint), (400, &payment.fingerprint));
    assert_eq!(entries_under(&superuser, payment.key).await, 2);
    assert_eq!(payment.decide(&poster).await.verdict, "replayed");
}

#[tokio::test]
async fn a_refusal_is_recorded_and_stays_after_a_deposit() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 101);
    let refused = payment.decide(&poster).await;
    assert_eq!(refused.told(), ("recorded", "insufficient_funds"));

    merchant.deposit(buyer, 1000).decide(&poster).await;
    let replayed = payment.decide(&poster).await;
    assert_eq!(replayed.told(), ("replayed", "insufficient_funds"));
    let other = payment.clone().asking_for(1).decide(&poster).await;
    assert_eq!(other.told(), ("mismatched", "insufficient_funds"));
    assert_eq!(entries_under(&superuser, payment.key).await, 0);
}

#[tokio::test]
async fn an_account_since_emptied_and_frozen_does_not_hide_what_was_posted() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 100);
    payment.decide(&poster).await;
    merchant.freeze(&superuser, buyer).await;
    merchant.freeze(&superuser, till).await;

    assert_eq!(
        payment.decide(&poster).await.told(),
        ("replayed", "posted"),
        "the charge happened, whatever became of the account"
    );
}

#[tokio::test]
async fn an_event_is_announced_for_what_was_posted_and_for_nothing_else() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let mut poster = cloud.as_role("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);

    let payment = merchant.payment(buyer, till, 60);
    payment.decide(&poster).await;
    payment.decide(&poster).await;
    assert_eq!(events_under(&superuser, payment.key).await, 1);

    let refused = merchant.payment(buyer, till, 60);
    assert_eq!(refused.decide(&poster).await.outcome, "insufficient_funds");
    assert_eq!(events_under(&superuser, refused.key).await, 0);

    let abandoned = merchant.payment(buyer, till, 10);
    let transaction = poster.transaction().await.unwrap();
    let decision = abandoned.post(transaction.client()).await.unwrap();
    assert_eq!(decision.told(), ("recorded", "posted"));
    transaction.rollback().await.unwrap();
    assert_eq!(events_under(&superuser, abandoned.key).await, 0);
    assert_eq!(entries_under(&superuser, abandoned.key).await, 0);
    let again = abandoned.decide(&poster).await;
    assert_eq!(again.told(), ("recorded", "posted"), "nothing was left");
    assert_eq!(events_under(&superuser, abandoned.key).await, 1);
}

#[tokio::test]
async fn a_posting_at_any_other_isolation_level_is_refused() {
    let cloud = Cloud::running();
    let poster = cloud.as_role("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let begin = format!("BEGIN ISOLATION LEVEL {level}");
        poster.batch_execute(&begin).await.unwrap();
        let failed = merchant.payment(buyer, till, 1).post(&poster).await;
        assert_eq!(name_of(&failed.unwrap_err()), "isolation_not_read_committed");
        poster.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// A posting that plans its decision anew takes a fifth longer, and begins to on the day when one account's tail has grown long:
/// no test of behaviour would see it.
#[tokio::test]
async fn the_decision_keeps_one_plan_whatever_the_statistics_say() {
    let superuser = Cloud::running().superuser().await;
    let sql = "SELECT count(*) FROM pg_proc
                WHERE oid IN ('ledger.decide'::regproc, 'ledger.balance_of'::regproc)
                  AND 'plan_cache_mode=force_generic_plan' = ANY (proconfig)";
    let kept: i64 = superuser.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(kept, 2);
}
