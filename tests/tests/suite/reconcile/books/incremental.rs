//! A night looks at what is new, once, and at nothing that could still grow.

use tests::cloud::Cloud;
use tests::lambda::Function;

use super::scene::{Books, Night, settled, setup};
use crate::ledger::scratch::in_scratch_database;

/// What a run reads of the entries once all that was posted can be read.
async fn seen_by_now(cloud: &Cloud, reconciler: &Function) -> (u64, u64) {
    settled(cloud).await;
    seen(reconciler).await
}

async fn seen(reconciler: &Function) -> (u64, u64) {
    let night = Night::of(reconciler).await;
    assert_eq!((night.findings(), night.failed()), (vec![], vec![]), "{:?}", night.0);
    (night.read("zero_sum"), night.read("balances"))
}

#[tokio::test]
async fn what_was_proved_is_not_read_again_but_by_a_full_run() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (6, 6));
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (0, 0));
        let poster = cloud.pooled_as("poster").await;
        books.merchant.payment(books.buyer, books.till, 1).decide(&poster).await;
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (2, 2));
        let full = Night::over_all(&reconciler).await;
        assert_eq!((full.findings(), full.read("zero_sum")), (vec![], 8));
        assert!(full.count("balances", "summed") >= 6);
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_commits_late_is_read_when_it_has() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        seen_by_now(&cloud, &reconciler).await;
        let (late, poster) = (cloud.as_role("poster").await, cloud.pooled_as("poster").await);
        late.batch_execute("BEGIN").await.unwrap();
        books.merchant.deposit(books.till, 5).decide(&late).await;
        books.merchant.payment(books.buyer, books.till, 1).decide(&poster).await;
        // What is numbered behind the open one waits with it.
        assert_eq!(seen(&reconciler).await, (0, 0));
        late.batch_execute("COMMIT").await.unwrap();
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (4, 4));
        assert_eq!(seen_by_now(&cloud, &reconciler).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_was_tampered_with_after_it_was_proved_is_found_by_a_full_run() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        seen_by_now(&cloud, &reconciler).await;
        books
            .tamper("UPDATE ledger.ledger_entries SET amount = 31 WHERE idempotency_key = $payment")
            .await;
        assert_eq!(
            seen_by_now(&cloud, &reconciler).await,
            (0, 0),
            "a night does not look back: the seals and full runs do"
        );
        let found = Night::over_all(&reconciler).await.findings();
        for expected in [
            format!("entries_differ_from_intent {}", books.payment),
            format!("balance_differs {}", books.buyer),
        ] {
            assert!(found.contains(&expected), "{expected}: {found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_account_that_differs_is_found_again_every_night_until_it_does_not() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        let change = |by: i64| {
            format!("UPDATE ledger.balance_checkpoints SET balance = balance + {by} WHERE account_id = $buyer")
        };
        settled(&cloud).await;
        books.tamper(&change(7)).await;
        let differs = format!("balance_differs {}", books.buyer);
        for _ in 0..3 {
            let found = Night::of(&reconciler).await.findings();
            assert!(found.contains(&differs), "{found:?}");
        }
        books.tamper(&change(-7)).await;
        seen_by_now(&cloud, &reconciler).await;
        seen_by_now(&cloud, &reconciler).await;
    })
    .await;
}

/// Whoever dies in between, or comes twice, begins where the last commit ended.
#[tokio::test]
async fn balances_are_proved_once_however_often_it_is_asked() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        settled(&cloud).await;
        let auditors = [cloud.pooled_as("auditor").await, cloud.pooled_as("auditor").await];
        let horizon = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
        let horizon: i64 = books.superuser.query_one(horizon, &[]).await.unwrap().get(0);
        let prove = format!("SELECT ledger.prove_balances({horizon})");
        let both = futures_util::future::join_all(auditors.iter().map(|auditor| auditor.simple_query(&prove))).await;
        for ended in both {
            ended.unwrap();
        }
        let wrong = "SELECT count(*) FROM ledger.proved_balances p
                      WHERE balance <> (SELECT sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END)
                                          FROM ledger.ledger_entries e WHERE e.account_id = p.account_id)";
        assert_eq!(books.superuser.query_one(wrong, &[]).await.unwrap().get::<_, i64>(0), 0);
        let beyond = format!("SELECT ledger.prove_balances({})", horizon + 1_000_000);
        assert_eq!(
            crate::ledger::statements::failure(&auditors[0], &beyond).await,
            "proof_beyond_horizon"
        );
    })
    .await;
}
