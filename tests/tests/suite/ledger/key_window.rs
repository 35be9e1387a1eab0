use tests::cloud::Cloud;

use super::merchant::Merchant;
use super::statements::{count, entries_under, key_minted, untimed_key};

const HOUR: i64 = 60 * 60;

#[tokio::test]
async fn a_key_is_first_posted_within_its_window_or_never() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);

    for (minted, name) in [
        (48 * HOUR, "key_too_early"),
        (24 * HOUR + 30, "key_too_early"),
        (-(48 * HOUR + 30), "key_expiring"),
        (-(48 * HOUR + 90), "key_expired"),
        (-72 * HOUR, "key_expired"),
    ] {
        // What would be refused is no more decided than what would be posted.
        for amount in [1, 100_000] {
            let payment = merchant.payment(buyer, till, amount).with_key(key_minted(minted));
            assert_eq!(payment.refused(&poster).await, name, "minted {minted} s");
            assert_eq!(entries_under(&superuser, payment.key).await, 0);
            let intents = "SELECT count(*) FROM ledger.ledger_transactions WHERE ledger_key = $1";
            assert_eq!(count(&superuser, intents, payment.key).await, 0);
        }
    }
    for minted in [24 * HOUR - 30, 0, -(48 * HOUR - 30)] {
        let payment = merchant.payment(buyer, till, 1).with_key(key_minted(minted));
        let decision = payment.decide(&poster).await;
        assert_eq!(decision.told(), ("recorded", "posted"), "minted {minted} s");
    }
}

#[tokio::test]
async fn a_key_without_a_time_has_no_window() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
    let mut last_place = [0xff; 16];
    last_place[0] = 0;
    last_place[8..].copy_from_slice(&untimed_key().into_bytes()[8..]);
    for key in [untimed_key(), uuid::Uuid::new_v8(last_place)] {
        let payment = merchant.payment(buyer, till, 1).with_key(key);
        assert_eq!(payment.decide(&poster).await.told(), ("recorded", "posted"), "{key}");
    }
}

#[tokio::test]
async fn a_window_that_has_passed_does_not_hide_what_was_decided() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
    for age in [48 * HOUR + 30, 30 * 24 * HOUR] {
        let payment = merchant.payment(buyer, till, 7).with_key(key_minted(-age));
        // The row a posting of that time left.
        let sql = "INSERT INTO ledger.ledger_transactions
            (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
            VALUES ($1, $2, 'payment', $3, 'account_frozen', $4, $5, 7, 'EUR', '{}', 1)";
        superuser
            .execute(
                sql,
                &[&payment.key, &payment.tenant, &payment.fingerprint, &buyer, &till],
            )
            .await
            .unwrap();

        let replayed = payment.decide(&poster).await;
        assert_eq!(replayed.told(), ("replayed", "account_frozen"));
        let other = payment.asking_for(8).decide(&poster).await;
        assert_eq!(other.told(), ("mismatched", "account_frozen"));
    }
}
