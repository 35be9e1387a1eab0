use std::time::Duration;

use tests::cloud::Cloud;
use tokio::task::JoinSet;

use super::merchant::Merchant;
use super::statements::{Decision, Posting, balance, entries_under, events_under, sum_of_entries};

/// Posts all at once, each over a connection of its own to the pooler.
async fn at_once(cloud: &Cloud, postings: Vec<Posting>) -> Vec<Decision> {
    let mut clients = Vec::new();
    for _ in &postings {
        clients.push(cloud.pooled_as("poster").await);
    }
    let mut calls = JoinSet::new();
    for (posting, poster) in postings.into_iter().zip(clients) {
        calls.spawn(async move { posting.decide(&poster).await });
    }
    calls.join_all().await
}

fn having<'a>(decisions: &'a [Decision], verdict: &str) -> Vec<&'a Decision> {
    let told = decisions.iter();
    told.filter(|decision| decision.verdict == verdict).collect()
}

#[tokio::test]
async fn fifty_postings_of_one_key_at_once_are_one() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let till = merchant.till().await;
    // With a floor the account's lock queues them; without, only the key does.
    for source in [merchant.buyer(10_000).await, merchant.open("buyer", "EUR", None).await] {
        let payment = merchant.payment(source, till, 100);
        let decisions = at_once(&cloud, vec![payment.clone(); 50]).await;

        assert_eq!(having(&decisions, "recorded").len(), 1);
        assert_eq!(having(&decisions, "replayed").len(), 49);
        assert!(decisions.iter().all(|each| each.outcome == "posted"));
        assert_eq!(entries_under(&superuser, payment.key).await, 2);
        assert_eq!(events_under(&superuser, payment.key).await, 1);
    }
}

#[tokio::test]
async fn different_requests_under_one_key_at_once_are_one_and_mismatches() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let till = merchant.till().await;
    for source in [merchant.buyer(10_000).await, merchant.open("buyer", "EUR", None).await] {
        let first = merchant.payment(source, till, 1);
        let postings: Vec<_> = (1..=30).map(|n| first.clone().asking_for(n)).collect();
        let decisions = at_once(&cloud, postings).await;

        let [recorded] = having(&decisions, "recorded")[..] else {
            panic!("not exactly one was recorded: {decisions:?}");
        };
        let mismatched = having(&decisions, "mismatched");
        assert_eq!(mismatched.len(), 29);
        for other in mismatched {
            let theirs = (&other.fingerprint, other.amount);
            assert_eq!(theirs, (&recorded.fingerprint, recorded.amount));
        }
        assert_eq!(entries_under(&superuser, first.key).await, 2);
    }
}

#[tokio::test]
async fn debits_at_once_never_cross_the_floor() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let payments = (0..40).map(|_| merchant.payment(buyer, till, 10)).collect();
    let decisions = at_once(&cloud, payments).await;

    let posted = decisions.iter().filter(|each| each.outcome == "posted");
    assert_eq!(posted.count(), 10);
    assert_eq!(sum_of_entries(&superuser, buyer).await, 0);
    let reader = cloud.pooled_as("reader").await;
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(0));
    assert_eq!(balance(&reader, merchant.tenant, till).await, Some(100));
}

#[tokio::test]
async fn a_debit_waits_for_the_one_before_it_and_sees_what_it_left() {
    let cloud = Cloud::running();
    let mut first = cloud.as_role("poster").await;
    let second = cloud.as_role("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);

    let transaction = first.transaction().await.unwrap();
    let payment = merchant.payment(buyer, till, 80);
    payment.post(transaction.client()).await.unwrap();
    let waiting = merchant.payment(buyer, till, 80);
    let mut waiting = tokio::spawn(async move { waiting.decide(&second).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "the second debit must wait for the first");
    transaction.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().outcome, "insufficient_funds");
}

#[tokio::test]
async fn an_account_without_a_floor_is_never_waited_for() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let mut superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(0).await, merchant.till().await);
    let transaction = superuser.transaction().await.unwrap();
    // The floor binds the buyer's account as a source only.
    let sql = "SELECT FROM ledger.accounts WHERE account_id = ANY ($1) FOR UPDATE";
    let held = vec![merchant.externals[0], buyer, till];
    assert_eq!(transaction.query(sql, &[&held]).await.unwrap().len(), 3);

    let deposit = merchant.deposit(buyer, 10).decide(&poster).await;
    assert_eq!(deposit.told(), ("recorded", "posted"));
    let from_till = merchant.payment(till, buyer, 10).decide(&poster).await;
    assert_eq!(from_till.told(), ("recorded", "posted"));
    // And with a floor it is waited for, until the role's lock_timeout (3 s) ends it: lock_not_available.
    let from_buyer = merchant.payment(buyer, till, 10);
    assert_eq!(from_buyer.refused(&poster).await, "55P03");
    transaction.rollback().await.unwrap();
    let decided = from_buyer.decide(&poster).await;
    assert_eq!(decided.told(), ("recorded", "posted"));
}

#[tokio::test]
async fn a_debit_that_waited_for_a_freeze_is_refused() {
    let cloud = Cloud::running();
    let poster = cloud.as_role("poster").await;
    let mut superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);

    let freezing = superuser.transaction().await.unwrap();
    merchant.freeze(freezing.client(), buyer).await;
    let waiting = merchant.payment(buyer, till, 1);
    let mut waiting = tokio::spawn(async move { waiting.decide(&poster).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "the debit must wait for the account");
    freezing.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().outcome, "account_frozen");
}
