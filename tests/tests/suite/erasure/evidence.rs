//! What a certificate says was looked at: it is, and nothing is certified if anything else is found.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::erasure::certificate::{Certificate, Destroyed};
use serde_json::{Value, json};
use tests::lambda::Function;
use uuid::Uuid;

use super::apart::Apart;
use super::scene::{Office, event};
use crate::vault::scene::{Table, person};

const RECOVERY: &str = r#"
wanted = {"PointInTimeRecoveryEnabled": given["on"]}
client("dynamodb").update_continuous_backups(TableName=given["table"], PointInTimeRecoverySpecification=wanted)
told = None
"#;
const STREAM: &str = r#"
wanted = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"} if given["on"] else {"StreamEnabled": False}
client("dynamodb").update_table(TableName=given["table"], StreamSpecification=wanted)
told = None
"#;

async fn is_refused(office: &Office, erasure: Uuid, customer: Option<Uuid>) {
    let answer = office.eraser.invoke(&event(erasure, office.tenant(), customer)).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
    assert_eq!(office.erasure(erasure).await["status"], "erased");
    assert!(office.kept(erasure).await.is_empty());
}

fn says(certificate: &Certificate) -> Value {
    serde_json::to_value(certificate).unwrap()
}

#[tokio::test]
async fn nothing_is_certified_while_the_table_of_keys_is_copied() {
    let apart = Apart::with_keys().await;
    let office = &apart.office;
    for (script, whole) in [(RECOVERY, false), (STREAM, false), (RECOVERY, true)] {
        let (customer, _) = office.customer("Ada").await;
        let turn = async |on: bool| {
            let given = json!({"table": apart.keys(), "on": on});
            office.cloud.ask(script, &given).await;
        };
        let (erasure, whom) = (Uuid::new_v4(), (!whole).then_some(customer));
        turn(true).await;
        is_refused(office, erasure, whom).await;
        assert_eq!(office.status(customer).await, 410, "what is destroyed is destroyed");
        turn(false).await;
        office.erase(erasure, whom).await;
        let certificate = office.certificate(erasure).await;
        assert!(says(&certificate)["proof"].to_string().contains("recovery is disabled"));
    }
    assert!(
        office
            .eraser
            .output()
            .contains("has point-in-time recovery or a stream")
    );
}

#[tokio::test]
async fn what_is_there_again_when_a_certificate_is_to_be_issued_keeps_it_from_being_issued() {
    for whole in [false, true] {
        let apart = Apart::open().await;
        let office = &apart.office;
        let (customer, account) = office.customer("Ada").await;
        let record = office.vault.of_customer(Table::Records, customer).await;
        let link = office
            .vault
            .item(Table::Keys, &format!("account#{account}"))
            .await
            .unwrap();
        let (erasure, whom) = (Uuid::new_v4(), (!whole).then_some(customer));
        office.erase(erasure, whom).await;
        let certified = office.erasure(erasure).await["certificate_sha256"].clone();
        let key = office.vault.of_customer(Table::Keys, customer).await;
        let mut opened = key.clone();
        opened.insert("wrapped".to_owned(), AttributeValue::B(b"wrapped".to_vec().into()));
        let mut linked = key.clone();
        linked.insert("accounts".to_owned(), AttributeValue::Ss(vec![account.to_string()]));
        let mut back = vec![
            (Table::Records, record, format!("a record of {}", whose(office, whom))),
            (
                Table::Keys,
                opened,
                format!("the key of {}", whose(office, Some(customer))),
            ),
            (
                Table::Keys,
                linked,
                format!("an account's link of {}", whose(office, Some(customer))),
            ),
        ];
        if whole {
            back.push((
                Table::Keys,
                link,
                format!("an account's link of {}", whose(office, None)),
            ));
        }
        for (table, item, found) in back {
            apart.restore(erasure, "erased").await;
            let sort = item["sk"].as_s().unwrap().clone();
            office.vault.put(table, item).await;
            let answer = office.eraser.invoke(&event(erasure, office.tenant(), whom)).await;
            assert_eq!(
                answer.unwrap(),
                json!({"batchItemFailures": [{"itemIdentifier": "1"}]}),
                "{found}"
            );
            assert_eq!(office.erasure(erasure).await["status"], "erased", "{found}");
            assert!(office.eraser.output().contains(&found), "{found}");
            if sort == format!("customer#{customer}") && matches!(table, Table::Keys) {
                office.vault.put(table, key.clone()).await;
            } else {
                office.vault.delete(table, &sort).await;
            }
        }
        office.erase(erasure, whom).await;
        assert_eq!(office.erasure(erasure).await["certificate_sha256"], certified);
    }
}

fn whose(office: &Office, customer: Option<Uuid>) -> String {
    match customer {
        Some(customer) => format!("customer {customer} of tenant {}", office.tenant()),
        None => format!("tenant {}", office.tenant()),
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_removed_and_one_that_is_not_there_is_not_said_to_be() {
    let office = Office::open().await;
    let ((ada, account), (bob, _)) = (office.customer("Ada").await, office.customer("Bob").await);
    let mut record = office.vault.of_customer(Table::Records, ada).await;
    record.retain(|name, _| ["pk", "sk", "sealed"].contains(&name.as_str()));
    office.vault.put(Table::Records, record).await;
    office.vault.delete(Table::Records, &format!("customer#{bob}")).await;
    let (of_ada, of_bob) = (Uuid::new_v4(), Uuid::new_v4());
    office.erase(of_ada, Some(ada)).await;
    office.erase(of_bob, Some(bob)).await;
    office.is_gone(ada, account).await;
    for (erasure, was_there) in [(of_ada, true), (of_bob, false)] {
        let certificate = office.certificate(erasure).await;
        let Destroyed::Subject { ciphertext_sha256, .. } = certificate.destroyed else {
            panic!("it is a person's");
        };
        assert_eq!(ciphertext_sha256.is_some(), was_there);
        let removed = says(&certificate)["proof"]
            .to_string()
            .contains("fingerprint is above, after its removal");
        assert_eq!(removed, was_there);
        assert!(
            says(&certificate)["remains"]
                .to_string()
                .contains("in the memory of a function")
        );
    }
}

#[tokio::test]
async fn a_tenants_keys_are_said_to_be_destroyed_when_they_are() {
    let apart = Apart::open().await;
    let office = &apart.office;
    office.customer("Ada").await;
    // Nobody listens at the discard port.
    let cut_off = apart
        .eraser()
        .set("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9");
    let (cut_off, erasure): (Function, _) = (cut_off.start().await.unwrap(), Uuid::new_v4());
    let answer = cut_off.invoke(&event(erasure, office.tenant(), None)).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
    let marked = office.erasure(erasure).await;
    assert_eq!(
        (&marked["status"], &marked["erased_at"]),
        (&json!("erasing"), &Value::Null)
    );
    // Nobody is stored from here on all the same.
    let late = office.vault.keep(&office.keeper, Uuid::new_v4(), &person("Bob")).await;
    assert_eq!(late.status, 410);
    let (ring, _) = office.vault.ring().await;
    assert_eq!(ring["current"], 1);
    let before = domain::answer::timestamp(time::OffsetDateTime::now_utc());
    office.erase(erasure, None).await;
    let erased_at = office.certificate(erasure).await.erased_at;
    assert!(erased_at > before, "{erased_at} {before}");
    assert_eq!(office.erasure(erasure).await["erased_at"], erased_at);
}
