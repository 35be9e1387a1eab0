use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::merchant::Merchant;
use super::statements::{balance, count, fold, sum_of_entries};

/// How many deltas a posting lets gather on the account it debits before it folds them (0006).
const FOLDS_AT: i64 = 32;

async fn tail(superuser: &Client, account: Uuid) -> i64 {
    let sql = "SELECT count(*) FROM ledger.balance_tail WHERE account_id = $1";
    count(superuser, sql, account).await
}

/// Balance and sum of entries as one statement sees them, past every policy.
async fn both(superuser: &Client, account: Uuid) -> (i64, i64) {
    let sql = "
        SELECT (SELECT balance FROM ledger.balance_of($1))::bigint,
               (SELECT coalesce(sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)::bigint
                  FROM ledger.ledger_entries WHERE account_id = $1)";
    let row = superuser.query_one(sql, &[&account]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_balance_is_the_sum_of_the_entries_at_every_moment() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let merchant = Merchant::onboard(&cloud).await;
    let accounts = [
        merchant.buyer(100).await,
        merchant.buyer(100).await,
        merchant.till().await,
    ];
    let mut posting = JoinSet::new();
    let running = Arc::new(AtomicUsize::new(4));
    for lane in 0..4 {
        let (cloud, merchant, running) = (cloud.clone(), merchant.clone(), Arc::clone(&running));
        posting.spawn(async move {
            let poster = cloud.pooled_as("poster").await;
            for turn in 0..60 {
                let source = accounts[(lane + turn) % 3];
                let destination = accounts[(lane + turn + 1) % 3];
                let payment = merchant.payment(source, destination, 7);
                payment.decide(&poster).await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let mut folding = JoinSet::new();
    for _ in 0..2 {
        let (cloud, running) = (cloud.clone(), Arc::clone(&running));
        folding.spawn(async move {
            let folder = cloud.pooled_as("folder").await;
            let mut taken = 0;
            while running.load(Ordering::SeqCst) > 0 {
                for account in accounts {
                    taken += fold(&folder, account).await.unwrap();
                }
            }
            taken
        });
    }
    let mut moments = 0;
    while running.load(Ordering::SeqCst) > 0 {
        for account in accounts {
            let (balance, sum) = both(&superuser, account).await;
            assert_eq!(balance, sum, "{account}");
            moments += 1;
        }
    }
    posting.join_all().await;
    let folded: i32 = folding.join_all().await.into_iter().sum();
    assert!(moments > 10 && folded > 100, "{moments} looks, {folded} folded");

    let reader = cloud.pooled_as("reader").await;
    for account in accounts {
        let sum = sum_of_entries(&superuser, account).await;
        let tenant = merchant.tenant;
        assert_eq!(balance(&reader, tenant, account).await, Some(sum));
    }
}

#[tokio::test]
async fn folding_twice_changes_nothing() {
    let cloud = Cloud::running();
    let (folder, reader) = (cloud.pooled_as("folder").await, cloud.pooled_as("reader").await);
    let poster = cloud.pooled_as("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    merchant.payment(buyer, till, 30).decide(&poster).await;

    assert_eq!(fold(&folder, buyer).await.unwrap(), 2);
    assert_eq!(fold(&folder, buyer).await.unwrap(), 0);
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(70));
    merchant.payment(buyer, till, 30).decide(&poster).await;
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(40));
    assert_eq!(fold(&folder, buyer).await.unwrap(), 1);
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(40));

    // A folded balance is the one that a debit is measured against.
    let too_much = merchant.payment(buyer, till, 41).decide(&poster).await;
    assert_eq!(too_much.outcome, "insufficient_funds");
    let all = merchant.payment(buyer, till, 40).decide(&poster).await;
    assert_eq!(all.outcome, "posted");
}

#[tokio::test]
async fn a_fold_beside_an_uncommitted_posting_leaves_its_delta_for_the_next() {
    let cloud = Cloud::running();
    let (folder, reader) = (cloud.pooled_as("folder").await, cloud.pooled_as("reader").await);
    let mut poster = cloud.as_role("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(100).await;

    let transaction = poster.transaction().await.unwrap();
    let deposit = merchant.deposit(buyer, 50);
    deposit.post(transaction.client()).await.unwrap();
    assert_eq!(fold(&folder, buyer).await.unwrap(), 1);
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(100));
    transaction.commit().await.unwrap();
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(150));
    assert_eq!(fold(&folder, buyer).await.unwrap(), 1);
    assert_eq!(balance(&reader, merchant.tenant, buyer).await, Some(150));
}

#[tokio::test]
async fn a_debited_account_folds_itself_and_a_credited_one_is_found() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (folder, reader) = (cloud.pooled_as("folder").await, cloud.pooled_as("reader").await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
    for turn in 0..300 {
        let payment = merchant.payment(buyer, till, 1).decide(&poster).await;
        assert_eq!(payment.outcome, "posted");
        if turn % 16 == 0 {
            assert!(tail(&superuser, buyer).await <= FOLDS_AT);
        }
    }
    assert!(tail(&superuser, buyer).await <= FOLDS_AT);
    assert_eq!(tail(&superuser, till).await, 300);
    let tenant = merchant.tenant;
    assert_eq!(balance(&reader, tenant, buyer).await, Some(700));

    let sql = "SELECT ledger.accounts_to_fold($1, $2)";
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&100, Type::INT4), (&1_000_000, Type::INT4)];
    let rows = folder.query_typed(sql, &parameters).await.unwrap();
    let found: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    assert!(found.contains(&till));
    assert_eq!(fold(&folder, till).await.unwrap(), 300);
    assert_eq!(tail(&superuser, till).await, 0);
    assert_eq!(balance(&reader, tenant, till).await, Some(300));
}

/// A tail that could only be folded whole could outgrow what a statement may take, and never be folded again.
#[tokio::test]
async fn a_fold_takes_20_000_deltas_at_most_and_leaves_the_rest_for_the_next() {
    let cloud = Cloud::running();
    let (superuser, folder) = (cloud.superuser().await, cloud.pooled_as("folder").await);
    let merchant = Merchant::onboard(&cloud).await;
    let till = merchant.till().await;
    let long = "INSERT INTO ledger.balance_tail SELECT $1, 1 FROM generate_series(1, 20_001)";
    superuser.execute(long, &[&till]).await.unwrap();
    let read = "SELECT balance::bigint FROM ledger.balance_of($1)";
    for (takes, leaves) in [(20_000, 1), (1, 0), (0, 0)] {
        assert_eq!(fold(&folder, till).await.unwrap(), takes);
        assert_eq!(tail(&superuser, till).await, leaves);
        assert_eq!(count(&superuser, read, till).await, 20_001);
    }
    // Not the sum of any entries: out of the way of whoever compares the two.
    let entry_less = "DELETE FROM ledger.accounts WHERE account_id = $1";
    superuser.execute(entry_less, &[&till]).await.unwrap();
}

#[tokio::test]
async fn folding_an_account_that_is_not_there_fails_by_name() {
    let cloud = Cloud::running();
    let folder = cloud.pooled_as("folder").await;
    let failed = fold(&folder, Uuid::new_v4()).await.unwrap_err();
    assert_eq!(super::statements::name_of(&failed), "account_lock_missed");
}
