//! A tenant's key changes while it is in use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tests::fault::{Cut, Cutter, Fault, Faults, Step};
use tests::lambda::{Function, Unanswered};
use uuid::Uuid;

use super::rotating::{CUSTOMERS, asked, is_all_under, labels, of_all, rotator, rotator_through, tenant, tenant_with};
use super::scene::{Scene, Table, person};

#[tokio::test]
async fn a_tenants_key_changes_while_its_customers_are_read_and_written() {
    let (vault, customers) = tenant().await;
    let records = of_all(&vault, Table::Records, &customers).await;
    let (done, rotating) = (AtomicBool::new(false), rotator(&vault).await);
    let busy = vault.function().await;
    let read_and_write = async {
        let (mut made, mut rounds) = (Vec::new(), 0);
        while !done.load(Ordering::SeqCst) || rounds < 3 {
            for customer in &customers {
                vault.shown(&busy, *customer).await;
            }
            made.push(Uuid::new_v4());
            let newest = *made.last().unwrap();
            assert_eq!(vault.keep(&busy, newest, &person("Bob")).await.status, 201);
            assert_eq!(vault.keep(&busy, newest, &person("Cyd")).await.status, 200);
            rounds += 1;
        }
        made
    };
    let rotate = async {
        let told = rotating.invoke(&asked(&vault, "tenant")).await;
        done.store(true, Ordering::SeqCst);
        told.unwrap()
    };
    let (made, told) = tokio::join!(read_and_write, rotate);
    assert_eq!((&told["version"], &told["done"]), (&json!(2), &json!(true)));
    is_all_under(&vault, 2, &[&customers[..], &made].concat()).await;
    assert_eq!(
        of_all(&vault, Table::Records, &customers).await,
        records,
        "no record is touched"
    );
}

#[tokio::test]
async fn a_rotation_that_dies_anywhere_is_ended_by_the_next() {
    for nth in 0.. {
        let (vault, mut customers) = tenant_with(2).await;
        let records = of_all(&vault, Table::Records, &customers).await;
        let is_killed = is_killed_after(&vault, nth).await;
        // In the middle of it, everybody is read, also by who has never met the tenant, and new ones come.
        let reader = vault.function().await;
        let newest = Uuid::new_v4();
        let made = vault.keep(&reader, newest, &person("Bob")).await;
        assert_eq!(made.status, 201, "call {nth}: {made:?}");
        customers.push(newest);
        for customer in &customers {
            vault.shown(&reader, *customer).await;
        }
        // Whoever died when it was all over left nothing to go on with.
        let (ring, _) = vault.ring().await;
        let is_over = ring["current"] == 2 && labels(&vault).await == json!(["AWSCURRENT"]);
        let is_over = is_over && ring["keys"].as_object().unwrap().len() == 1;
        if !is_over {
            let told = rotator(&vault).await.invoke(&asked(&vault, "tenant")).await.unwrap();
            let ended = (&told["version"], &told["left"], &told["done"]);
            assert_eq!(ended, (&json!(2), &json!(0), &json!(true)), "call {nth}");
        }
        is_all_under(&vault, 2, &customers).await;
        assert_eq!(of_all(&vault, Table::Records, &customers[..2]).await, records);
        if !is_killed {
            assert!(is_over && nth > 20, "it makes more calls than {nth}");
            break;
        }
    }
}

/// Changes the tenant's key in a process that is killed when its nth call to AWS was carried out; `false`: it made fewer,
/// and was through.
async fn is_killed_after(vault: &Scene, nth: usize) -> bool {
    let cutter = Cutter::start(&vault.cloud, nth, Cut::After).await;
    let doomed = Function::of(&vault.cloud, "rotate-keys").set("AWS_ENDPOINT_URL", cutter.url());
    let doomed = doomed.start().await.unwrap();
    let event = asked(vault, "tenant");
    let call = doomed.invoke(&event);
    tokio::pin!(call);
    tokio::select! {
        () = cutter.reached() => {
            doomed.kill().await;
            assert!(matches!(call.await, Err(Unanswered::Died { .. })));
            true
        }
        told = &mut call => {
            assert_eq!(told.unwrap()["done"], true);
            false
        }
    }
}

#[tokio::test]
async fn a_key_that_comes_late_from_the_dead_is_dropped_by_the_next() {
    let (vault, customers) = tenant_with(2).await;
    let faults = Faults::between(&vault.cloud).await;
    let dying = Function::of(&vault.cloud, "rotate-keys").set("AWS_ENDPOINT_URL_SECRETS_MANAGER", faults.gate.url());
    let dying = dying.start().await.unwrap();
    // The second one would have dropped the old version.
    let point = faults.script.arm_nth(Step::Ring, 2, Fault::HoldRequest);
    let event = asked(&vault, "tenant");
    let call = dying.invoke(&event);
    point.reached().await;
    dying.kill().await;
    assert!(call.await.is_err());
    let told = rotator(&vault).await.invoke(&event).await.unwrap();
    assert_eq!((&told["version"], &told["done"]), (&json!(2), &json!(true)));
    point.release().await;
    assert_eq!(labels(&vault).await, json!(["AWSCURRENT", "AWSPENDING"]));
    let told = rotator(&vault).await.invoke(&event).await.unwrap();
    assert_eq!((&told["version"], &told["done"]), (&json!(3), &json!(true)));
    is_all_under(&vault, 3, &customers).await;
}

