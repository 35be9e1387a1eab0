//! The certificates: signed, and kept in a bucket that takes each once and lets nobody remove it.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use domain::erasure::certificate::{Certificate, Certified};
use domain::ids::ErasureId;

use super::ErasureError;
use crate::aws;
use crate::signer::Signer;

pub(super) struct Certificates {
    client: Client,
    bucket: String,
    signer: Signer,
    /// The ARN of the key.
    key: String,
}

impl Certificates {
    pub(super) async fn open(bucket: String, key: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(5)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            bucket,
            signer: Signer::open(key.clone()).await,
            key,
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Issues a certificate, once: what is kept already stands, if it says the same, signed. Returns what is kept, to the byte.
    pub(super) async fn issue(&self, id: ErasureId, certificate: &Certificate) -> Result<Vec<u8>, ErasureError> {
        // Asked for first: the bucket would take another one behind a mark that says it is deleted.
        if let Some(kept) = self.read(id).await? {
            return self.taken(kept, certificate).await;
        }
        let text = certificate.text();
        let signature = self.signer.sign(&text).await?;
        let document = Certified::new(text, signature).document();
        if self.put(id, document.clone()).await? {
            return Ok(document);
        }
        let kept = self.read(id).await?;
        let kept = kept.ok_or_else(|| ErasureError::Unavailable("the certificates", "NotYetVisible".to_owned()))?;
        self.taken(kept, certificate).await
    }

    /// What is kept, if it will do as this certificate: it says the same, signed by the key that it names. Which keys it may
    /// name is a matter of the role, which can ask for no other's public half.
    async fn taken(&self, kept: Vec<u8>, certificate: &Certificate) -> Result<Vec<u8>, ErasureError> {
        let other = |_| ErasureError::OtherCertificate;
        let read = Certified::read(&kept).map_err(other)?;
        let named = read.names().map_err(other)?;
        let key = if named == self.key {
            self.signer.public_key().await?
        } else {
            Signer::open(named).await.public_key().await?
        };
        if read.open(&key).map_err(other)?.says_the_same_as(certificate) {
            Ok(kept)
        } else {
            Err(ErasureError::OtherCertificate)
        }
    }

    /// A certificate as it is kept, to the byte. Its first version: what somebody puts over it does not count.
    pub(super) async fn read(&self, id: ErasureId) -> Result<Option<Vec<u8>>, ErasureError> {
        let Some(first) = self.first_version(&key(id)).await? else {
            return Ok(None);
        };
        let object = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key(id))
            .version_id(first)
            .send()
            .await
            .map_err(|error| ErasureError::Unavailable("the certificates", aws::error_name(&error)))?;
        let body = object.body.collect().await;
        let body = body.map_err(|_| ErasureError::Unavailable("the certificates", "BrokenOff".to_owned()))?;
        Ok(Some(body.to_vec()))
    }

    /// The oldest version of exactly this key: others may begin so, too, and are listed with it.
    async fn first_version(&self, key: &str) -> Result<Option<String>, ErasureError> {
        let (mut from, mut first) = ((None, None), None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.bucket)
                .prefix(key)
                .set_key_marker(from.0)
                .set_version_id_marker(from.1)
                .send()
                .await
                .map_err(|error| ErasureError::Unavailable("the certificates", aws::error_name(&error)))?;
            let mut versions = page.versions().iter();
            // Those of a key come newest first.
            let last = versions.rfind(|version| version.key() == Some(key));
            first = last.and_then(|last| last.version_id().map(str::to_owned)).or(first);
            if page.is_truncated() != Some(true) {
                return Ok(first);
            }
            from = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// `false`: there is one.
    async fn put(&self, id: ErasureId, document: Vec<u8>) -> Result<bool, ErasureError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key(id))
            .content_type("application/json")
            // A bucket that keeps its objects takes none without a checksum.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .if_none_match("*")
            .body(ByteStream::from(document))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(false),
            Err(error) => Err(ErasureError::Unavailable("the certificates", aws::error_name(&error))),
        }
    }
}

/// Where a certificate is kept.
pub(super) fn key(id: ErasureId) -> String {
    format!("certificates/{id}.json")
}
