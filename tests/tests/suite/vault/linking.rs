//! Whose account it is, over HTTP, by the deployed function in its role.

use serde_json::json;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{Scene, Table, linking, over_http, person, with_customer};
use crate::api::merchant::Merchant;

#[tokio::test]
async fn an_account_is_linked_once_however_often_it_is_asked_for() {
    let cloud = Cloud::running();
    let (us, customer) = with_customer(&cloud).await;
    let second = us.open(&json!({"kind": "buyer", "currency": "USD"})).await;
    for account in [us.buyer, us.buyer, second] {
        let linked = us.send(&linking(customer, account)).await;
        let expected = json!({"object": "customer-account", "customer_id": customer, "account_id": account});
        assert_eq!((linked.status, linked.json()), (200, expected));
    }
    let mut accounts = [us.buyer, second];
    accounts.sort();
    assert_eq!(
        us.send(&over_http("GET", customer)).await.json()["accounts"],
        json!(accounts)
    );
    // A replacement is of what is known of a person, and not of the accounts.
    let replaced = us.send(&over_http("PUT", customer).json(&person("Augusta"))).await;
    assert_eq!((replaced.status, &replaced.json()["accounts"]), (200, &json!(accounts)));
}

#[tokio::test]
async fn an_account_has_one_customer_also_when_two_ask_at_once() {
    let cloud = Cloud::running();
    let (us, ada) = with_customer(&cloud).await;
    let bob = Uuid::new_v4();
    us.send(&over_http("PUT", bob).json(&person("Bob"))).await;
    let (one, other) = (linking(ada, us.buyer), linking(bob, us.buyer));
    let (one, other) = tokio::join!(us.send(&one), us.send(&other));
    let (loser, winner) = match (one.status, other.status) {
        (200, 409) => (other, ada),
        (409, 200) => (one, bob),
        statuses => panic!("{statuses:?}"),
    };
    assert_eq!(loser.problem(), "account-linked");
    for customer in [ada, bob] {
        let accounts = if customer == winner {
            json!([us.buyer])
        } else {
            json!([])
        };
        assert_eq!(us.send(&over_http("GET", customer)).await.json()["accounts"], accounts);
    }
}

#[tokio::test]
async fn only_a_buyers_account_of_the_merchants_own_is_linked() {
    let cloud = Cloud::running();
    let ((us, customer), them) = (with_customer(&cloud).await, Merchant::onboard(&cloud).await);
    let cases = [
        (us.seller, 422, "not-a-buyers-account"),
        (them.buyer, 404, "not-found"),
        (them.seller, 404, "not-found"),
        (Uuid::new_v4(), 404, "not-found"),
    ];
    for (account, status, slug) in cases {
        let answer = us.send(&linking(customer, account)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, slug), "{answer:?}");
    }
    let nobody = us.send(&linking(Uuid::new_v4(), us.buyer)).await;
    assert_eq!(nobody.problem(), "not-found");
    assert_eq!(us.send(&over_http("GET", customer)).await.json()["accounts"], json!([]));
    let vault = Scene::of(us.tenant);
    assert_eq!(vault.item(Table::Keys, &format!("account#{}", us.buyer)).await, None);
}

#[tokio::test]
async fn a_customer_has_a_hundred_accounts_at_most() {
    let cloud = Cloud::running();
    let (us, customer) = with_customer(&cloud).await;
    let vault = Scene::of(us.tenant);
    let mut key = vault.of_customer(Table::Keys, customer).await;
    let others: Vec<_> = (0..100).map(|_| Uuid::new_v4().to_string()).collect();
    key.insert(
        "accounts".to_owned(),
        aws_sdk_dynamodb::types::AttributeValue::Ss(others),
    );
    vault.put(Table::Keys, key).await;
    let refused = us.send(&linking(customer, us.buyer)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (422, "too-many-accounts"));
    assert_eq!(vault.item(Table::Keys, &format!("account#{}", us.buyer)).await, None);
}
