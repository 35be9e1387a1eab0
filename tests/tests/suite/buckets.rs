//! Buckets of a test's own.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use tests::cloud::Cloud;
use uuid::Uuid;

/// A client that no execution role binds.
pub fn s3(cloud: &Cloud) -> Client {
    let aws = &cloud.aws;
    let keys = Credentials::new(&aws.access_key_id, &aws.secret_access_key, None, None, "state file");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(aws.region.clone()))
        .endpoint_url(&aws.endpoint)
        .force_path_style(true)
        .credentials_provider(keys)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// A new, empty bucket; its name begins so.
pub async fn new_bucket(cloud: &Cloud, begins: &str) -> String {
    let bucket = format!("{begins}-{}", Uuid::new_v4());
    let region = BucketLocationConstraint::from(cloud.aws.region.as_str());
    let here = CreateBucketConfiguration::builder().location_constraint(region).build();
    let make = s3(cloud).create_bucket().bucket(&bucket);
    make.create_bucket_configuration(here).send().await.unwrap();
    bucket
}

/// Puts an object.
pub async fn put(cloud: &Cloud, bucket: &str, key: &str, body: impl Into<Vec<u8>>) {
    let put = s3(cloud).put_object().bucket(bucket).key(key).body(body.into().into());
    put.send().await.unwrap();
}
