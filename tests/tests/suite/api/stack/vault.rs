//! The vault's tables and key, as they were deployed.

use aws_sdk_dynamodb::types::{BillingMode, PointInTimeRecoveryStatus, SseStatus, SseType};
use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn records_can_be_restored_and_keys_cannot_and_both_are_encrypted() {
    let cloud = Cloud::running();
    let dynamodb = cloud.dynamodb();
    for (logical, recovery) in [
        ("Customers", PointInTimeRecoveryStatus::Enabled),
        ("CustomerKeys", PointInTimeRecoveryStatus::Disabled),
    ] {
        let table = cloud.resource(logical);
        let backups = dynamodb
            .describe_continuous_backups()
            .table_name(table)
            .send()
            .await
            .unwrap();
        let backups = backups.continuous_backups_description().unwrap();
        let told = backups.point_in_time_recovery_description().unwrap();
        assert_eq!(told.point_in_time_recovery_status(), Some(&recovery), "{logical}");

        let described = dynamodb.describe_table().table_name(table).send().await.unwrap();
        let described = described.table().unwrap();
        let encryption = described.sse_description().unwrap();
        assert_eq!(
            (encryption.status(), encryption.sse_type()),
            (Some(&SseStatus::Enabled), Some(&SseType::Kms))
        );
        // Nothing of it goes anywhere else.
        assert_eq!(described.stream_specification(), None, "{logical}");
        let billing = described
            .billing_mode_summary()
            .and_then(|summary| summary.billing_mode());
        assert_eq!(billing, Some(&BillingMode::PayPerRequest));
    }
}

#[tokio::test]
async fn the_vaults_key_changes_every_year_and_is_no_deployers_to_use() {
    let cloud = Cloud::running();
    let script = r#"
kms = client("kms")
key = kms.describe_key(KeyId=given)["KeyMetadata"]
rotation = kms.get_key_rotation_status(KeyId=given)
policy = json.loads(kms.get_key_policy(KeyId=given, PolicyName="default")["Policy"])
told = [key["KeySpec"], key["KeyUsage"], rotation["KeyRotationEnabled"], rotation.get("RotationPeriodInDays"),
        {each["Sid"]: each.get("Condition") for each in policy["Statement"]}]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("VaultKey"))).await;
    assert_eq!(told[0], "SYMMETRIC_DEFAULT");
    assert_eq!(told[1], "ENCRYPT_DECRYPT");
    assert_eq!((&told[2], &told[3]), (&json!(true), &json!(365)));
    let users = &told[4]["TheVaultWraps"]["ArnEquals"]["aws:PrincipalArn"];
    let users: Vec<_> = users
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|arn| arn.as_str())
        .collect();
    assert_eq!(users.len(), 2, "{users:?}");
    assert!(
        users[0].contains("-KeepCustomersRole-") && users[1].contains("-RotateKeysRole-"),
        "{users:?}"
    );
}
