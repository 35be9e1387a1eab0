//! Where consumers keep what they know: the bucket and the two tables.

use aws_sdk_dynamodb::types::{KeySchemaElement, PointInTimeRecoveryStatus, SseStatus, SseType, TimeToLiveStatus};
use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn the_archive_is_encrypted_closed_to_the_public_and_keeps_what_is_overwritten() {
    let cloud = Cloud::running();
    let script = r#"
s3, bucket = client("s3"), {"Bucket": given}
(encryption,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
(ownership,) = s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]["Rules"]
told = [
    encryption["ApplyServerSideEncryptionByDefault"], ownership["ObjectOwnership"],
    s3.get_bucket_versioning(**bucket)["Status"],
    s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"],
]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("Archive"))).await;
    let closed = json!({
        "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
    });
    assert_eq!(
        told,
        json!([{"SSEAlgorithm": "AES256"}, "BucketOwnerEnforced", "Enabled", closed])
    );
}

#[tokio::test]
async fn consumed_events_are_forgotten_in_time_and_contacts_can_be_erased_for_good() {
    let cloud = Cloud::running();
    let dynamodb = cloud.dynamodb();
    for (table, key, expires) in [("Consumed", "pk", Some("expires_at")), ("Contacts", "tenant_id", None)] {
        let name = cloud.resource(table);
        let described = dynamodb.describe_table().table_name(name).send().await.unwrap();
        let described = described.table().unwrap();
        let encryption = described.sse_description().unwrap();
        assert_eq!(
            (encryption.status(), encryption.sse_type()),
            (Some(&SseStatus::Enabled), Some(&SseType::Kms)),
            "{table}"
        );
        let keys: Vec<_> = described
            .key_schema()
            .iter()
            .map(KeySchemaElement::attribute_name)
            .collect();
        assert_eq!(keys, [key], "{table}");

        let lifetime = dynamodb.describe_time_to_live().table_name(name).send().await.unwrap();
        let lifetime = lifetime.time_to_live_description().unwrap();
        let enabled = lifetime.time_to_live_status() == Some(&TimeToLiveStatus::Enabled);
        assert_eq!(
            (enabled, lifetime.attribute_name()),
            (expires.is_some(), expires),
            "{table}"
        );

        // A backup would bring back what was erased.
        let backups = dynamodb
            .describe_continuous_backups()
            .table_name(name)
            .send()
            .await
            .unwrap();
        let backups = backups.continuous_backups_description().unwrap();
        let recovery = backups.point_in_time_recovery_description().unwrap();
        assert_eq!(
            recovery.point_in_time_recovery_status(),
            Some(&PointInTimeRecoveryStatus::Disabled),
            "{table}"
        );
    }
}
