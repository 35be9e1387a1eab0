//! Answers that are lost, processes that die, and parts of the vault that are away.

use serde_json::json;
use tests::fault::{Fault, Faults, Step};
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Scene, document, linking, person};

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_carried_out_once() {
    let vault = Scene::new();
    let faults = Faults::between(&vault.cloud).await;
    let function = Function::of(&vault.cloud, "keep-customers").through(&faults);
    let (function, customer) = (function.start().await.unwrap(), Uuid::new_v4());
    // The one that notes the tenant, and the one that stores.
    faults.script.arm(Step::Store, Fault::DropResponse);
    faults.script.arm_nth(Step::Store, 3, Fault::DropResponse);
    let made = vault.keep(&function, customer, &person("Ada")).await;
    assert_eq!((made.status, &made.json()["version"]), (201, &json!(1)), "{made:?}");
    assert_eq!(faults.script.count(Step::Store), 4);
}

#[tokio::test]
async fn whoever_dies_before_or_after_the_commit_leaves_a_put_that_can_be_repeated() {
    let vault = Scene::new();
    let (other, ada) = (vault.function().await, person("Ada"));
    vault.keep(&other, Uuid::new_v4(), &ada).await;
    for (fault, status, version) in [(Fault::HoldRequest, 201, 1), (Fault::HoldResponse, 200, 2)] {
        let customer = Uuid::new_v4();
        let faults = Faults::between(&vault.cloud).await;
        let dying = Function::of(&vault.cloud, "keep-customers").through(&faults);
        let dying = dying.start().await.unwrap();
        let point = faults.script.arm(Step::Store, fault);
        let call = dying.call(&vault.request("PUT", customer).json(&ada));
        point.reached().await;
        dying.kill().await;
        point.discard().await;
        assert!(call.await.is_err());
        let repeated = vault.keep(&other, customer, &ada).await;
        assert_eq!(repeated.status, status, "{fault:?}: {repeated:?}");
        let shown = vault.shown(&other, customer).await;
        assert_eq!(shown, document(customer, &ada, version, &[], &shown));
    }
}

#[tokio::test]
async fn while_a_part_of_the_vault_is_away_the_client_is_asked_to_come_again() {
    let vault = Scene::new();
    let ready = vault.function().await;
    let customer = Uuid::new_v4();
    vault.keep(&ready, customer, &person("Ada")).await;
    for service in ["DYNAMODB", "KMS", "SECRETS_MANAGER"] {
        // Nobody listens at the discard port.
        let cut_off = Function::of(&vault.cloud, "keep-customers")
            .set(&format!("AWS_ENDPOINT_URL_{service}"), "http://127.0.0.1:9");
        let cut_off = cut_off.start().await.unwrap();
        for request in [
            vault.request("GET", customer),
            vault.request("PUT", customer).json(&person("Bob")),
            vault.request("PUT", Uuid::new_v4()).json(&person("Bob")),
        ] {
            let answer = cut_off.call(&request).await.unwrap();
            assert_eq!(
                (answer.status, answer.problem().as_str(), answer.header("retry-after")),
                (503, "vault-unavailable", Some("1")),
                "{service}"
            );
        }
    }
    assert_eq!(vault.shown(&ready, customer).await["name"], "Ada Lovelace");
}

#[tokio::test]
async fn an_account_is_not_linked_while_the_ledger_is_away() {
    let vault = Scene::new();
    let ready = vault.function().await;
    let customer = Uuid::new_v4();
    vault.keep(&ready, customer, &person("Ada")).await;
    let cut_off = Function::of(&vault.cloud, "keep-customers").set("DATABASE_PORT", 9);
    let cut_off = cut_off.start().await.unwrap();
    let link = linking(customer, Uuid::new_v4()).from_tenant(vault.tenant, tests::token::Scope::Merchant);
    let answer = cut_off.call(&link).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (503, "ledger-unavailable"));
    // Of the rest, the ledger is not asked.
    assert_eq!(vault.show(&cut_off, customer).await.status, 200);
}
