//! How long a warm function can read what has been destroyed.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::fault::Faults;
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Scene, Table, person};

/// As short as can be told from a slow machine.
const KEYS_LIVE: Duration = Duration::from_secs(2);

async fn warm(vault: &Scene) -> Function {
    let function = Function::of(&vault.cloud, "keep-customers").set("VAULT_KEY_SECONDS", KEYS_LIVE.as_secs());
    function.start().await.unwrap()
}

#[tokio::test]
async fn with_its_key_gone_a_customer_is_unreadable_at_once_though_the_record_comes_back() {
    let vault = Scene::new();
    let (function, other) = (warm(&vault).await, vault.function().await);
    for erased in [true, false] {
        let customer = Uuid::new_v4();
        vault.keep(&function, customer, &person("Ada")).await;
        vault.shown(&function, customer).await;
        vault.shown(&other, customer).await;
        let record = vault.of_customer(Table::Records, customer).await;
        if erased {
            vault.erase_key(customer).await;
        } else {
            vault.delete(Table::Keys, &format!("customer#{customer}")).await;
        }
        vault.delete(Table::Records, &format!("customer#{customer}")).await;
        // As from a backup.
        vault.put(Table::Records, record).await;
        for function in [&function, &other] {
            let shown = vault.show(function, customer).await;
            let expected = if erased {
                (410, "customer-erased")
            } else {
                (404, "not-found")
            };
            assert_eq!((shown.status, shown.problem().as_str()), expected);
        }
    }
}

#[tokio::test]
async fn with_the_tenants_key_gone_nothing_is_read_longer_than_keys_are_kept() {
    let vault = Scene::new();
    let function = warm(&vault).await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    for customer in [ada, bob] {
        vault.keep(&vault.function().await, customer, &person("Ada")).await;
    }
    vault.shown(&function, ada).await;
    let learnt = Instant::now();
    tokio::time::sleep(KEYS_LIVE * 2 / 3).await;
    // Opened late by a key that was learnt early: it is not kept for longer than that.
    vault.shown(&function, bob).await;
    let destroy =
        r#"told = client("secretsmanager").delete_secret(SecretId=given, ForceDeleteWithoutRecovery=True)["Name"]"#;
    vault.cloud.ask(destroy, &json!(vault.secret())).await;
    tokio::time::sleep(KEYS_LIVE.saturating_sub(learnt.elapsed())).await;
    for customer in [ada, bob] {
        let shown = vault.show(&function, customer).await;
        assert_eq!((shown.status, shown.problem().as_str()), (500, "internal"), "{shown:?}");
    }
    // Nor is a key made anew that nobody could read the old records by.
    let refused = vault.keep(&function, Uuid::new_v4(), &person("Bob")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (500, "internal"));
}

#[tokio::test]
async fn a_warm_function_asks_for_a_key_once_in_a_while_and_not_each_time() {
    let vault = Scene::new();
    let keys = Faults::between(&vault.cloud).await;
    let function = Function::of(&vault.cloud, "keep-customers")
        .set("VAULT_KEY_SECONDS", KEYS_LIVE.as_secs())
        .set("AWS_ENDPOINT_URL_KMS", keys.gate.url());
    let (function, customer) = (function.start().await.unwrap(), Uuid::new_v4());
    vault.keep(&vault.function().await, customer, &person("Ada")).await;
    vault.shown(&function, customer).await;
    let learnt = Instant::now();
    keys.gate.set_down(true);
    assert_eq!(vault.show(&function, customer).await.status, 200);
    tokio::time::sleep(KEYS_LIVE.saturating_sub(learnt.elapsed())).await;
    let shown = vault.show(&function, customer).await;
    assert_eq!((shown.status, shown.problem().as_str()), (503, "vault-unavailable"));
    keys.gate.set_down(false);
    vault.shown(&function, customer).await;
}

#[tokio::test]
async fn keys_are_not_kept_for_longer_than_five_minutes() {
    let vault = Scene::new();
    let refused = Function::of(&vault.cloud, "keep-customers").set("VAULT_KEY_SECONDS", 301);
    let refused = refused.start().await.unwrap_err().to_string();
    assert!(refused.contains("VAULT_KEY_SECONDS"), "{refused}");
}
