//! Where providers' files are put, and the mappings by which they are read.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;

use crate::aws;

/// An object could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It has more bytes than the caller can take; nothing of it was read.
    #[error("the object has more than {0} bytes")]
    TooLarge(usize),
    /// It is not there, or could not be read to its end. By name.
    #[error("the bucket failed: {0}")]
    Failed(String),
}

/// The bucket of the files.
#[derive(Clone, Debug)]
pub struct StatementFiles {
    client: Client,
    bucket: String,
}

impl StatementFiles {
    /// The files in this bucket.
    pub async fn open(bucket: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(20)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            bucket,
        }
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The bytes of an object, `most` of them at most.
    ///
    /// # Errors
    /// [`FilesError`]
    pub async fn get(&self, key: &str, most: usize) -> Result<Vec<u8>, FilesError> {
        let ended = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let found = ended.map_err(|error| FilesError::Failed(aws::error_name(&error)))?;
        let length = found.content_length().and_then(|length| usize::try_from(length).ok());
        if length.is_none_or(|length| length > most) {
            return Err(FilesError::TooLarge(most));
        }
        let body = found.body.collect().await;
        let body = body.map_err(|_| FilesError::Failed("the object was cut short".to_owned()))?;
        Ok(body.to_vec())
    }
}
