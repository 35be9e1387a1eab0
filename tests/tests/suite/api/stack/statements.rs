//! Where providers put their files, and who hears of it.

use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn files_are_encrypted_closed_to_the_public_kept_when_overwritten_and_told_of() {
    let cloud = Cloud::running();
    let script = r#"
s3, bucket = client("s3"), {"Bucket": given}
(encryption,) = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
(ownership,) = s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]["Rules"]
told = [
    encryption["ApplyServerSideEncryptionByDefault"], ownership["ObjectOwnership"],
    s3.get_bucket_versioning(**bucket)["Status"],
    set(s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"].values()) == {True},
    "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**bucket),
]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("Statements"))).await;
    assert_eq!(
        told,
        json!([{"SSEAlgorithm": "AES256"}, "BucketOwnerEnforced", "Enabled", true, true])
    );
}

#[tokio::test]
async fn a_file_that_was_put_waits_in_a_queue_for_its_function_and_is_kept_if_it_cannot_be_taken() {
    let cloud = Cloud::running();
    let script = r#"
events, sqs, functions = client("events"), client("sqs"), client("lambda")
rule = events.describe_rule(Name=given["resources"]["StatementRule"])
(target,) = events.list_targets_by_rule(Rule=given["resources"]["StatementRule"])["Targets"]
arn = lambda name: sqs.get_queue_attributes(QueueUrl=given["resources"][name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
attributes = sqs.get_queue_attributes(QueueUrl=given["resources"]["StatementQueue"], AttributeNames=["All"])["Attributes"]
redrive = json.loads(attributes["RedrivePolicy"])
(source,) = functions.list_event_source_mappings(FunctionName=given["function"])["EventSourceMappings"]
told = [
    rule["State"], json.loads(rule["EventPattern"]), target["Arn"] == arn("StatementQueue"),
    target["DeadLetterConfig"]["Arn"] == arn("RuleDeadLetters"), attributes["VisibilityTimeout"],
    redrive["deadLetterTargetArn"] == arn("StatementDeadLetters"), int(redrive["maxReceiveCount"]),
    source["EventSourceArn"] == arn("StatementQueue"), source["BatchSize"], source["FunctionResponseTypes"],
]
"#;
    let function = cloud.function("match-statement");
    let given = json!({"resources": cloud.resources, "function": function.name});
    let pattern = json!({
        "source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [cloud.resource("Statements")]}, "object": {"key": [{"suffix": ".csv"}]}},
    });
    assert_eq!(
        cloud.ask(script, &given).await,
        json!([
            "ENABLED",
            pattern,
            true,
            true,
            "360",
            true,
            10,
            true,
            1,
            ["ReportBatchItemFailures"]
        ])
    );
    assert_eq!(
        function.timeout_seconds, 60,
        "a sixth of the queue's visibility timeout"
    );
}
