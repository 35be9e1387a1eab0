use tests::cloud::Cloud;
use uuid::Uuid;

use super::merchant::Merchant;
use super::statements::{Posting, entries_under};

/// Every refusal alone, then each pair that can meet: the one that is answered comes first in the order below.
#[tokio::test]
async fn refusals_are_recorded_and_replayed_by_descending_precedence() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (us, other) = (Merchant::onboard(&cloud).await, Merchant::onboard(&cloud).await);
    let (buyer, till) = (us.buyer(100).await, us.till().await);
    let dollars = us.open("buyer", "USD", Some(0)).await;
    let frozen = us.buyer(100).await;
    let frozen_till = us.till().await;
    let frozen_dollars = us.open("merchant", "USD", None).await;
    for account in [frozen, frozen_till, frozen_dollars] {
        us.freeze(&superuser, account).await;
    }
    let foreign = other.buyer(100).await;
    let [external, escrow] = [us.externals[0], us.escrows[0]];
    let pay = |source, destination, amount| us.payment(source, destination, amount);
    let nobody = Uuid::new_v4();

    let mut cases: Vec<(&str, Posting)> = vec![
        ("account_unknown", pay(nobody, till, 1)),
        ("account_unknown", pay(buyer, nobody, 1)),
        ("account_unknown", pay(foreign, till, 1)),
        ("account_unknown", pay(buyer, foreign, 1)),
        ("account_unknown", pay(other.externals[0], till, 1)),
        ("account_unknown", us.deposit(foreign, 1)),
        ("account_unknown", pay(other.escrows[0], external, 1).in_currency("USD")),
        ("account_unknown", pay(frozen, foreign, 1000)),
        ("account_not_eligible", us.payment(external, external, 1)),
        ("account_not_eligible", us.deposit(external, 1)),
        ("account_not_eligible", us.deposit(escrow, 1)),
        ("account_not_eligible", pay(escrow, frozen, 1).in_currency("USD")),
        (
            "account_not_eligible",
            Posting {
                kind: "anything",
                ..pay(buyer, till, 1)
            },
        ),
        (
            "account_not_eligible",
            Posting {
                kind: "deposit",
                ..pay(buyer, till, 1)
            },
        ),
        ("currency_mismatch", pay(buyer, dollars, 1)),
        ("currency_mismatch", pay(dollars, till, 1)),
        ("currency_mismatch", pay(buyer, till, 1).in_currency("USD")),
        ("currency_mismatch", us.deposit(dollars, 1)),
        ("currency_mismatch", pay(frozen, frozen_dollars, 1000)),
        ("account_frozen", pay(frozen, till, 1)),
        ("account_frozen", pay(buyer, frozen_till, 1)),
        ("account_frozen", us.deposit(frozen, 1)),
        ("account_frozen", pay(frozen, till, 1000)),
        ("account_frozen", pay(buyer, frozen_till, 1000)),
        ("insufficient_funds", pay(buyer, till, 101)),
        ("insufficient_funds", pay(buyer, till, i64::MAX)),
    ];
    for house in [escrow, external] {
        cases.push(("account_not_eligible", pay(house, till, 1)));
        cases.push(("account_not_eligible", pay(buyer, house, 1)));
    }
    // The platform belongs to another tenant, the house: to a merchant it is as unknown as any.
    cases.push(("account_unknown", pay(us.platforms[0], till, 1)));
    cases.push(("account_unknown", pay(buyer, us.platforms[0], 1)));

    for (refusal, posting) in cases {
        let recorded = posting.decide(&poster).await;
        assert_eq!(recorded.told(), ("recorded", refusal), "{posting:?}");
        let replayed = posting.decide(&poster).await;
        assert_eq!(replayed.told(), ("replayed", refusal), "{posting:?}");
        assert_eq!(entries_under(&superuser, posting.key).await, 0);
    }
}

#[tokio::test]
async fn not_even_the_platform_s_own_tenant_pays_from_a_platform_account() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let till = merchant.till().await;
    // Given to the merchant, so that the purpose alone refuses it.
    let sql = "UPDATE ledger.accounts SET tenant_id = $2 WHERE account_id = $1";
    let platform = merchant.platforms[0];
    superuser.execute(sql, &[&platform, &merchant.tenant]).await.unwrap();
    for posting in [
        merchant.payment(platform, till, 1),
        merchant.payment(till, platform, 1),
        merchant.deposit(platform, 1),
    ] {
        let decision = posting.decide(&poster).await;
        assert_eq!(decision.told(), ("recorded", "account_not_eligible"));
    }
}

#[tokio::test]
async fn a_debit_may_reach_the_floor_and_no_further() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let merchant = Merchant::onboard(&cloud).await;
    let till = merchant.till().await;
    for (floor, balance, least_refused) in [(0, 100, 101), (-50, 100, 151), (30, 100, 71)] {
        let account = merchant.open("buyer", "EUR", Some(floor)).await;
        merchant.deposit(account, balance).decide(&poster).await;
        let too_much = merchant.payment(account, till, least_refused);
        assert_eq!(too_much.decide(&poster).await.outcome, "insufficient_funds");
        let just_enough = merchant.payment(account, till, least_refused - 1);
        assert_eq!(just_enough.decide(&poster).await.outcome, "posted");
    }
    let bottomless = merchant.open("buyer", "EUR", None).await;
    let payment = merchant.payment(bottomless, till, 1_000_000);
    assert_eq!(payment.decide(&poster).await.outcome, "posted");
}
