//! Where the books' seals are kept, and what they are signed with.

use serde_json::json;
use tests::cloud::Cloud;

#[tokio::test]
async fn seals_can_be_deleted_by_nobody_before_their_time() {
    let cloud = Cloud::running();
    let script = r#"
s3, bucket = client("s3"), {"Bucket": given}
lock = s3.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"]
put = s3.put_object(**bucket, Key="probe", Body=b"kept", ChecksumAlgorithm="SHA256")
try:
    s3.delete_object(**bucket, Key="probe", VersionId=put["VersionId"])
    deleted = "yes"
except s3.exceptions.ClientError as refused:
    deleted = refused.response["Error"]["Code"]
try:
    s3.put_object(**bucket, Key="probe", Body=b"other", IfNoneMatch="*")
    written = "yes"
except s3.exceptions.ClientError as refused:
    written = refused.response["Error"]["Code"]
told = [
    lock["ObjectLockEnabled"], lock["Rule"]["DefaultRetention"], s3.get_bucket_versioning(**bucket)["Status"],
    s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"], deleted, written,
]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("Digests"))).await;
    let locked = json!({"Mode": "COMPLIANCE", "Days": 1});
    assert_eq!(
        told,
        json!(["Enabled", locked, "Enabled", true, "AccessDenied", "PreconditionFailed"])
    );
}

#[tokio::test]
async fn the_key_signs_on_p_256_and_does_nothing_else() {
    let cloud = Cloud::running();
    let script = r#"
key = client("kms").describe_key(KeyId=given)["KeyMetadata"]
told = [key["KeySpec"], key["KeyUsage"], key["SigningAlgorithms"]]
"#;
    let told = cloud.ask(script, &json!(cloud.resource("DigestKey"))).await;
    assert_eq!(told, json!(["ECC_NIST_P256", "SIGN_VERIFY", ["ECDSA_SHA_256"]]));
}
