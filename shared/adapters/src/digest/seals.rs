//! The bucket of seals and leaves' hashes. Whatever is in it stays: nothing is written twice, and nobody can delete a version.
//!
//! A seal lies under the number that it begins at, `seals/{from:020}.json`, so that a seal has one successor; its leaves'
//! hashes under `leaves/{from:020}/{sha256}.bin`. If something else lies there first, both go to the next place, `….1.json`:
//! whoever may write here could stop the sealing otherwise, with a single object that nobody can remove.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectVersion};
use domain::digest::hash::Hash;
use domain::digest::sealed::Sealed;
use time::OffsetDateTime;

use super::kept::{Kept, Listed, SEALS, key};
use crate::aws;

/// The bucket failed, by name; what was to be written may have been.
#[derive(Debug, thiserror::Error)]
pub enum SealsError {
    /// It did not answer as it should.
    #[error("the seals failed: {0}")]
    Failed(String),
    /// There is no such object.
    #[error("{0} is missing")]
    Missing(String),
    /// It is no seal's document.
    #[error("{0} cannot be read")]
    Unreadable(String),
}

/// The bucket.
#[derive(Clone, Debug)]
pub struct Seals {
    client: Client,
    bucket: String,
}

impl Seals {
    /// The seals in this bucket.
    pub async fn open(bucket: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(10)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            bucket,
        }
    }

    /// Everything that lies among the seals, by its first version: what was put over it later does not count.
    ///
    /// # Errors
    /// [`SealsError`]
    pub async fn list(&self) -> Result<Listed, SealsError> {
        self.listed(SEALS).await
    }

    /// What lies at that place.
    ///
    /// # Errors
    /// [`SealsError`]: among others when there is nothing.
    pub(super) async fn at(&self, from: u64, nth: u32) -> Result<Kept, SealsError> {
        let name = key(from, nth);
        let found = self.listed(&name).await?.kept.into_iter();
        let mut found = found.filter(|kept| kept.key() == name);
        found.next().ok_or(SealsError::Missing(name))
    }

    async fn listed(&self, prefix: &str) -> Result<Listed, SealsError> {
        let (versions, marks) = self.versions(prefix).await?;
        let mut listed = Listed::default();
        // The versions of a key come newest first, and those of one key together.
        for found in versions {
            let key = found.key().unwrap_or_default();
            let at = moment(found.last_modified());
            let Some(kept) = Kept::of(key) else {
                if listed.strays.last().is_none_or(|(last, _)| last != key) {
                    listed.strays.push((key.to_owned(), at));
                }
                continue;
            };
            let newer = listed
                .kept
                .pop_if(|last| (last.from, last.nth) == (kept.from, kept.nth));
            let marked = marks.iter().filter(|(mark, _)| mark == key).map(|(_, at)| *at);
            let over = newer.map(|newer| newer.covered_at.unwrap_or(newer.kept_at));
            listed.kept.push(Kept {
                covered_at: marked.chain(over).max(),
                kept_at: at,
                version: found.version_id,
                ..kept
            });
        }
        listed.kept.sort_by_key(|kept| (kept.from, kept.nth));
        Ok(listed)
    }

    /// All versions of all keys that begin so, and the keys that somebody has marked as deleted, and when.
    async fn versions(&self, prefix: &str) -> Result<(Vec<ObjectVersion>, Vec<(String, OffsetDateTime)>), SealsError> {
        let (mut versions, mut marks) = (Vec::new(), Vec::new());
        let (mut key, mut version) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
                .map_err(|error| SealsError::Failed(aws::error_name(&error)))?;
            versions.extend_from_slice(page.versions());
            let marked = page.delete_markers().iter();
            marks.extend(marked.filter_map(|mark| Some((mark.key.clone()?, moment(mark.last_modified())))));
            if page.is_truncated() != Some(true) {
                return Ok((versions, marks));
            }
            (key, version) = (page.next_key_marker, page.next_version_id_marker);
        }
    }

    /// A seal as it is kept.
    ///
    /// # Errors
    /// [`SealsError`]
    pub async fn read(&self, kept: &Kept) -> Result<Sealed, SealsError> {
        let bytes = self.get(kept.key(), kept.version.clone()).await?;
        serde_json::from_slice(&bytes).map_err(|_| SealsError::Unreadable(kept.key()))
    }

    /// Keeps a seal. `false`: something lies at that place.
    pub(super) async fn keep(&self, from: u64, nth: u32, sealed: &Sealed) -> Result<bool, SealsError> {
        self.put(key(from, nth), "application/json", sealed.document()).await
    }

    /// Keeps leaves' hashes. That something lies there is not believed to be them, though the name is their hash: the seal would
    /// name for ever what nobody has.
    pub(super) async fn keep_leaves(&self, from: u64, sha256: Hash, bytes: &[u8]) -> Result<(), SealsError> {
        let mut nth = 0;
        while !self
            .put(
                leaves_key(from, sha256, nth),
                "application/octet-stream",
                bytes.to_vec(),
            )
            .await?
        {
            match self.leaves(from, sha256).await {
                Ok(_) => return Ok(()),
                Err(SealsError::Missing(_) | SealsError::Unreadable(_)) => nth += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A file of leaves' hashes of the seal that begins at `from`. Its bytes are those that the hash names, whatever was put over
    /// them; if none are, it cannot be read.
    ///
    /// # Errors
    /// [`SealsError`]
    pub async fn leaves(&self, from: u64, sha256: Hash) -> Result<Vec<u8>, SealsError> {
        let key = leaves_key(from, sha256, 0);
        match self.get(key.clone(), None).await {
            Ok(bytes) if Hash::of(&bytes) == sha256 => return Ok(bytes),
            Ok(_) | Err(SealsError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
        let (versions, _) = self.versions(&leaves_prefix(from, sha256)).await?;
        let is_there = !versions.is_empty();
        for found in versions {
            let bytes = self.get(found.key.unwrap_or_default(), found.version_id).await?;
            if Hash::of(&bytes) == sha256 {
                return Ok(bytes);
            }
        }
        Err(if is_there {
            SealsError::Unreadable(key)
        } else {
            SealsError::Missing(key)
        })
    }

    async fn get(&self, key: String, version: Option<String>) -> Result<Vec<u8>, SealsError> {
        let sent = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&key)
            .set_version_id(version)
            .send()
            .await;
        let object = sent.map_err(|error| match error.code() {
            Some("NoSuchKey" | "NoSuchVersion") => SealsError::Missing(key),
            Some(_) | None => SealsError::Failed(aws::error_name(&error)),
        })?;
        let body = object.body.collect().await;
        Ok(body
            .map_err(|_| SealsError::Failed("its body broke off".to_owned()))?
            .to_vec())
    }

    /// Writes what is not there yet. `false`: it is.
    async fn put(&self, key: String, content_type: &str, bytes: Vec<u8>) -> Result<bool, SealsError> {
        let sent = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            // A bucket that keeps its objects takes none without a checksum.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .if_none_match("*")
            .body(ByteStream::from(bytes))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(false),
            Err(error) => Err(SealsError::Failed(aws::error_name(&error))),
        }
    }
}

fn leaves_prefix(from: u64, sha256: Hash) -> String {
    format!("leaves/{from:020}/{sha256}.")
}

fn leaves_key(from: u64, sha256: Hash, nth: u32) -> String {
    let prefix = leaves_prefix(from, sha256);
    match nth {
        0 => format!("{prefix}bin"),
        nth => format!("{prefix}{nth}.bin"),
    }
}

fn moment(at: Option<&aws_sdk_s3::primitives::DateTime>) -> OffsetDateTime {
    at.and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
