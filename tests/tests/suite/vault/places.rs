//! What lies in another place than it was sealed for does not open, and neither does what somebody has changed.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tests::alarms::breaches;
use tests::lambda::Function;
use uuid::Uuid;

use super::scene::{Item, Scene, Table, person};

#[tokio::test]
async fn a_record_opens_nowhere_but_where_it_was_stored() {
    let (vault, other) = (Scene::new(), Scene::new());
    let function = vault.function().await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    for (scene, customer) in [(&vault, ada), (&vault, bob), (&other, ada)] {
        assert_eq!(scene.keep(&function, customer, &person("Ada")).await.status, 201);
    }
    let adas = vault.of_customer(Table::Records, ada).await;
    // Moved to another customer, or to the same one of another tenant.
    vault.put(Table::Records, placed(&adas, &vault, bob)).await;
    does_not_open(&vault, &function, bob).await;
    other.put(Table::Records, placed(&adas, &other, ada)).await;
    does_not_open(&other, &function, ada).await;
    // As another version, or of another generation of the key.
    for name in ["version", "generation"] {
        vault.put(Table::Records, with(&adas, name, number("2"))).await;
        does_not_open(&vault, &function, ada).await;
    }
    vault.put(Table::Records, changed(&adas, "sealed", 40)).await;
    does_not_open(&vault, &function, ada).await;
    breaches(&vault.cloud, "VaultDoesNotOpen", &function).await;
    vault.put(Table::Records, adas).await;
    vault.shown(&function, ada).await;
}

#[tokio::test]
async fn a_wrapped_key_serves_nobody_but_its_customer() {
    let (vault, other) = (Scene::new(), Scene::new());
    let writer = vault.function().await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    for (scene, customer) in [(&vault, ada), (&vault, bob), (&other, ada)] {
        assert_eq!(scene.keep(&writer, customer, &person("Ada")).await.status, 201);
    }
    let key = vault.of_customer(Table::Keys, ada).await;
    let record = vault.of_customer(Table::Records, ada).await;
    // With its record, so that nothing but the key could be in the way.
    for (scene, customer) in [(&vault, bob), (&other, ada)] {
        scene.put(Table::Keys, placed(&key, scene, customer)).await;
        scene.put(Table::Records, placed(&record, scene, customer)).await;
        does_not_open(scene, &vault.function().await, customer).await;
    }
    // As another generation, under another tenant's key, or changed.
    for changed in [
        with(&key, "generation", number("2")),
        changed(&key, "wrapped", 90),
        changed(&key, "wrapped", 130),
    ] {
        vault.put(Table::Keys, changed).await;
        does_not_open(&vault, &vault.function().await, ada).await;
    }
    let script = r#"
secrets = client("secretsmanager")
theirs = secrets.get_secret_value(SecretId=given[1])["SecretString"]
ours = secrets.get_secret_value(SecretId=given[0])["SecretString"]
secrets.put_secret_value(SecretId=given[0], SecretString=theirs)
told = ours
"#;
    vault.put(Table::Keys, key).await;
    let ours = vault.cloud.ask(script, &json!([vault.secret(), other.secret()])).await;
    does_not_open(&vault, &vault.function().await, ada).await;
    let back = r#"told = client("secretsmanager").put_secret_value(SecretId=given[0], SecretString=given[1])["Name"]"#;
    vault.cloud.ask(back, &json!([vault.secret(), ours])).await;
    vault.shown(&vault.function().await, ada).await;
}

#[tokio::test]
async fn the_key_service_itself_unwraps_for_the_customer_alone() {
    let vault = Scene::new();
    let (function, ada) = (vault.function().await, Uuid::new_v4());
    vault.keep(&function, ada, &person("Ada")).await;
    let key = vault.of_customer(Table::Keys, ada).await;
    let AttributeValue::B(wrapped) = &key["wrapped"] else {
        panic!("a wrapped key is binary");
    };
    let script = r#"
import base64, botocore.exceptions
def unwrapped(**context):
    try:
        blob = client("kms").decrypt(CiphertextBlob=base64.b64decode(given["wrapped"]), EncryptionContext=context)["Plaintext"]
        return len(blob)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
tenant, subject, other = given["tenant"], given["subject"], given["other"]
told = [unwrapped(tenant=tenant, subject=subject), unwrapped(tenant=tenant, subject=other), unwrapped(tenant=other, subject=subject), unwrapped()]
"#;
    let given = json!({
        "wrapped": STANDARD.encode(wrapped.as_ref()), "tenant": vault.tenant,
        "subject": ada, "other": Uuid::new_v4(),
    });
    let no = "InvalidCiphertextException";
    // What comes out is still sealed under the tenant's key: format, nonce, key and tag.
    assert_eq!(
        vault.cloud.ask(script, &given).await,
        json!([1 + 24 + 32 + 16, no, no, no])
    );
}

async fn does_not_open(vault: &Scene, function: &Function, customer: Uuid) {
    let answer = vault.show(function, customer).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (500, "internal"),
        "{answer:?}"
    );
    assert!(function.output().contains("does not open"), "{}", function.output());
    assert!(function.output().contains("VaultDoesNotOpen"), "somebody is called");
}

/// The same item at another customer's place.
fn placed(item: &Item, vault: &Scene, customer: Uuid) -> Item {
    let item = with(item, "pk", AttributeValue::S(format!("tenant#{}", vault.tenant)));
    with(&item, "sk", AttributeValue::S(format!("customer#{customer}")))
}

fn with(item: &Item, name: &str, value: AttributeValue) -> Item {
    let mut item = item.clone();
    item.insert(name.to_owned(), value);
    item
}

fn number(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

/// One bit of a binary changed.
fn changed(item: &Item, name: &str, at: usize) -> Item {
    let AttributeValue::B(blob) = &item[name] else {
        panic!("{name} is binary");
    };
    let mut bytes = blob.as_ref().to_vec();
    bytes[at] ^= 1;
    with(item, name, AttributeValue::B(Blob::new(bytes)))
}
