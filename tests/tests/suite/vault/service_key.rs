//! Everything of a tenant is wrapped anew by the service's key.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::fault::{Fault, Faults, Step};
use uuid::Uuid;

use super::rotating::{CUSTOMERS, asked, is_all_under, of_all, rotator, rotator_through, tenant, tenant_with};
use super::scene::{Item, Scene, Table};

#[tokio::test]
async fn the_services_key_wraps_everything_anew_and_no_record_is_touched() {
    let (vault, customers) = tenant().await;
    let records = of_all(&vault, Table::Records, &customers).await;
    let (keys, ring) = (of_all(&vault, Table::Keys, &customers).await, vault.ring().await);
    let told = rotator(&vault).await.invoke(&asked(&vault, "service")).await.unwrap();
    assert_eq!(told, answer(&vault, CUSTOMERS, None, true));
    let anew = of_all(&vault, Table::Keys, &customers).await;
    assert_eq!(changed(&keys, &anew), [true; CUSTOMERS]);
    assert_eq!(
        vault.ring().await.0,
        ring.0,
        "the same keys in a secret that was sealed anew"
    );
    is_all_under(&vault, 1, &customers).await;
    assert_eq!(of_all(&vault, Table::Records, &customers).await, records);
}

#[tokio::test]
async fn whoever_is_at_a_customer_at_that_moment_hides_no_key_from_the_services() {
    let (vault, customers) = tenant().await;
    let keys = of_all(&vault, Table::Keys, &customers).await;
    let faults = Faults::between(&vault.cloud).await;
    // As when somebody is storing that customer.
    for nth in [1, 3, 4] {
        faults.script.arm_nth(Step::Rewrap, nth, Fault::Conflict);
    }
    let rotating = rotator_through(&vault, &faults).start().await.unwrap();
    let told = rotating.invoke(&asked(&vault, "service")).await.unwrap();
    assert_eq!(told, answer(&vault, CUSTOMERS, None, true));
    let anew = of_all(&vault, Table::Keys, &customers).await;
    assert_eq!(changed(&keys, &anew), [true; CUSTOMERS]);
    is_all_under(&vault, 1, &customers).await;
}

#[tokio::test]
async fn as_long_as_a_key_is_left_the_rotation_is_not_done() {
    let (vault, customers) = tenant_with(2).await;
    let keys = of_all(&vault, Table::Keys, &customers).await;
    let faults = Faults::between(&vault.cloud).await;
    let rotating = rotator_through(&vault, &faults).start().await.unwrap();
    // Each round of the first one's.
    for nth in 1..=8 {
        faults.script.arm_nth(Step::Rewrap, nth, Fault::Conflict);
    }
    let told = rotating.invoke(&asked(&vault, "service")).await.unwrap();
    let mut expected = answer(&vault, 1, None, false);
    expected["left"] = json!(1);
    assert_eq!(told, expected);
    let anew = of_all(&vault, Table::Keys, &customers).await;
    assert_eq!(changed(&keys, &anew), [false, true]);
    let told = rotating.invoke(&asked(&vault, "service")).await.unwrap();
    assert_eq!(told, answer(&vault, 2, None, true));
}

