use serde_json::{Value, json};

use super::{Template, arn, is_denied_to_all, list};

#[tokio::test]
async fn nothing_is_kept_unencrypted() {
    let template = Template::read().await;
    for (table, properties) in template.of("AWS::DynamoDB::Table") {
        assert_eq!(properties["SSESpecification"]["SSEEnabled"], true, "{table}");
        assert_eq!(properties["SSESpecification"]["SSEType"], "KMS", "{table}");
    }
    for (queue, properties) in template.of("AWS::SQS::Queue") {
        let ours = !properties["KmsMasterKeyId"].is_null();
        assert!(properties["SqsManagedSseEnabled"] == true || ours, "{queue}");
    }
    for (bucket, properties) in template.of("AWS::S3::Bucket") {
        let rules = list(&properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]);
        let algorithm =
            &rules.first().unwrap_or_else(|| panic!("{bucket}"))["ServerSideEncryptionByDefault"]["SSEAlgorithm"];
        assert!([json!("AES256"), json!("aws:kms")].contains(algorithm), "{bucket}");
        let access = properties["PublicAccessBlockConfiguration"].as_object().unwrap();
        assert_eq!(
            access.values().filter(|blocked| **blocked == true).count(),
            4,
            "{bucket} is open to the public"
        );
    }
    for (topic, properties) in template.of("AWS::SNS::Topic") {
        assert!(properties["KmsMasterKeyId"].is_object(), "{topic}");
    }
    // Log groups, the bus and the machines' histories cannot be unencrypted; with a key of its own, a group could be unreadable.
    for (group, properties) in template.of("AWS::Logs::LogGroup") {
        assert!(properties["RetentionInDays"].is_object(), "{group} is kept for ever");
    }
}

fn denies_plain_http(statement: &Value, actions: &[&str]) -> bool {
    is_denied_to_all(statement)
        && actions.contains(&statement["Action"].as_str().unwrap_or_default())
        && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": false}})
}

#[tokio::test]
async fn nothing_that_has_a_policy_is_reached_without_tls() {
    let template = Template::read().await;
    for (of_type, policy, property, actions) in [
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", ["sqs:*"]),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", ["sns:Publish"]),
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", ["s3:*"]),
    ] {
        for (logical, _) in template.of(of_type) {
            let statements = template.statements(policy, property, logical);
            let mut denying = statements
                .iter()
                .filter(|statement| denies_plain_http(statement, &actions));
            let denying = denying
                .next()
                .unwrap_or_else(|| panic!("{logical} may be reached without TLS"));
            let whole = if of_type == "AWS::S3::Bucket" {
                json!([arn(logical), {"Fn::Sub": format!("${{{logical}.Arn}}/*")}])
            } else if of_type == "AWS::SNS::Topic" {
                json!({"Ref": logical})
            } else {
                arn(logical)
            };
            assert_eq!(denying["Resource"], whole, "{logical}");
        }
    }
}

/// S3 alone lets its callers be held to a version. The trail's only writer is AWS itself.
#[tokio::test]
async fn buckets_of_ours_take_tls_1_3_and_those_of_providers_1_2() {
    let template = Template::read().await;
    for (bucket, _) in template.of("AWS::S3::Bucket") {
        let least = match bucket {
            "Statements" => 1.2,
            "TrailLogs" => continue,
            _ => 1.3,
        };
        let versions = json!({"NumericLessThan": {"s3:TlsVersion": least}});
        let statements = template.statements("AWS::S3::BucketPolicy", "Bucket", bucket);
        let denied = |statement: &&&Value| {
            is_denied_to_all(statement) && statement["Action"] == "s3:*" && statement["Condition"] == versions
        };
        assert_eq!(statements.iter().filter(denied).count(), 1, "{bucket}: {least}");
    }
}

/// What holds nothing that anybody asks for once the stack is gone.
const PASSING: [&str; 4] = ["Breakers", "Consumed", "PagerKey", "Tokens"];

#[tokio::test]
async fn what_must_outlive_the_stack_does_and_what_is_sealed_cannot_be_deleted_for_seven_years() {
    let template = Template::read().await;
    for bucket in ["Digests", "Certificates", "TrailLogs"] {
        let properties = template.properties(bucket);
        assert_eq!(properties["ObjectLockEnabled"], true, "{bucket}");
        let retention = &properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
        assert_eq!(*retention, json!({"Mode": "COMPLIANCE", "Years": 7}), "{bucket}");
        assert_eq!(properties["VersioningConfiguration"]["Status"], "Enabled", "{bucket}");
    }
    for of_type in ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"] {
        for (kept, properties) in template.of(of_type) {
            if !PASSING.contains(&kept) {
                assert_eq!(template.0[kept]["DeletionPolicy"], "Retain", "{kept}");
                assert_eq!(template.0[kept]["UpdateReplacePolicy"], "Retain", "{kept}");
            }
            if of_type == "AWS::DynamoDB::Table" {
                assert_eq!(properties["DeletionProtectionEnabled"], true, "{kept}");
            }
        }
    }
}
