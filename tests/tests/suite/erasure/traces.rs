//! What is left in raw storage of somebody who was erased: looked for by values that were planted.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use tests::patience::until;
use uuid::Uuid;

use super::scene::{ERASURE, ERASURES, wanted};
use crate::api::merchant::Merchant;
use crate::api::operators::scene::Operator;
use crate::vault::scene::{Scene, Table, linking, over_http, person, with_customer};

/// Has all that is written to the bus lie in a queue of the test's own, which nobody reads. `given` is its name.
const LISTEN: &str = r#"
events, sqs = client("events"), client("sqs")
queue = sqs.create_queue(QueueName=given["name"])["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})})
everything = json.dumps({"source": [{"prefix": ""}]})
events.put_rule(Name=given["name"], EventBusName=given["bus"], EventPattern=everything)
events.put_targets(Rule=given["name"], EventBusName=given["bus"], Targets=[{"Id": "all", "Arn": arn}])
told = None
"#;

/// How a value could be written, besides sealed: by name.
fn needles(name: &str, bytes: &[u8]) -> Vec<(String, Value)> {
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut needles = vec![
        (format!("{name} as it is"), bytes.to_vec()),
        (format!("{name} in hex"), hex.into_bytes()),
    ];
    // What base64 makes of it, wherever in the encoded text it begins: less the characters that its neighbours share.
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        let whole = padded.len() / 3 * 3;
        let encoded = STANDARD.encode(&padded[..whole]);
        let shared = if before == 0 { 0 } else { 4 };
        needles.push((
            format!("{name} in base64 at {before}"),
            encoded.as_bytes()[shared..].to_vec(),
        ));
    }
    needles
        .into_iter()
        .map(|(name, bytes)| (name, json!(STANDARD.encode(bytes))))
        .collect()
}

/// A search of all there is for these, by name.
async fn search(cloud: &Cloud, needles: &Value) -> Value {
    let state = std::env::var("ONCELEDGER_CLOUD").unwrap();
    let postgres = &cloud.postgres;
    let given = json!({
        "needles": needles, "directory": Path::new(&state).parent(),
        "host": postgres.address.host, "port": postgres.address.port,
        "user": postgres.superuser, "database": postgres.database,
    });
    let told = cloud.ask(include_str!("traces.py"), &given).await;
    for place in ["table", "secret", "object", "log", "queue", "file", "dump"] {
        assert!(told["read"][place].as_u64() > Some(0), "{place}: {}", told["read"]);
    }
    told["found"].clone()
}

/// What was planted of a customer: the word that all is named by, the wrapped key and the record.
async fn plant(merchant: &Merchant, customer: Uuid, who: &str) -> Vec<(String, Value)> {
    let word = Uuid::new_v4().simple().to_string();
    let kept = merchant.send(&over_http("PUT", customer).json(&person(&word))).await;
    assert!([200, 201].contains(&kept.status), "{kept:?}");
    assert_eq!(merchant.send(&over_http("GET", customer)).await.status, 200);
    let vault = Scene::of(merchant.tenant);
    let key = vault.of_customer(Table::Keys, customer).await;
    let record = vault.of_customer(Table::Records, customer).await;
    let planted = [
        ("word", word.as_bytes()),
        ("wrapped key", key["wrapped"].as_b().unwrap().as_ref()),
        ("record", record["sealed"].as_b().unwrap().as_ref()),
    ];
    let named = planted
        .iter()
        .map(|(what, bytes)| needles(&format!("{who}'s {what}"), bytes));
    named.flatten().collect()
}

async fn erased(ada: &Operator, merchant: &Merchant, customer: Option<Uuid>) {
    let id = Uuid::new_v4();
    let ask = ApiRequest::to(ERASURES)
        .key(id)
        .json(&wanted(merchant.tenant, customer));
    let asked = ada.send(ask).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let inspect = || ApiRequest::to(ERASURE).path("erasure_id", id);
    until(
        async || Some(ada.send(inspect()).await.json()).filter(|shown| shown["status"] == "certified"),
        || "it was not carried out".to_owned(),
    )
    .await;
}

#[tokio::test]
async fn no_byte_of_who_was_erased_nor_of_the_wrapped_key_is_left_anywhere() {
    let cloud = Cloud::running();
    let listening = json!({"name": format!("all-{}", Uuid::new_v4()), "bus": cloud.resource("Events")});
    cloud.ask(LISTEN, &listening).await;
    let operator = Operator::named(&cloud, "ada");
    let (merchant, ada) = with_customer(&cloud).await;
    let mut all = plant(&merchant, ada, "Ada").await;
    all.extend(plant(&merchant, Uuid::new_v4(), "Bob").await);
    let (ring, _) = Scene::of(merchant.tenant).ring().await;
    let key = STANDARD.decode(ring["keys"]["1"].as_str().unwrap()).unwrap();
    all.extend(needles("the tenant's key", &key));
    // What must be found wherever it is looked for: the account, and the text that the merchant sends with a payment.
    merchant.send(&linking(ada, merchant.buyer)).await;
    merchant.deposit(merchant.buyer, 500).await;
    let mut payment = merchant.payment(100);
    let text = Uuid::new_v4().simple().to_string();
    payment["description"] = json!(text);
    let pay = ApiRequest::to("POST /v1/payments").key(Uuid::new_v4()).json(&payment);
    assert_eq!(merchant.send(&pay).await.status, 201);
    all.push(("the text".to_owned(), json!(STANDARD.encode(&text))));
    all.push((
        "the tenant".to_owned(),
        json!(STANDARD.encode(merchant.tenant.to_string())),
    ));
    let all: Value = all.into_iter().collect::<serde_json::Map<_, _>>().into();

    let secret = "the tenant's key in base64 at 0 in secret";
    let sealed = ["'s wrapped key as it is in table", "'s record as it is in table"];
    let of = |who: &str| sealed.map(|what| format!("{who}{what}"));
    let before = search(&cloud, &all).await;
    holds(
        &before,
        &[
            &of("Ada")[..],
            &of("Bob"),
            &[secret.to_owned(), "the text in dump".to_owned()],
        ]
        .concat(),
    );
    erased(&operator, &merchant, Some(ada)).await;
    let between = search(&cloud, &all).await;
    holds(
        &between,
        &[&of("Bob")[..], &[secret.to_owned(), "the tenant in queue".to_owned()]].concat(),
    );
    assert!(!between.to_string().contains("Ada"), "{between}");
    erased(&operator, &merchant, None).await;
    let after = search(&cloud, &all).await;
    holds(
        &after,
        &["the text in dump".to_owned(), "the tenant in queue".to_owned()],
    );
    for gone in ["Ada", "Bob", "the tenant's key"] {
        assert!(!after.to_string().contains(gone), "{after}");
    }
    // Their words were nowhere at any time.
    for found in [before, between, after] {
        assert!(!found.to_string().contains("word"), "{found}");
    }
}

fn holds(found: &Value, expected: &[String]) {
    let text = found.to_string();
    for what in expected {
        assert!(text.contains(what), "{what}: {text}");
    }
}
