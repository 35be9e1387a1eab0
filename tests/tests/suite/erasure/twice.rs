//! Asked for more than once, and carried out in many places at once.

use futures_util::future::join_all;
use serde_json::json;
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Office, acts, audited, event};

async fn four(office: &Office) -> Vec<Function> {
    let start = || async { Function::of(&office.cloud, "erase-pii").start().await.unwrap() };
    join_all((0..4).map(|_| start())).await
}

#[tokio::test]
async fn four_at_once_carry_out_one_erasure_with_one_certificate() {
    let office = Office::open().await;
    let erasers = four(&office).await;
    for _ in 0..5 {
        let (erasure, (customer, account)) = (Uuid::new_v4(), office.customer("Ada").await);
        let event = event(erasure, office.tenant(), Some(customer));
        for answer in join_all(erasers.iter().map(|eraser| eraser.invoke(&event))).await {
            assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
        }
        office.certificate(erasure).await;
        office.is_gone(customer, account).await;
        assert_eq!(
            audited(&office.cloud, customer).await,
            acts(&[("erasure_asked", "done"), ("erasure_certified", "done")])
        );
    }
}

#[tokio::test]
async fn of_four_erasures_of_one_customer_one_is_certified_and_the_others_name_it() {
    let office = Office::open().await;
    let erasers = four(&office).await;
    let (customer, account) = office.customer("Ada").await;
    let ids: Vec<_> = erasers.iter().map(|_| Uuid::new_v4()).collect();
    let asked = erasers.iter().zip(&ids);
    let asked = asked.map(|(eraser, id)| eraser.invoke(&event(*id, office.tenant(), Some(customer))));
    for answer in join_all(asked).await {
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    }
    let (mut certified, mut repeats) = (Vec::new(), Vec::new());
    for id in &ids {
        let shown = office.erasure(*id).await;
        match shown["status"].as_str().unwrap() {
            "certified" => certified.push(*id),
            "repeated" => repeats.push((*id, shown["repeats"].clone())),
            other => panic!("{other}: {shown}"),
        }
    }
    assert_eq!((certified.len(), repeats.len()), (1, 3));
    office.certificate(certified[0]).await;
    for (id, of) in repeats {
        assert_eq!(of, json!(certified[0]));
        assert!(office.kept(id).await.is_empty());
    }
    office.is_gone(customer, account).await;
}
