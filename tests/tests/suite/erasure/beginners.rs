//! A tenant that has no customer yet, or is about to have its first.

use domain::erasure::certificate::Destroyed;
use serde_json::json;
use tests::fault::{Fault, Faults, Step};
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Office, event, secrets};
use crate::vault::scene::{Table, person};

/// Somebody who stores a first customer, slow at the transaction or at the secret.
async fn slow(office: &Office) -> (Function, Faults) {
    let faults = Faults::between(&office.cloud).await;
    let slow = Function::of(&office.cloud, "keep-customers").through(&faults);
    let slow = slow.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", faults.gate.url());
    (slow.start().await.unwrap(), faults)
}

async fn has_secret(office: &Office) -> bool {
    secrets(&office.cloud).await.contains(&office.vault.secret())
}

/// Insists that the erasure is certified, of nobody, and that nobody is stored any more.
async fn is_certified_of_nobody(office: &Office, erasure: Uuid) {
    assert_eq!(office.erasure(erasure).await["status"], "certified");
    let Destroyed::Tenant { customers, .. } = office.certificate(erasure).await.destroyed else {
        panic!("it is a tenant's");
    };
    assert_eq!(customers, 0);
    let late = office.vault.keep(&office.keeper, Uuid::new_v4(), &person("Ada")).await;
    assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
}

#[tokio::test]
async fn a_tenant_that_never_had_a_customer_is_erased_for_good_too() {
    let office = Office::open().await;
    let (erasure, again) = (Uuid::new_v4(), Uuid::new_v4());
    office.erase(erasure, None).await;
    is_certified_of_nobody(&office, erasure).await;
    assert!(!has_secret(&office).await);
    office.erase(again, None).await;
    assert_eq!(office.erasure(again).await["repeats"], json!(erasure));
}

#[tokio::test]
async fn whoever_dies_between_the_secret_and_the_tenants_note_leaves_no_secret_behind() {
    let office = Office::open().await;
    let (doomed, faults) = slow(&office).await;
    let point = faults.script.arm_all(Step::Store, Fault::HoldRequest);
    let call = doomed.call(&office.vault.request("PUT", Uuid::new_v4()).json(&person("Ada")));
    point.reached().await;
    doomed.kill().await;
    point.discard().await;
    assert!(call.await.is_err());
    assert!(has_secret(&office).await);
    let erasure = Uuid::new_v4();
    office.erase(erasure, None).await;
    assert!(!has_secret(&office).await);
    is_certified_of_nobody(&office, erasure).await;
}

#[tokio::test]
async fn a_first_customer_that_is_overtaken_by_the_tenants_erasure_is_not_stored() {
    for (step, leaves_secret) in [(Step::Store, false), (Step::Ring, true)] {
        let office = Office::open().await;
        let (slow, faults) = slow(&office).await;
        let (point, customer) = (faults.script.arm_all(step, Fault::HoldRequest), Uuid::new_v4());
        let call = slow.call(&office.vault.request("PUT", customer).json(&person("Ada")));
        point.reached().await;
        let erasure = Uuid::new_v4();
        office.erase(erasure, None).await;
        point.release().await;
        let late = call.await.unwrap();
        assert_eq!(
            (late.status, late.problem().as_str()),
            (410, "customer-erased"),
            "{step:?}"
        );
        for table in [Table::Records, Table::Keys] {
            assert_eq!(office.vault.item(table, &format!("customer#{customer}")).await, None);
        }
        is_certified_of_nobody(&office, erasure).await;
        // Made after all was done: a secret that nothing lies under. It goes when the erasure is asked for again.
        assert_eq!(has_secret(&office).await, leaves_secret, "{step:?}");
        office.erase(Uuid::new_v4(), None).await;
        assert!(!has_secret(&office).await, "{step:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_made_while_the_tenant_is_erased_is_gone_before_the_certificate() {
    let office = Office::open().await;
    // Both are up before the first is held: it waits for a few seconds only.
    let (slow, beginning) = slow(&office).await;
    let erasing = Faults::between(&office.cloud).await;
    let eraser = Function::of(&office.cloud, "erase-pii").set("AWS_ENDPOINT_URL_SECRETS_MANAGER", erasing.gate.url());
    let eraser = eraser.start().await.unwrap();
    let making = beginning.script.arm_all(Step::Ring, Fault::HoldRequest);
    let call = slow.call(&office.vault.request("PUT", Uuid::new_v4()).json(&person("Ada")));
    making.reached().await;
    // The second time it is deleted is the last thing before the certificate.
    let last = erasing.script.arm_from(Step::Shred, 2, Fault::HoldRequest);
    let erasure = Uuid::new_v4();
    let run = eraser.invoke(&event(erasure, office.tenant(), None));
    last.reached().await;
    making.release().await;
    assert_eq!(call.await.unwrap().status, 410);
    assert!(has_secret(&office).await);
    last.release().await;
    assert_eq!(run.await.unwrap(), json!({"batchItemFailures": []}));
    assert!(!has_secret(&office).await);
    is_certified_of_nobody(&office, erasure).await;
}
