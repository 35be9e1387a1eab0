//! Several at once, and writers who come late.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::json;
use tests::fault::{Fault, Faults, Step};
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Item, Scene, Table, document, person};

#[tokio::test]
async fn first_customers_of_a_tenant_at_once_share_one_key() {
    let vault = Scene::new();
    let functions = join_all((0..4).map(|_| vault.function())).await;
    let customers: Vec<_> = functions.iter().map(|_| Uuid::new_v4()).collect();
    let ada = person("Ada");
    let made = functions.iter().zip(&customers);
    let made = join_all(made.map(|(function, customer)| vault.keep(function, *customer, &ada))).await;
    assert!(made.iter().all(|made| made.status == 201), "{made:?}");
    let (ring, _) = vault.ring().await;
    assert_eq!(
        (&ring["current"], ring["keys"].as_object().unwrap().len()),
        (&json!(1), 1)
    );
    let reader = vault.function().await;
    for customer in customers {
        assert_eq!(vault.shown(&reader, customer).await["name"], ada["name"]);
        for function in &functions {
            vault.shown(function, customer).await;
        }
    }
}

#[tokio::test]
async fn writers_at_once_leave_one_record_whole() {
    let vault = Scene::new();
    let (customer, words) = (Uuid::new_v4(), ["Ada", "Bob", "Cyd", "Dan"]);
    let functions = join_all(words.map(|_| vault.function())).await;
    let people = words.map(person);
    let stored = functions.iter().zip(&people);
    let stored = join_all(stored.map(|(function, person)| vault.keep(function, customer, person))).await;
    let mut statuses: Vec<_> = stored.iter().map(|stored| stored.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 201]);
    let versions: BTreeSet<_> = stored.iter().map(|stored| stored.json()["version"].as_u64()).collect();
    assert_eq!(
        versions,
        (1..=4).map(Some).collect(),
        "each was stored, one after the other"
    );
    let shown = vault.shown(&vault.function().await, customer).await;
    let last = stored.iter().position(|stored| stored.json()["version"] == 4).unwrap();
    assert_eq!(shown, document(customer, &people[last], 4, &[], &shown));
}

#[tokio::test]
async fn whoever_is_at_the_tenant_at_that_moment_keeps_nobody_from_its_customers() {
    let vault = Scene::new();
    let (function, faults, quick) = scene(&vault).await;
    let (customer, newcomer) = (Uuid::new_v4(), Uuid::new_v4());
    vault.keep(&quick, customer, &person("Ada")).await;
    // As when others make customers of it all the time.
    faults.script.arm_all(Step::LookAtTenant, Fault::Conflict);
    vault.shown(&function, customer).await;
    assert_eq!(vault.keep(&function, customer, &person("Bob")).await.status, 200);
    assert_eq!(vault.keep(&function, newcomer, &person("Cyd")).await.status, 201);
}

#[tokio::test]
async fn who_is_overtaken_stores_all_the_same() {
    let vault = Scene::new();
    let (slow, faults, quick) = scene(&vault).await;
    let customer = Uuid::new_v4();
    for version in [2, 4] {
        let point = faults.script.arm(Step::Store, Fault::HoldRequest);
        // A first customer of the tenant: the first transaction notes the tenant.
        let call = slow.call(&vault.request("PUT", customer).json(&person("Ada")));
        point.reached().await;
        let other = vault.keep(&quick, customer, &person("Bob")).await;
        assert!([200, 201].contains(&other.status), "{other:?}");
        point.release().await;
        let stored = call.await.unwrap();
        assert_eq!(
            (stored.status, &stored.json()["version"]),
            (200, &json!(version)),
            "{stored:?}"
        );
        assert_eq!(vault.shown(&quick, customer).await["name"], "Ada Lovelace");
    }
}

#[tokio::test]
async fn no_late_writer_brings_back_who_was_erased() {
    let vault = Scene::new();
    let (slow, faults, quick) = scene(&vault).await;
    let customer = Uuid::new_v4();
    assert_eq!(vault.keep(&quick, customer, &person("Ada")).await.status, 201);
    let record = vault.of_customer(Table::Records, customer).await;
    let point = faults.script.arm(Step::Store, Fault::HoldRequest);
    let call = slow.call(&vault.request("PUT", customer).json(&person("Bob")));
    point.reached().await;
    vault.erase_key(customer).await;
    point.release().await;
    let late = call.await.unwrap();
    assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
    assert_eq!(vault.of_customer(Table::Records, customer).await, record);
    for function in [&slow, &quick] {
        assert_eq!(
            vault.keep(function, customer, &person("Bob")).await.problem(),
            "customer-erased"
        );
        assert_eq!(vault.show(function, customer).await.problem(), "customer-erased");
    }
}

#[tokio::test]
async fn no_late_writer_makes_a_customer_of_an_erased_tenant() {
    let vault = Scene::new();
    let (slow, faults, quick) = scene(&vault).await;
    assert_eq!(vault.keep(&quick, Uuid::new_v4(), &person("Ada")).await.status, 201);
    let customer = Uuid::new_v4();
    let point = faults.script.arm(Step::Store, Fault::HoldRequest);
    let call = slow.call(&vault.request("PUT", customer).json(&person("Bob")));
    point.reached().await;
    vault.put(Table::Keys, erased_tenant(&vault)).await;
    point.release().await;
    let late = call.await.unwrap();
    assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
    for table in [Table::Records, Table::Keys] {
        assert_eq!(vault.item(table, &format!("customer#{customer}")).await, None);
    }
}

#[tokio::test]
async fn a_tenant_erased_before_its_first_customer_gets_none() {
    let vault = Scene::new();
    let function = vault.function().await;
    vault.put(Table::Keys, erased_tenant(&vault)).await;
    let refused = vault.keep(&function, Uuid::new_v4(), &person("Ada")).await;
    assert_eq!(refused.problem(), "customer-erased");
    let script = r#"told = [each["Name"] for each in client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": [given]}])["SecretList"]]"#;
    assert_eq!(
        vault.cloud.ask(script, &json!(vault.secret())).await,
        json!([]),
        "no key is made for it"
    );
}

fn erased_tenant(vault: &Scene) -> Item {
    [
        ("pk", format!("tenant#{}", vault.tenant)),
        ("sk", "tenant".to_owned()),
        ("state", "erased".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
    .into()
}

/// A function that is slow on purpose, and one that is not.
async fn scene(vault: &Scene) -> (Function, Faults, Function) {
    let faults = Faults::between(&vault.cloud).await;
    let slow = Function::of(&vault.cloud, "keep-customers").through(&faults);
    (slow.start().await.unwrap(), faults, vault.function().await)
}
