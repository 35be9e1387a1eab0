//! Certificates in their bucket: one for each erasure, whatever else somebody puts there, and whoever issues it again.

use domain::digest::hash::Hash;
use domain::erasure::certificate::Certified;
use domain::signature::Signature;
use serde_json::{Value, json};
use tests::alarms::breaches;
use tests::api::ApiRequest;
use tests::lambda::Function;
use uuid::Uuid;

use super::apart::Apart;
use super::scene::event;
use crate::buckets::{new_bucket, put};

/// A signature of a text, by a key or a new one; and the ARN of the key.
const SIGN: &str = r#"
import base64, hashlib
kms = client("kms")
key = given["key"] or kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
text = given["text"].replace(given["named"], key)
digest = hashlib.sha256(text.encode()).digest()
made = kms.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
told = [text, base64.b64encode(made["Signature"]).decode()]
"#;

/// Puts more under the prefix of a certificate, and marks it as deleted.
const MEDDLE: &str = r#"
s3, key = client("s3"), f"certificates/{given['erasure']}.json"
s3.put_object(Bucket=given["bucket"], Key=key + "0", Body=b"more", ChecksumAlgorithm="SHA256")
s3.put_object(Bucket=given["bucket"], Key=key.removesuffix(".json"), Body=b"less", ChecksumAlgorithm="SHA256")
if given["mark"]:
    s3.delete_object(Bucket=given["bucket"], Key=key)
told = None
"#;

fn certificate(erasure: Uuid) -> ApiRequest {
    ApiRequest::to("GET /v1/compliance/erasures/{erasure_id}/certificate").path("erasure_id", erasure)
}

#[tokio::test]
async fn what_lies_beside_a_certificate_or_marks_it_as_deleted_is_not_taken_for_it() {
    let apart = Apart::open().await;
    let office = &apart.office;
    let (customer, _) = office.customer("Ada").await;
    let erasure = Uuid::new_v4();
    let meddle = async |mark: bool| {
        let given = json!({"bucket": office.cloud.resource("Certificates"), "erasure": erasure, "mark": mark});
        office.cloud.ask(MEDDLE, &given).await;
    };
    meddle(false).await;
    office.erase(erasure, Some(customer)).await;
    let kept = office.ask(certificate(erasure)).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    assert!(Certified::read(&kept.body).is_ok());
    meddle(true).await;
    apart.restore(erasure, "erased").await;
    office.erase(erasure, Some(customer)).await;
    assert_eq!(office.ask(certificate(erasure)).await.body, kept.body);
    let versions = office.kept(erasure).await;
    assert_eq!(versions.iter().filter(|version| **version == kept.body).count(), 1);
    assert_eq!(
        versions
            .iter()
            .filter(|version| Certified::read(version).is_ok())
            .count(),
        1
    );
}

#[tokio::test]
async fn a_certificate_in_other_words_or_by_a_former_key_stands_and_one_that_says_something_else_does_not() {
    let apart = Apart::open().await;
    let office = &apart.office;
    let (customer, _) = office.customer("Ada").await;
    let erasure = Uuid::new_v4();
    office.erase(erasure, Some(customer)).await;
    let issued = office.certificate(erasure).await;
    let former = json!(issued.key_id);
    let mut reworded = issued.clone();
    reworded.limit = "There is none.".to_owned();
    let mut elsewhere = issued.clone();
    elsewhere.customer_id = Some(Uuid::new_v4().into());
    for (certificate, key, stands) in [
        (&reworded, &former, true),
        (&reworded, &Value::Null, true),
        (&elsewhere, &former, false),
    ] {
        let given = json!({"key": key, "text": certificate.text(), "named": issued.key_id});
        let signed = office.cloud.ask(SIGN, &given).await;
        let [text, base64] = [0, 1].map(|at| signed[at].as_str().unwrap().to_owned());
        let key_id = issued.key_id.clone();
        let document = Certified::new(text, Signature { base64, key_id }).document();
        let bucket = new_bucket(&office.cloud, "certificates").await;
        put(
            &office.cloud,
            &bucket,
            &format!("certificates/{erasure}.json"),
            document.clone(),
        )
        .await;
        let doing_it_again: Function = apart
            .eraser()
            .set("CERTIFICATES_BUCKET", &bucket)
            .start()
            .await
            .unwrap();
        apart.restore(erasure, "erased").await;
        let answer = doing_it_again
            .invoke(&event(erasure, office.tenant(), Some(customer)))
            .await
            .unwrap();
        let shown = office.erasure(erasure).await;
        if stands {
            assert_eq!(answer, json!({"batchItemFailures": []}));
            assert_eq!(shown["certificate_sha256"], Hash::of(&document).to_string());
        } else {
            assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
            assert_eq!(shown["status"], "erased");
            assert!(doing_it_again.output().contains("another certificate is kept"));
            assert_eq!(breaches(&office.cloud, "ErasuresFailed", &doing_it_again).await, [1]);
        }
    }
    // Nor does one whose signature is another's.
    let unsigned = Certified::new(issued.text(), Signature::new(b"nothing", issued.key_id.clone())).document();
    let bucket = new_bucket(&office.cloud, "certificates").await;
    put(
        &office.cloud,
        &bucket,
        &format!("certificates/{erasure}.json"),
        unsigned,
    )
    .await;
    let doing_it_again: Function = apart
        .eraser()
        .set("CERTIFICATES_BUCKET", &bucket)
        .start()
        .await
        .unwrap();
    let answer = doing_it_again
        .invoke(&event(erasure, office.tenant(), Some(customer)))
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
}

#[tokio::test]
async fn an_erasure_whose_record_is_older_than_what_it_destroyed_ends_with_its_certificate() {
    for whole in [false, true] {
        let apart = Apart::open().await;
        let office = &apart.office;
        let (customer, account) = office.customer("Ada").await;
        let (erasure, whom) = (Uuid::new_v4(), (!whole).then_some(customer));
        office.erase(erasure, whom).await;
        let (before, issued) = (office.erasure(erasure).await, office.certificate(erasure).await);
        apart.restore(erasure, "asked").await;
        office.erase(erasure, whom).await;
        let after = office.erasure(erasure).await;
        assert_eq!(after["status"], "certified");
        assert_eq!(after["certificate_sha256"], before["certificate_sha256"]);
        if !whole {
            assert_eq!(after["erased_at"], issued.erased_at);
        }
        assert_eq!(office.certificate(erasure).await, issued);
        office.is_gone(customer, account).await;
    }
}
