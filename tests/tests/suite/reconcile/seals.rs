//! Sealing the books, and what becomes of them afterwards.

mod blindness;
mod chain;
mod junk;
mod leaves;
mod nightly;
mod proofs;
mod recipe;
mod sealing;
mod slices;
mod tampering;

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use tokio_postgres::Client;
use uuid::Uuid;

use super::scene::{NO_MACHINE, Said, reconciler};
use crate::ledger::merchant::Merchant;

/// A ledger of the test's own and a bucket for its seals.
struct Books {
    cloud: Cloud,
    bucket: String,
    reconcile: Function,
    poster: Client,
    merchant: Merchant,
    buyer: Uuid,
    till: Uuid,
}

impl Books {
    async fn open(cloud: Cloud) -> Self {
        let bucket = format!("seals-{}", Uuid::new_v4());
        let script = r#"
here = {"LocationConstraint": region}
told = client("s3").create_bucket(Bucket=given, CreateBucketConfiguration=here, ObjectLockEnabledForBucket=True)["Location"]
"#;
        cloud.ask(script, &json!(bucket)).await;
        let reconcile = setup(&cloud, &bucket).start().await.unwrap();
        let merchant = Merchant::onboard(&cloud).await;
        Self {
            buyer: merchant.buyer(1_000_000).await,
            till: merchant.till().await,
            poster: cloud.pooled_as("poster").await,
            merchant,
            bucket,
            reconcile,
            cloud,
        }
    }

    fn setup(&self) -> Setup {
        setup(&self.cloud, &self.bucket)
    }

    /// Posts a payment of that many minor units; its id.
    async fn pay(&self, amount: i64) -> Uuid {
        let payment = self.merchant.payment(self.buyer, self.till, amount);
        let decision = payment.decide(&self.poster).await;
        assert_eq!(decision.told(), ("recorded", "posted"));
        decision.key
    }

    /// Seals once; what the function says of it.
    async fn seal(&self) -> Value {
        sealed_by(&self.reconcile).await
    }

    /// Seals until that many more transactions are sealed: other tests' transactions hold the horizon back for a moment.
    async fn seal_all(&self, transactions: u64) {
        let mut left = transactions;
        while left > 0 {
            let told = until(
                || async {
                    let told = self.seal().await;
                    (told["outcome"] != "nothing_new").then_some(told)
                },
                || "nothing new to seal".to_owned(),
            )
            .await;
            assert_eq!(told["outcome"], "sealed", "{told}");
            left = left.checked_sub(told["transactions"].as_u64().unwrap()).unwrap();
        }
    }

    /// What the nightly check says.
    async fn check(&self) -> Said {
        Said::by(&self.reconcile, "seals").await
    }

    /// Severity, kind and subject of what the nightly check finds.
    async fn found(&self) -> Vec<(String, String)> {
        let said = self.check().await;
        let findings = said.findings().into_iter();
        let found = findings.map(|(severity, what, subject)| {
            assert_eq!(severity, "critical");
            (what.to_owned(), subject.to_owned())
        });
        found.collect()
    }

    /// Kind and subject of what the comparison of every seal finds, one seal at a time.
    async fn compared(&self) -> Vec<(String, String)> {
        compared_by(&self.reconcile).await
    }

    /// Runs Python with the bucket, the key, and the names of what lies among the seals, in order.
    async fn at_the_bucket(&self, script: &str) -> Value {
        let begin = r#"
bucket, signing = given
s3, kms = client("s3"), client("kms")
seals = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="seals/").get("Contents", [])]
def read(name):
    return json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
