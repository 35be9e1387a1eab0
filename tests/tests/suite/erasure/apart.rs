//! An office of whose erasures nobody else knows.

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use uuid::Uuid;

use super::scene::Office;

const ITEM: &str = r#"
table = client("dynamodb")
key = {"pk": {"S": "erasure#" + given["erasure"]}}
told = table.get_item(TableName=given["table"], Key=key, ConsistentRead=True).get("Item")
"#;

const CHANGE: &str = r##"
client("dynamodb").update_item(
    TableName=given["table"], Key={"pk": {"S": "erasure#" + given["erasure"]}}, UpdateExpression=given["change"],
    ExpressionAttributeNames={"#status": "status"}, ExpressionAttributeValues={":status": {"S": given["status"]}, ":unfinished": {"S": "unfinished"}},
)
told = None
"##;

const TOLD: &str = r#"
sqs, told = client("sqs"), []
while messages := sqs.receive_message(QueueUrl=given, MaxNumberOfMessages=10, VisibilityTimeout=0 if told else 1).get("Messages"):
    for message in messages:
        sqs.delete_message(QueueUrl=given, ReceiptHandle=message["ReceiptHandle"])
        told.append(json.loads(message["Body"]))
"#;

/// The office, and what its own things are called. Customers' records lie with all others'.
pub struct Apart {
    pub office: Office,
    name: String,
    queue: Value,
}

impl Apart {
    pub async fn open() -> Self {
        Self::with(&["EVENT_BUS", "ERASURES_TABLE"]).await
    }

    /// With a table of keys of its own, too.
    pub async fn with_keys() -> Self {
        Self::with(&["EVENT_BUS", "ERASURES_TABLE", "CUSTOMER_KEYS_TABLE"]).await
    }

    async fn with(own: &[&'static str]) -> Self {
        let (cloud, name) = (Cloud::running(), Uuid::new_v4().to_string());
        let queue = cloud.ask(include_str!("apart.py"), &json!(name)).await;
        let settings: Vec<_> = own
            .iter()
            .map(|variable| (*variable, called(variable, &name)))
            .collect();
        let office = Office::with(&settings).await;
        Self { office, name, queue }
    }

    /// `erase-pii`, to be set up further.
    pub fn eraser(&self) -> Setup {
        let setup = Function::of(&self.office.cloud, "erase-pii");
        ["EVENT_BUS", "ERASURES_TABLE"]
            .into_iter()
            .fold(setup, |setup, variable| {
                setup.set(variable, called(variable, &self.name))
            })
    }

    /// The name of its table of keys.
    pub fn keys(&self) -> String {
        called("CUSTOMER_KEYS_TABLE", &self.name)
    }

    fn erasures(&self) -> String {
        called("ERASURES_TABLE", &self.name)
    }

    /// An erasure as it lies in the table; null: it does not.
    pub async fn item(&self, erasure: Uuid) -> Value {
        let given = json!({"table": self.erasures(), "erasure": erasure});
        self.office.cloud.ask(ITEM, &given).await
    }

    /// As if the table were restored from a time when the erasure was there: `asked` or `erased`.
    pub async fn restore(&self, erasure: Uuid, status: &str) {
        let later = match status {
            "asked" => "certificate_sha256, counted_to, swept, erased_at",
            _ => "certificate_sha256, counted_to",
        };
        let change = format!("SET #status = :status, unfinished = :unfinished REMOVE {later}");
        let given = json!({"table": self.erasures(), "erasure": erasure, "status": status, "change": change});
        self.office.cloud.ask(CHANGE, &given).await;
    }

    /// The events of this type that were told of an erasure since this was last asked, of which there must be some.
    pub async fn told(&self, kind: &str, erasure: Uuid) -> Vec<Value> {
        let ask = async || {
            let told = self.office.cloud.ask(TOLD, &self.queue).await;
            let mut told: Vec<Value> = serde_json::from_value(told).unwrap();
            told.retain(|event| event["detail-type"] == kind && event["detail"]["erasure_id"] == json!(erasure));
            (!told.is_empty()).then_some(told)
        };
        until(ask, || format!("no {kind} of {erasure} was told")).await
    }
}

fn called(variable: &str, name: &str) -> String {
    let of = match variable {
        "EVENT_BUS" => "bus",
        "ERASURES_TABLE" => "erasures",
        _ => "keys",
    };
    format!("{of}-{name}")
}