#[tokio::test]
async fn who_wraps_a_new_key_while_the_tenants_changes_does_it_again() {
    let (vault, mut customers) = tenant().await;
    let faults = Faults::between(&vault.cloud).await;
    let slow = Function::of(&vault.cloud, "keep-customers").through(&faults);
    let slow = slow.start().await.unwrap();
    let newcomer = Uuid::new_v4();
    let point = faults.script.arm(Step::Store, Fault::HoldRequest);
    let call = slow.call(&vault.request("PUT", newcomer).json(&person("Bob")));
    point.reached().await;
    let told = rotator(&vault).await.invoke(&asked(&vault, "tenant")).await.unwrap();
    assert_eq!(told["done"], true);
    // Wrapped under a version that is gone.
    point.release().await;
    assert_eq!(call.await.unwrap().status, 201);
    customers.push(newcomer);
    is_all_under(&vault, 2, &customers).await;
}

#[tokio::test]
async fn who_asks_for_a_key_that_is_dropped_meanwhile_looks_again() {
    let (vault, mut customers) = tenant().await;
    let faults = Faults::between(&vault.cloud).await;
    let slow = Function::of(&vault.cloud, "keep-customers").set("AWS_ENDPOINT_URL_SECRETS_MANAGER", faults.gate.url());
    let slow = slow.start().await.unwrap();
    let (newcomer, rotating) = (Uuid::new_v4(), rotator(&vault).await);
    let point = faults.script.arm(Step::ReadRing, Fault::HoldRequest);
    let call = slow.call(&vault.request("PUT", newcomer).json(&person("Bob")));
    point.reached().await;
    assert_eq!(rotating.invoke(&asked(&vault, "tenant")).await.unwrap()["done"], true);
    // It has learnt which version new keys are wrapped under, and that one is gone.
    point.release().await;
    let made = call.await.unwrap();
    assert_eq!(made.status, 201, "{made:?}");
    customers.push(newcomer);
    is_all_under(&vault, 2, &customers).await;
}

#[tokio::test]
async fn a_rotation_waits_for_those_who_make_customers_at_that_moment() {
    let (vault, customers) = tenant().await;
    let faults = Faults::between(&vault.cloud).await;
    faults.script.arm(Step::Advance, Fault::Conflict);
    faults.script.arm_nth(Step::Rewrap, 2, Fault::Conflict);
    let rotating = rotator_through(&vault, &faults).start().await.unwrap();
    let told = rotating.invoke(&asked(&vault, "tenant")).await.unwrap();
    assert_eq!((&told["rewrapped"], &told["done"]), (&json!(CUSTOMERS), &json!(true)));
    is_all_under(&vault, 2, &customers).await;
}

#[tokio::test]
async fn rotations_at_once_lose_nobody() {
    let (vault, customers) = tenant().await;
    let rotators = join_all((0..3).map(|_| rotator(&vault))).await;
    let event = asked(&vault, "tenant");
    // Whoever is second may fail, and says so.
    join_all(rotators.iter().map(|rotator| rotator.invoke(&event))).await;
    let told = rotators[0].invoke(&event).await.unwrap();
    assert_eq!(told["done"], true);
    is_all_under(&vault, told["version"].as_u64().unwrap(), &customers).await;
}

#[tokio::test]
async fn a_rotation_that_comes_late_overwrites_no_key() {
    let (vault, customers) = tenant().await;
    let faults = Faults::between(&vault.cloud).await;
    let late = Function::of(&vault.cloud, "rotate-keys").set("AWS_ENDPOINT_URL_SECRETS_MANAGER", faults.gate.url());
    let late = late.start().await.unwrap();
    let point = faults.script.arm(Step::Ring, Fault::HoldRequest);
    let call = late.invoke(&asked(&vault, "tenant"));
    point.reached().await;
    let told = rotator(&vault).await.invoke(&asked(&vault, "tenant")).await.unwrap();
    assert_eq!(told["done"], true);
    // Made of the keys as they were before.
    point.release().await;
    let refused = call.await;
    assert!(
        matches!(&refused, Err(Unanswered::Failed(error)) if error["errorType"] == "VaultUnavailable"),
        "{refused:?}"
    );
    is_all_under(&vault, 2, &customers).await;
}

#[tokio::test]
async fn a_rotation_that_runs_out_of_time_says_so_and_goes_on() {
    let (vault, customers) = tenant().await;
    let short = Function::of(&vault.cloud, "rotate-keys").deadline(Duration::from_secs(10));
    let told = short
        .start()
        .await
        .unwrap()
        .invoke(&asked(&vault, "tenant"))
        .await
        .unwrap();
    let mut expected = json!({
        "tenant_id": vault.tenant, "version": 2, "rewrapped": 0, "left": 0, "after": null, "done": false,
    });
    assert_eq!(told, expected);
    let told = rotator(&vault).await.invoke(&asked(&vault, "tenant")).await.unwrap();
    expected["rewrapped"] = json!(CUSTOMERS);
    expected["done"] = json!(true);
    assert_eq!(told, expected);
    is_all_under(&vault, 2, &customers).await;
}

#[tokio::test]
async fn who_has_no_key_has_none_to_change() {
    let vault = Scene::new();
    let refused = rotator(&vault).await.invoke(&asked(&vault, "tenant")).await;
    assert!(
        matches!(&refused, Err(Unanswered::Failed(error)) if error["errorType"] == "NoKey"),
        "{refused:?}"
    );
}
