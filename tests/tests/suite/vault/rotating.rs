//! A tenant with customers whose keys are to be changed, and how it must look when they are.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::fault::Faults;
use tests::lambda::{Function, Setup};
use uuid::Uuid;

use super::scene::{Item, Scene, Table, person};

/// Customers there before.
pub const CUSTOMERS: usize = 6;

/// A tenant with [`CUSTOMERS`], in the order in which the table has them.
pub async fn tenant() -> (Scene, Vec<Uuid>) {
    tenant_with(CUSTOMERS).await
}

pub async fn tenant_with(customers: usize) -> (Scene, Vec<Uuid>) {
    let vault = Scene::new();
    let function = vault.function().await;
    let mut customers: Vec<_> = (0..customers).map(|_| Uuid::new_v4()).collect();
    customers.sort_unstable();
    for customer in &customers {
        assert_eq!(vault.keep(&function, *customer, &person("Ada")).await.status, 201);
    }
    (vault, customers)
}

pub async fn rotator(vault: &Scene) -> Function {
    Function::of(&vault.cloud, "rotate-keys").start().await.unwrap()
}

/// One whose tables fail on purpose. The role needs no ledger.
pub fn rotator_through(vault: &Scene, faults: &Faults) -> Setup {
    Function::of(&vault.cloud, "rotate-keys").set("AWS_ENDPOINT_URL_DYNAMODB", faults.gate.url())
}

pub fn asked(vault: &Scene, key: &str) -> Value {
    json!({"key": key, "tenant_id": vault.tenant})
}

pub async fn of_all(vault: &Scene, table: Table, customers: &[Uuid]) -> Vec<Item> {
    join_all(customers.iter().map(|customer| vault.of_customer(table, *customer))).await
}

/// Every label of the tenant's secret, on whatever version.
pub async fn labels(vault: &Scene) -> Value {
    let script = r#"
versions = client("secretsmanager").list_secret_version_ids(SecretId=given)["Versions"]
told = sorted(label for each in versions for label in each["VersionStages"])
"#;
    vault.cloud.ask(script, &json!(vault.secret())).await
}

/// Everybody is read by a function that has met nobody, and that version of the tenant's key is the only one within reach.
pub async fn is_all_under(vault: &Scene, version: u64, customers: &[Uuid]) {
    let (ring, _) = vault.ring().await;
    let versions: Vec<_> = ring["keys"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        (&ring["current"], versions),
        (&json!(version), vec![version.to_string()])
    );
    assert_eq!(
        labels(vault).await,
        json!(["AWSCURRENT"]),
        "what was dropped is within reach"
    );
    let reader = vault.function().await;
    for customer in customers {
        vault.shown(&reader, *customer).await;
        let key = vault.of_customer(Table::Keys, *customer).await;
        assert_eq!(key["tenant_key"].as_n().unwrap(), &version.to_string());
    }
}
