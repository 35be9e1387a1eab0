//! Objects in a bucket: put whole, under a key that says what they are.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;

use crate::aws;

/// The bucket did not take an object, or whether it did is unknown. By name.
#[derive(Debug, thiserror::Error)]
#[error("the bucket failed: {0}")]
pub struct BucketError(String);

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of this name.
    pub async fn open(name: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(3)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            name,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds an object.
    ///
    /// # Errors
    /// [`BucketError`]: it may have been added; adding it again changes nothing.
    pub async fn put(&self, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), BucketError> {
        let ended = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(BucketError(aws::error_name(&error))),
        }
    }
}
