//! Two who meet: each is held on the wire until the other is through.

use futures_util::future::join_all;
use serde_json::json;
use tests::api::ApiRequest;
use tests::fault::{Fault, Faults, Point, Step};
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use super::holds::turning;
use super::scene::{ADA, Office, event, secrets};
use crate::vault::scene::{Table, linking};

/// One of the office's functions that is slow at its next transaction, which the service sees when the point is released.
async fn slow(office: &Office, name: &str, step: Step) -> (Function, Faults, Point) {
    let faults = Faults::between(&office.cloud).await;
    let function = Function::of(&office.cloud, name).set("AWS_ENDPOINT_URL_DYNAMODB", faults.gate.url());
    let function = function.start().await.unwrap();
    let point = faults.script.arm_all(step, Fault::HoldRequest);
    (function, faults, point)
}

fn dealt_with() -> serde_json::Value {
    json!({"batchItemFailures": []})
}

#[tokio::test]
async fn a_hold_that_comes_between_the_look_and_the_destruction_holds() {
    for is_whole in [false, true] {
        let office = Office::open().await;
        let (customer, _) = office.customer("Ada").await;
        let (slow, _faults, point) = slow(&office, "erase-pii", Step::Store).await;
        let erasure = Uuid::new_v4();
        let call = slow.invoke(&event(erasure, office.tenant(), (!is_whole).then_some(customer)));
        point.reached().await;
        let set = office.ask(turning("PUT", office.tenant(), Some(customer))).await;
        assert_eq!(set.status, 200, "{set:?}");
        point.release().await;
        assert_eq!(call.await.unwrap(), dealt_with());
        let shown = office.erasure(erasure).await;
        assert_eq!((&shown["status"], &shown["hold"]), (&json!("blocked"), &set.json()));
        assert_eq!(office.status(customer).await, 200);
    }
}

#[tokio::test]
async fn a_hold_that_comes_too_late_says_so() {
    for is_whole in [false, true] {
        let office = Office::open().await;
        let (customer, account) = office.customer("Ada").await;
        let (slow, _faults, point) = slow(&office, "erase-pii", Step::Store).await;
        let call = slow.call(&turning("PUT", office.tenant(), Some(customer)).signed_by(ADA));
        point.reached().await;
        let erasure = Uuid::new_v4();
        office.erase(erasure, (!is_whole).then_some(customer)).await;
        point.release().await;
        let late = call.await.unwrap();
        assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
        assert_eq!(office.erasure(erasure).await["status"], "certified");
        office.is_gone(customer, account).await;
    }
}

#[tokio::test]
async fn of_a_customers_erasure_and_its_tenants_the_later_one_gives_way() {
    for whole_first in [false, true] {
        let office = Office::open().await;
        let (customer, account) = office.customer("Ada").await;
        let (whole, single) = (Uuid::new_v4(), Uuid::new_v4());
        let (slow, _faults, point) = slow(&office, "erase-pii", Step::Store).await;
        let (first, second) = if whole_first {
            ((whole, None), (single, Some(customer)))
        } else {
            ((single, Some(customer)), (whole, None))
        };
        let call = slow.invoke(&event(second.0, office.tenant(), second.1));
        point.reached().await;
        office.erase(first.0, first.1).await;
        point.release().await;
        assert_eq!(call.await.unwrap(), dealt_with());
        office.is_gone(customer, account).await;
        let shown = office.erasure(single).await;
        if whole_first {
            assert_eq!(
                (&shown["status"], &shown["repeats"]),
                (&json!("repeated"), &json!(whole))
            );
        } else {
            assert_eq!(shown["status"], "certified");
        }
        assert_eq!(office.erasure(whole).await["status"], "certified");
        let destroyed = serde_json::to_value(office.certificate(whole).await.destroyed).unwrap();
        assert_eq!(
            (&destroyed["customers"], &destroyed["erased_before"]),
            (&json!(1), &json!(u64::from(!whole_first)))
        );
    }
}

#[tokio::test]
async fn of_erasures_of_one_tenant_and_its_customers_at_once_each_is_certified_once() {
    let office = Office::open().await;
    let mut customers = Vec::new();
    for word in ["Ada", "Bob"] {
        customers.push(office.customer(word).await);
    }
    let start = || async { Function::of(&office.cloud, "erase-pii").start().await.unwrap() };
    let erasers = join_all((0..4).map(|_| start())).await;
    let whom = [None, None, Some(customers[0].0), Some(customers[1].0)];
    let ids: Vec<_> = whom.iter().map(|_| Uuid::new_v4()).collect();
    let calls = erasers.iter().zip(&ids).zip(whom);
    let calls = calls.map(|((eraser, id), whom)| eraser.invoke(&event(*id, office.tenant(), whom)));
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap(), dealt_with());
    }
    let mut certified = 0;
    for (id, whom) in ids.iter().zip(whom) {
        let shown = office.erasure(*id).await;
        match shown["status"].as_str().unwrap() {
            "certified" => {
                office.certificate(*id).await;
                certified += u32::from(whom.is_none());
            }
            "repeated" => assert!(ids.iter().any(|other| shown["repeats"] == json!(other)), "{shown}"),
            other => panic!("{other}: {shown}"),
        }
    }
    assert_eq!(certified, 1);
    for (customer, account) in customers {
        office.is_gone(customer, account).await;
    }
    assert!(!secrets(&office.cloud).await.contains(&office.vault.secret()));
}

#[tokio::test]
async fn a_rotation_that_is_overtaken_by_an_erasure_brings_no_key_back() {
    for is_whole in [false, true] {
        let office = Office::open().await;
        let (customer, account) = office.customer("Ada").await;
        let (rotating, _faults, point) = slow(&office, "rotate-keys", Step::Rewrap).await;
        let call = rotating.invoke(&json!({"key": "tenant", "tenant_id": office.tenant()}));
        point.reached().await;
        let erasure = Uuid::new_v4();
        office.erase(erasure, (!is_whole).then_some(customer)).await;
        point.release().await;
        // Of a tenant that is gone it may fail.
        let _ = call.await;
        office.is_gone(customer, account).await;
        office.certificate(erasure).await;
        assert_eq!(secrets(&office.cloud).await.contains(&office.vault.secret()), !is_whole);
    }
}

#[tokio::test]
async fn a_link_that_is_overtaken_by_an_erasure_links_nobody() {
    for is_whole in [false, true] {
        let office = Office::open().await;
        let (customer, account) = office.customer("Ada").await;
        let (slow, _faults, point) = slow(&office, "keep-customers", Step::Store).await;
        let another = office.merchant.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
        let link: ApiRequest = linking(customer, another).from_tenant(office.tenant(), Scope::Merchant);
        let call = slow.call(&link);
        point.reached().await;
        office.erase(Uuid::new_v4(), (!is_whole).then_some(customer)).await;
        point.release().await;
        let mut late = call.await.unwrap();
        // Held for longer than the vault waits, it is asked to come again.
        if late.status == 503 {
            late = office.keeper.call(&link).await.unwrap();
        }
        assert_eq!((late.status, late.problem().as_str()), (410, "customer-erased"));
        office.is_gone(customer, account).await;
        assert_eq!(
            office.vault.item(Table::Keys, &format!("account#{another}")).await,
            None
        );
    }
}