#[tokio::test]
async fn what_does_not_fit_into_one_run_is_done_by_the_next_from_there() {
    let (vault, customers) = tenant().await;
    let keys = of_all(&vault, Table::Keys, &customers).await;
    let faults = Faults::between(&vault.cloud).await;
    let short = rotator_through(&vault, &faults).deadline(Duration::from_millis(11_500));
    let short = short.start().await.unwrap();
    // The third customer's, and the same again, which is tried after a second. Ten seconds before the deadline is the end.
    let third = [3, 4].map(|nth| faults.script.arm_nth(Step::Rewrap, nth, Fault::HoldRequest));
    let began = Instant::now();
    let event = asked(&vault, "service");
    let call = short.invoke(&event);
    let release = async {
        third[0].reached().await;
        third[1].reached().await;
        tokio::time::sleep(Duration::from_millis(1_600).saturating_sub(began.elapsed())).await;
        for point in &third {
            point.release().await;
        }
    };
    let (told, ()) = tokio::join!(call, release);
    let told = told.unwrap();
    assert_eq!(told, answer(&vault, 3, Some(customers[2]), false));
    let between = of_all(&vault, Table::Keys, &customers).await;
    assert_eq!(changed(&keys, &between), [true, true, true, false, false, false]);

    let mut next = event;
    next["after"] = told["after"].clone();
    next["left"] = told["left"].clone();
    let told = rotator(&vault).await.invoke(&next).await.unwrap();
    assert_eq!(told, answer(&vault, 3, None, true));
    let anew = of_all(&vault, Table::Keys, &customers).await;
    assert_eq!(changed(&between, &anew), [false, false, false, true, true, true]);
    is_all_under(&vault, 1, &customers).await;
}

#[tokio::test]
async fn who_was_left_by_an_earlier_run_is_not_forgotten_by_a_later_one() {
    let (vault, customers) = tenant_with(2).await;
    let mut event = asked(&vault, "service");
    event["after"] = json!(customers[0]);
    event["left"] = json!(1);
    let told = rotator(&vault).await.invoke(&event).await.unwrap();
    let mut expected = answer(&vault, 1, None, false);
    expected["left"] = json!(1);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_does_not_open_holds_up_nobody_else_and_is_named() {
    let (vault, customers) = tenant().await;
    let keys = of_all(&vault, Table::Keys, &customers).await;
    let (mut swapped, mut unreadable) = (keys[1].clone(), keys[3].clone());
    swapped.insert("wrapped".to_owned(), keys[0]["wrapped"].clone());
    unreadable.insert("wrapped".to_owned(), AttributeValue::S("nothing".to_owned()));
    for tampered in [swapped, unreadable] {
        vault.put(Table::Keys, tampered).await;
    }
    let rotating = rotator(&vault).await;
    for (key, version, rewrapped) in [("service", 1, 4), ("tenant", 2, 4), ("tenant", 2, 0)] {
        let told = rotating.invoke(&asked(&vault, key)).await.unwrap();
        let mut expected = answer(&vault, rewrapped, None, false);
        expected["version"] = json!(version);
        expected["left"] = json!(2);
        assert_eq!(told, expected, "{key}");
    }
    let output = rotating.output();
    for named in [vault.tenant, customers[1], customers[3]] {
        assert!(output.contains(&named.to_string()), "{named} in {output}");
    }
    // The old key is kept for them, until they are put right or erased.
    let (ring, _) = vault.ring().await;
    assert_eq!(ring["keys"].as_object().unwrap().len(), 2);
    for customer in [customers[1], customers[3]] {
        vault.erase_key(customer).await;
    }
    let told = rotating.invoke(&asked(&vault, "tenant")).await.unwrap();
    assert_eq!((&told["left"], &told["done"]), (&json!(0), &json!(true)));
    is_all_under(&vault, 2, &[0, 2, 4, 5].map(|nth| customers[nth])).await;
}

/// Which of the keys were wrapped anew; each was, or nothing of it has changed.
fn changed(before: &[Item], after: &[Item]) -> Vec<bool> {
    let both = before.iter().zip(after);
    both.map(|(before, after)| {
        let changed = ["wrapped", "wrapped_sha256"].map(|name| before[name] != after[name]);
        assert_eq!(changed[0], changed[1]);
        changed[0]
    })
    .collect()
}

fn answer(vault: &Scene, rewrapped: usize, after: Option<Uuid>, done: bool) -> Value {
    json!({
        "tenant_id": vault.tenant, "version": 1, "rewrapped": rewrapped, "left": 0, "after": after, "done": done,
    })
}
