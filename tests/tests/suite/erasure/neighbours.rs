//! Who was not asked for is not touched, and the books are not.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::erasure::certificate::Destroyed;
use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::token::Scope;
use uuid::Uuid;

use super::scene::{Office, event, secrets};
use crate::vault::scene::{Table, linking, person};

#[tokio::test]
async fn one_customer_erased_the_tenants_others_are_readable() {
    let office = Office::open().await;
    let ((ada, ada_account), (bob, bob_account)) = (office.customer("Ada").await, office.customer("Bob").await);
    office.erase(Uuid::new_v4(), Some(ada)).await;
    office.is_gone(ada, ada_account).await;
    let shown = office.vault.shown(&office.keeper, bob).await;
    assert_eq!(
        (&shown["name"], &shown["accounts"]),
        (&json!("Bob Lovelace"), &json!([bob_account]))
    );
    // And can be changed, and joined.
    assert_eq!(
        office.vault.keep(&office.keeper, bob, &person("Robert")).await.status,
        200
    );
    office.customer("Eve").await;
}

#[tokio::test]
async fn a_tenant_erased_other_tenants_are_readable() {
    let (leaving, staying) = (Office::open().await, Office::open().await);
    let mut gone = Vec::new();
    for word in ["Ada", "Bob", "Eve"] {
        gone.push(leaving.customer(word).await);
    }
    let (stays, _) = staying.customer("Mallory").await;
    // One was erased before, and has a certificate of its own.
    let (before, erasure) = (Uuid::new_v4(), Uuid::new_v4());
    leaving.erase(before, Some(gone[0].0)).await;
    leaving.erase(erasure, None).await;
    for (customer, account) in gone {
        leaving.is_gone(customer, account).await;
    }
    let Destroyed::Tenant {
        secret,
        customers,
        erased_before,
        ..
    } = leaving.certificate(erasure).await.destroyed
    else {
        panic!("it is a tenant's");
    };
    assert_eq!((secret, customers, erased_before), (leaving.vault.secret(), 3, 1));
    leaving.certificate(before).await;
    // Nor is there anybody new, of a tenant without a key.
    assert_eq!(
        leaving
            .vault
            .keep(&leaving.keeper, Uuid::new_v4(), &person("Trudy"))
            .await
            .status,
        410
    );
    let secrets = secrets(&leaving.cloud).await;
    assert!(!secrets.contains(&leaving.vault.secret()) && secrets.contains(&staying.vault.secret()));
    assert_eq!(
        staying.vault.shown(&staying.keeper, stays).await["name"],
        "Mallory Lovelace"
    );
    staying.customer("Trent").await;
}

#[tokio::test]
async fn whoever_is_erased_can_be_neither_stored_nor_linked() {
    let office = Office::open().await;
    let ((customer, _), other) = (office.customer("Ada").await, office.merchant.buyer);
    office.erase(Uuid::new_v4(), Some(customer)).await;
    for refused in [
        office.vault.keep(&office.keeper, customer, &person("Ada")).await,
        office.vault.show(&office.keeper, customer).await,
        office
            .keeper
            .call(&linking(customer, other).from_tenant(office.tenant(), Scope::Merchant))
            .await
            .unwrap(),
    ] {
        assert_eq!((refused.status, refused.problem().as_str()), (410, "customer-erased"));
    }
}

/// As when an erasure died after it had freed the account, and another customer was linked to it before the next run.
#[tokio::test]
async fn an_account_that_is_anothers_by_now_stays_that_ones() {
    let office = Office::open().await;
    let ((ada, account), (bob, _)) = (office.customer("Ada").await, office.customer("Bob").await);
    let mapping = format!("account#{account}");
    let mut item = office.vault.item(Table::Keys, &mapping).await.unwrap();
    item.insert("customer".to_owned(), AttributeValue::S(bob.to_string()));
    office.vault.put(Table::Keys, item.clone()).await;
    let erasure = Uuid::new_v4();
    office.erase(erasure, Some(ada)).await;
    assert_eq!(office.erasure(erasure).await["status"], "certified");
    assert_eq!(office.vault.item(Table::Keys, &mapping).await, Some(item));
}

#[tokio::test]
async fn writers_at_the_time_of_the_erasure_bring_nobody_back() {
    let office = Office::open().await;
    for _ in 0..10 {
        let (customer, account) = office.customer("Ada").await;
        let event = event(Uuid::new_v4(), office.tenant(), Some(customer));
        let told = person("Ada");
        let write = async {
            loop {
                let kept = office.vault.keep(&office.keeper, customer, &told).await;
                if kept.status == 410 {
                    break;
                }
                assert!([200, 503].contains(&kept.status), "{kept:?}");
            }
        };
        let (erased, ()) = tokio::join!(office.eraser.invoke(&event), write);
        assert_eq!(erased.unwrap(), json!({"batchItemFailures": []}));
        office.is_gone(customer, account).await;
    }
}

/// Every entry there is, as one number for each currency and side.
const SUMS: &str = "SELECT coalesce(string_agg(format('%s %s %s', currency, entry_type, total), ', ' ORDER BY 1), '')
  FROM (SELECT currency, entry_type::text, sum(amount) AS total FROM ledger.ledger_entries WHERE tenant_id = $1
         GROUP BY currency, entry_type) sums";

#[tokio::test]
async fn the_books_do_not_notice() {
    let office = Office::open().await;
    let (customer, account) = office.customer("Ada").await;
    office.merchant.deposit(account, 500).await;
    let mut payment = office.merchant.payment(120);
    payment["source"] = json!(account);
    let pay = ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&payment);
    assert_eq!(office.merchant.send(&pay).await.status, 201);
    let before = books(&office, account).await;
    assert_eq!(before[1]["balance"], 380);
    office.erase(Uuid::new_v4(), Some(customer)).await;
    office.erase(Uuid::new_v4(), None).await;
    assert_eq!(books(&office, account).await, before);
    // They go on, too.
    let pay = ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&payment);
    assert_eq!(office.merchant.send(&pay).await.status, 201);
    assert_eq!(office.merchant.balance(account).await, 260);
}

/// The sums of the tenant's entries, the account, and its entries, as the API shows them.
async fn books(office: &Office, account: Uuid) -> [Value; 3] {
    let superuser = office.cloud.superuser().await;
    let sums: String = superuser.query_one(SUMS, &[&office.tenant()]).await.unwrap().get(0);
    let entries = ApiRequest::to("GET /v1/accounts/{account_id}/entries").path("account_id", account);
    let entries = office.merchant.send(&entries).await;
    assert_eq!(entries.status, 200, "{entries:?}");
    let lines = entries.json()["data"].clone();
    assert_eq!(lines.as_array().map(Vec::len), Some(2), "{lines}");
    [json!(sums), office.merchant.account(account).await, lines]
}
