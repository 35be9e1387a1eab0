//! Nothing of a person lies anywhere unsealed.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{Scene, Table, person};

#[tokio::test]
async fn no_byte_of_a_person_is_in_the_tables_the_secrets_or_the_logs() {
    let vault = Scene::new();
    let (function, customer) = (vault.function().await, Uuid::new_v4());
    let word = Uuid::new_v4().simple().to_string();
    let told = person(&word);
    assert_eq!(vault.keep(&function, customer, &told).await.status, 201);
    assert_eq!(vault.keep(&function, customer, &told).await.status, 200);
    vault.shown(&function, customer).await;
    // What is refused is not written down either, nor is what fails.
    let mut wrong = told.clone();
    wrong["phone"] = json!(word);
    assert_eq!(vault.keep(&function, customer, &wrong).await.status, 400);
    let mut record = vault.of_customer(Table::Records, customer).await;
    record.insert("version".to_owned(), AttributeValue::N("7".to_owned()));
    vault.put(Table::Records, record).await;
    let failed = vault.show(&function, customer).await;
    assert_eq!((failed.status, failed.problem().as_str()), (500, "internal"));

    let mut words: Vec<_> = texts(&told).into_iter().filter(|text| text.len() > 3).collect();
    words.push(word);
    let output = function.output();
    assert!(
        output.contains(&customer.to_string()),
        "the failure names the customer: {output}"
    );
    for hidden in words.iter().flat_map(|word| spellings(word)) {
        assert!(!output.contains(&hidden), "{hidden} in the log");
    }
    for table in [Table::Records, Table::Keys] {
        let items = vault.scan(table).await;
        assert!(!items.is_empty());
        for bytes in items.iter().flat_map(|item| item.values()).flat_map(bytes) {
            for hidden in words.iter().flat_map(|word| spellings(word)) {
                assert!(!contains(&bytes, hidden.as_bytes()), "{hidden} in {table:?}");
            }
        }
    }
    let (ring, _) = vault.ring().await;
    let key = ring["keys"]["1"].as_str().unwrap();
    assert!(!output.contains(key), "a key in the log");
    assert!(words.iter().all(|word| !ring.to_string().contains(word.as_str())));
}

/// Every string in it, names of members left out.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// How it could be written, besides sealed.
fn spellings(word: &str) -> [String; 4] {
    let hex = word.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    // What is certain of base64, wherever in the encoded text the word begins: the middle of it, at one alignment.
    [
        word.to_owned(),
        hex,
        STANDARD.encode(&word[..word.len() / 3 * 3]),
        URL_SAFE_NO_PAD.encode(word),
    ]
}

/// What a value of DynamoDB holds, as bytes.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other is written")]
fn bytes(value: &AttributeValue) -> Vec<Vec<u8>> {
    match value {
        AttributeValue::B(blob) => vec![blob.as_ref().to_vec()],
        AttributeValue::S(text) | AttributeValue::N(text) => vec![text.clone().into_bytes()],
        AttributeValue::Ss(texts) => texts.iter().map(|text| text.clone().into_bytes()).collect(),
        other => panic!("{other:?} is not written by the vault"),
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