def signed(text):
    import base64, hashlib
    digest = hashlib.sha256(text.encode()).digest()
    made = kms.sign(KeyId=signing, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    return {"seal": text, "signature": base64.b64encode(made["Signature"]).decode(), "algorithm": "ECDSA_SHA_256", "key_id": made["KeyId"]}
def put(name, document):
    s3.put_object(Bucket=bucket, Key=name, Body=json.dumps(document))
def remove(prefix):
    for each in s3.list_object_versions(Bucket=bucket, Prefix=prefix).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
told = None
"#;
        let given = json!([self.bucket, self.cloud.resource("DigestKey")]);
        self.cloud.ask(&format!("{begin}{script}"), &given).await
    }

    /// The ids that the seals' files of leaves hold, sorted; one that is sealed twice is there twice.
    async fn sealed_ids(&self) -> Vec<Uuid> {
        let script = r#"
import uuid
told = []
for name in seals:
    seal = json.loads(read(name)["seal"])
    for file in seal["leaves"]:
        leaves = s3.get_object(Bucket=bucket, Key="leaves/%020d/%s.bin" % (seal["from_transaction"], file["sha256"]))["Body"].read()
        told += [str(uuid.UUID(bytes=leaves[at:at + 16])) for at in range(0, len(leaves), 48)]
told.sort()
"#;
        let told = self.at_the_bucket(script).await;
        let ids = told.as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().parse().unwrap()).collect()
    }

    /// The ids of all transactions that have entries, sorted.
    async fn posted_ids(&self) -> Vec<Uuid> {
        let sql = "SELECT DISTINCT transaction_id FROM ledger.ledger_entries ORDER BY transaction_id";
        let rows = self.cloud.superuser().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until all that was posted can be sealed: other tests' transactions hold the horizon back for a moment.
    async fn settled(&self) {
        let superuser = self.cloud.superuser().await;
        let sql =
            "SELECT coalesce(max(posted_in), '0') < pg_snapshot_xmin(pg_current_snapshot()) FROM ledger.ledger_entries";
        let is_settled = || async {
            superuser
                .query_one(sql, &[])
                .await
                .unwrap()
                .get::<_, bool>(0)
                .then_some(())
        };
        until(is_settled, || "a transaction stays open".to_owned()).await;
    }

    /// Every seal's text, in order.
    async fn seals(&self) -> Vec<Value> {
        let script = r#"
s3 = client("s3")
listed = s3.list_objects_v2(Bucket=given, Prefix="seals/").get("Contents", [])
told = [json.loads(json.loads(s3.get_object(Bucket=given, Key=each["Key"])["Body"].read())["seal"]) for each in listed]
"#;
        let told = self.cloud.ask(script, &json!(self.bucket)).await;
        told.as_array().unwrap().clone()
    }
}

async fn compared_by(reconcile: &Function) -> Vec<(String, String)> {
    let (mut event, mut told, mut compared) = (json!({"seals": {"done": 0, "most": 1}}), Vec::new(), 0);
    loop {
        let report = reconcile.invoke(&event).await.unwrap();
        let section = &report["sections"][0];
        assert_eq!(section["name"], "sealed_rows", "{report}");
        compared += 1;
        let of = section["counts"]["of"].as_u64().unwrap();
        assert_eq!(section["counts"]["compared"], compared.min(of), "{section}");
        for finding in section["findings"].as_array().unwrap() {
            assert_eq!(finding["severity"], "critical");
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            told.push((text("what"), text("subject")));
        }
        event = report["next"].clone();
        if event.is_null() {
            assert!(compared >= of, "{section}");
            return told;
        }
    }
}

fn setup(cloud: &Cloud, bucket: &str) -> Setup {
    // Neither the gate nor a machine is there: their checks fail, which is not what is looked at here.
    reconciler(cloud, "no-gate", NO_MACHINE).set("DIGEST_BUCKET", bucket)
}

fn kinds(found: &[(String, String)]) -> Vec<&str> {
    found.iter().map(|(what, _)| what.as_str()).collect()
}

/// What came of sealing: how much, and how it ended, or why it failed.
async fn sealed_by(reconcile: &Function) -> Value {
    let report = reconcile.invoke(&json!({"seal": true})).await.unwrap();
    let section = report["sections"].as_array().unwrap().last().unwrap();
    assert_eq!(section["name"], "sealing", "{report}");
    let counts = &section["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap_or_default();
    let ended = ["nothing_new", "stands", "out_of_time"]
        .into_iter()
        .find(|name| count(name) > 0);
    json!({
        "failed": section["failed"],
        "outcome": if section["failed"].is_null() { json!(ended.unwrap_or("sealed")) } else { Value::Null },
        "seals": count("seals"),
        "transactions": count("transactions"),
    })
}
