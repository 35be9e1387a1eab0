//! Each guard against a double charge with the others out of the way, and what is found when all of them are.

use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

use super::merchant::Merchant;
use super::scratch::in_scratch_database;
use super::statements::{Posting, entries_under, events_under, sum_of_entries};

/// The audit that needs no guard to have held: every entry that stands more than once. Empty on a healthy ledger.
pub const FIND_DOUBLE_CHARGES: &str = "
    SELECT idempotency_key, account_id, entry_type::text, count(*) AS times
      FROM ledger.ledger_entries
     GROUP BY idempotency_key, account_id, entry_type
    HAVING count(*) > 1
     ORDER BY entry_type";

/// Takes away the intent row, which needs the owner's DDL first.
async fn forget(superuser: &Client, key: Uuid) {
    let table = "ledger.ledger_transactions";
    for change in ["DISABLE", "ENABLE ALWAYS"] {
        if change != "DISABLE" {
            let delete = format!("DELETE FROM {table} WHERE ledger_key = $1");
            assert_eq!(superuser.execute(&delete, &[&key]).await.unwrap(), 1);
        }
        let trigger = format!("ALTER TABLE {table} {change} TRIGGER append_only");
        superuser.batch_execute(&trigger).await.unwrap();
    }
}

async fn double_charges(cloud: &Cloud) -> Vec<(Uuid, Uuid, String, i64)> {
    let auditor = cloud.as_role("auditor").await;
    let rows = auditor.query(FIND_DOUBLE_CHARGES, &[]).await.unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect()
}

/// Entries, events and the source's balance in minor units.
async fn moved(superuser: &Client, posting: &Posting) -> (i64, i64, i64) {
    (
        entries_under(superuser, posting.key).await,
        events_under(superuser, posting.key).await,
        sum_of_entries(superuser, posting.source).await,
    )
}

#[tokio::test]
async fn each_guard_holds_alone_and_without_any_the_double_charge_is_found() {
    in_scratch_database(async |cloud: Cloud| {
        let (poster, superuser) = (cloud.as_role("poster").await, cloud.superuser().await);
        let merchant = Merchant::onboard(&cloud).await;
        let till = merchant.till().await;
        let buyer = merchant.open("buyer", "EUR", Some(0)).await;
        merchant.deposit(buyer, 1000).decide(&poster).await;
        let payment = merchant.payment(buyer, till, 100);
        payment.decide(&poster).await;

        // The intent row is there: the repeat is answered.
        assert_eq!(payment.decide(&poster).await.verdict, "replayed");
        assert_eq!(moved(&superuser, &payment).await, (2, 1, 900));

        // The intent row is gone: the repeat fails, and nothing moves.
        forget(&superuser, payment.key).await;
        let name = payment.refused(&poster).await;
        assert!(name.ends_with("_entries_once"), "{name}");
        assert_eq!(moved(&superuser, &payment).await, (2, 1, 900));
        assert!(double_charges(&cloud).await.is_empty());

        // The constraint is gone: where the intent row is there, it holds alone.
        let unguarded = "ALTER TABLE ledger.ledger_entries DROP CONSTRAINT entries_once";
        superuser.batch_execute(unguarded).await.unwrap();
        let second = merchant.payment(buyer, till, 50);
        second.decide(&poster).await;
        assert_eq!(second.decide(&poster).await.verdict, "replayed");
        assert_eq!(moved(&superuser, &second).await, (2, 1, 850));
        assert!(double_charges(&cloud).await.is_empty());

        // Both are gone: the customer is charged twice, and the audit finds it.
        assert_eq!(payment.decide(&poster).await.verdict, "recorded");
        assert_eq!(moved(&superuser, &payment).await, (4, 2, 750));
        let found = [
            (payment.key, buyer, "DEBIT".to_owned(), 2),
            (payment.key, till, "CREDIT".to_owned(), 2),
        ];
        let mut charges = double_charges(&cloud).await;
        charges.sort_by_key(|charge| charge.2 == "CREDIT");
        assert_eq!(charges, found);
    })
    .await;
}

/// The posting asks whose an account is, and row-level security hides it from whoever forgets to ask.
#[tokio::test]
async fn each_guard_between_two_merchants_holds_alone_and_without_both_one_pays_for_the_other() {
    in_scratch_database(async |cloud: Cloud| {
        let (poster, superuser) = (cloud.as_role("poster").await, cloud.superuser().await);
        let (victim, thief) = (Merchant::onboard(&cloud).await, Merchant::onboard(&cloud).await);
        let buyer = victim.open("buyer", "EUR", None).await;
        let till = thief.till().await;
        let decided = async || thief.payment(buyer, till, 1).decide(&poster).await.outcome;

        let unhidden = "ALTER TABLE ledger.accounts DISABLE ROW LEVEL SECURITY";
        superuser.batch_execute(unhidden).await.unwrap();
        assert_eq!(decided().await, "account_unknown");

        let sql = "SELECT pg_get_functiondef('ledger.decide'::regproc)";
        let decide: String = superuser.query_one(sql, &[]).await.unwrap().get(0);
        let careless = decide
            .replace("AND s.tenant_id = p_tenant", "")
            .replace("AND d.tenant_id = p_tenant", "");
        assert!(!careless.contains("p_tenant;"), "{careless}");
        assert_ne!(careless, decide);
        superuser.batch_execute(&careless).await.unwrap();
        let hidden = "ALTER TABLE ledger.accounts ENABLE ROW LEVEL SECURITY";
        superuser.batch_execute(hidden).await.unwrap();
        assert_eq!(decided().await, "account_unknown");

        superuser.batch_execute(unhidden).await.unwrap();
        assert_eq!(decided().await, "posted");
    })
    .await;
}

#[tokio::test]
async fn a_healthy_ledger_has_no_double_charge() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(10).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, 1);
    payment.decide(&poster).await;
    payment.decide(&poster).await;
    assert_eq!(double_charges(&cloud).await, []);
}
