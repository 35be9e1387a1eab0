//! A tenant with more customers than one run comes to.

use std::time::Duration;

use domain::digest::hash::Hash;
use domain::erasure::certificate::Destroyed;
use domain::erasure::{Count, Left};
use serde_json::{Value, json};
use tests::lambda::Function;
use uuid::Uuid;

use super::apart::Apart;
use super::scene::event;
use crate::vault::scene::Table;

/// Keys and records of customers of a tenant as the vault writes them, but of nobody. Or their records alone: put back.
const PLANT: &str = r#"
import hashlib
def text(value):
    return {"S": str(value)}
def put(table, items):
    for at in range(0, len(items), 25):
        batch = [{"PutRequest": {"Item": item}} for item in items[at:at + 25]]
        client("dynamodb").batch_write_item(RequestItems={table: batch})
place = lambda customer: {"pk": text("tenant#" + given["tenant"]), "sk": text("customer#" + customer)}
number, sealed = {"N": "1"}, lambda customer: ("sealed " + customer).encode()
wrapped = lambda customer: {"wrapped": {"B": customer.encode()}, "wrapped_sha256": text(hashlib.sha256(customer.encode()).hexdigest())}
active = {"state": text("active"), "generation": number, "tenant_key": number}
record = {"generation": number, "version": number, "updated_at": text("2026-11-23T10:00:00.000000Z")}
if given["keys"]:
    put(given["keys"], [place(each) | active | wrapped(each) for each in given["customers"]])
put(given["records"], [place(each) | record | {"sealed": {"B": sealed(each)}} for each in given["customers"]])
told = None
"#;

/// Pages of keys are of a hundred.
const CROWD: usize = 250;
/// An erasure begins nothing further so long before its deadline; a page goes beyond what is left here.
const SHORT: Duration = Duration::from_millis(15_150);

async fn plant(apart: &Apart, customers: &[Uuid], with_keys: bool) {
    let vault = &apart.office.vault;
    let given = json!({
        "tenant": apart.office.tenant(), "customers": customers,
        "keys": with_keys.then(|| vault.table(Table::Keys)), "records": vault.table(Table::Records),
    });
    apart.office.cloud.ask(PLANT, &given).await;
}

async fn records(apart: &Apart, customers: &[Uuid]) -> usize {
    let mut there = 0;
    for customer in customers {
        let sort = format!("customer#{customer}");
        there += usize::from(apart.office.vault.item(Table::Records, &sort).await.is_some());
    }
    there
}

/// Carries an erasure out in runs that each have no time, as often as it is handed on. Returns how many there were.
async fn carried_out(apart: &Apart, short: &Function, erasure: Uuid) -> usize {
    let dealt_with = json!({"batchItemFailures": []});
    for run in 1..=60 {
        let answer = short
            .invoke(&event(erasure, apart.office.tenant(), None))
            .await
            .unwrap();
        assert_eq!(answer, dealt_with);
        if apart.item(erasure).await.get("unfinished").is_none() {
            return run;
        }
        // Nobody has to think of it: it is told again each time.
        apart.told("compliance.erasure-requested", erasure).await;
    }
    panic!("it does not end: {}", apart.item(erasure).await);
}

#[tokio::test]
async fn a_crowd_is_erased_counted_and_certified_in_as_many_runs_as_it_takes() {
    let apart = Apart::open().await;
    let office = &apart.office;
    let short = apart.eraser().deadline(SHORT).start().await.unwrap();
    let (ada, _) = office.customer("Ada").await;
    let mut customers: Vec<_> = (0..CROWD).map(|_| Uuid::new_v4()).collect();
    plant(&apart, &customers, true).await;
    let record = office.vault.of_customer(Table::Records, ada).await;
    let wrapped = office.vault.of_customer(Table::Keys, ada).await["wrapped_sha256"]
        .as_s()
        .unwrap()
        .clone();
    let erasure = Uuid::new_v4();
    let runs = carried_out(&apart, &short, erasure).await;
    assert!(runs > 2, "{runs}");
    // The chain is what anybody makes of the fingerprints.
    customers.push(ada);
    customers.sort_unstable();
    let count = customers.iter().fold(Count::none(), |count, customer| {
        let left = if *customer == ada {
            let sealed = record["sealed"].as_b().unwrap();
            (wrapped.parse().unwrap(), Hash::of(sealed.as_ref()))
        } else {
            let (key, sealed) = (customer.to_string(), format!("sealed {customer}"));
            (Hash::of(key.as_bytes()), Hash::of(sealed.as_bytes()))
        };
        let left = Left {
            customer: (*customer).into(),
            erasure: erasure.into(),
            wrapped: left.0,
            sealed: Some(left.1),
        };
        count.with(&left, erasure.into())
    });
    let certificate = office.certificate(erasure).await;
    let expected = Destroyed::Tenant {
        secret: office.vault.secret(),
        customers: CROWD as u64 + 1,
        erased_before: 0,
        customers_sha256: count.chain,
    };
    assert_eq!(certificate.destroyed, expected);
    assert_eq!(records(&apart, &customers).await, 0);
    let completed = apart.told("compliance.erasure-completed", erasure).await;
    assert_eq!(completed.len(), 1);

    // Yesterday's records come back, and are removed in as many runs again.
    plant(&apart, &customers, false).await;
    assert_eq!(records(&apart, &customers).await, CROWD + 1);
    let again = Uuid::new_v4();
    let runs = carried_out(&apart, &short, again).await;
    assert!(runs > 2, "{runs}");
    assert_eq!(records(&apart, &customers).await, 0);
    let shown = office.erasure(again).await;
    assert_eq!(
        (&shown["status"], &shown["repeats"]),
        (&json!("repeated"), &json!(erasure))
    );
    let still: Value = office.eraser.invoke(&json!({"still_for_seconds": 0})).await.unwrap();
    assert_eq!(still, json!({"carried_on": 0}));
}
