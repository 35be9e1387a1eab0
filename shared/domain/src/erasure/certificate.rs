//! The certificate at the end of an erasure: a text that is signed, and can be checked with the public key and nothing
//! else. The same facts always give the same text, whoever writes it and however often.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Asked, Whom};
use crate::answer::timestamp;
use crate::digest::hash::Hash;
use crate::document;
use crate::ids::{CustomerId, ErasureId, TenantId};
use crate::signature::{ALGORITHM, Forged, PublicKey, Signature};

mod wording;

/// Of the text. Another one is written under another number, and old ones stay readable.
pub const VERSION: u8 = 1;

/// What was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Destroyed {
    /// Of one person.
    Subject {
        /// The SHA-256 of the person's wrapped key.
        wrapped_key_sha256: Hash,
        /// The SHA-256 of the sealed record; `None`: there was none any more.
        ciphertext_sha256: Option<Hash>,
    },
    /// Of a tenant.
    Tenant {
        /// The name of the secret that held the tenant's key.
        secret: String,
        /// How many persons the vault kept for it.
        customers: u64,
        /// How many of those other erasures, with certificates of their own, had come to before.
        erased_before: u64,
        /// The chain over them in the order of their ids, as [`super::Count::with`] makes it.
        customers_sha256: Hash,
    },
}

/// Something that would open what was sealed, how it was looked for, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// What was tried.
    pub tried: String,
    /// How it ended.
    pub found: String,
}

/// Something that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remains {
    /// What it is.
    pub what: String,
    /// Why it is not erased.
    pub why: String,
    /// Until when.
    pub until: String,
}

/// What is certified, in the order in which it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`VERSION`]
    pub version: u8,
    /// The erasure.
    pub erasure_id: ErasureId,
    /// `subject` or `tenant`.
    pub scope: String,
    /// Whose customer.
    pub tenant_id: TenantId,
    /// The person, by the id that the tenant gave; `None`: all of them.
    pub customer_id: Option<CustomerId>,
    /// Who asked, as a principal.
    pub asked_by: String,
    /// When it was asked, RFC 3339.
    pub asked_at: String,
    /// Why, in the words of who asked.
    pub reason: String,
    /// When the keys were destroyed, RFC 3339.
    pub erased_at: String,
    /// What was destroyed.
    pub destroyed: Destroyed,
    /// That what was sealed opens no more.
    pub proof: Vec<Tried>,
    /// What is still there, and why.
    pub remains: Vec<Remains>,
    /// What this does not say.
    pub limit: String,
    /// The key that signs: its ARN.
    pub key_id: String,
}

impl Certificate {
    /// What is certified of an erasure whose keys were destroyed at `erased_at`, by the key `key_id`.
    #[must_use]
    pub fn of(id: ErasureId, asked: &Asked, erased_at: OffsetDateTime, destroyed: Destroyed, key_id: String) -> Self {
        Self {
            version: VERSION,
            erasure_id: id,
            scope: asked.whom.scope().as_str().to_owned(),
            tenant_id: asked.whom.tenant,
            customer_id: asked.whom.customer,
            asked_by: asked.by.clone(),
            asked_at: timestamp(asked.at),
            reason: asked.reason.clone(),
            erased_at: timestamp(erased_at),
            proof: wording::proof(&destroyed),
            destroyed,
            remains: wording::remains(),
            limit: wording::LIMIT.to_owned(),
            key_id,
        }
    }

    /// Whether it certifies the same: of the same erasure, about the same, that the same was destroyed. In which words, and by
    /// which key, may differ: both change with time, and what was certified stands.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let said = |of: &Self| (of.erasure_id, of.whom(), of.destroyed.clone());
        said(self) == said(other)
    }

    fn whom(&self) -> Whom {
        Whom {
            tenant: self.tenant_id,
            customer: self.customer_id,
        }
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&document::write(self)).into_owned()
    }
}

/// A certificate as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    /// The text, to the byte.
    pub certificate: String,
    /// In DER, as base64.
    pub signature: String,
    /// [`ALGORITHM`]
    pub algorithm: String,
}

impl Certified {
    /// A text and the signature under it.
    #[must_use]
    pub fn new(text: String, signature: Signature) -> Self {
        Self {
            certificate: text,
            signature: signature.base64,
            algorithm: ALGORITHM.to_owned(),
        }
    }

    /// As JSON, as it is kept.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document::write(self)
    }

    /// Reads a document that is to the byte what [`Certified::document`] writes.
    ///
    /// # Errors
    /// [`Forged::Unreadable`]
    pub fn read(document: &[u8]) -> Result<Self, Forged> {
        let read: Self = serde_json::from_slice(document).map_err(|_| Forged::Unreadable)?;
        if read.document() == document {
            Ok(read)
        } else {
            Err(Forged::Unreadable)
        }
    }

    /// The key that it says signed it: its ARN. Nothing is checked yet.
    ///
    /// # Errors
    /// [`Forged::Unreadable`]
    pub fn names(&self) -> Result<String, Forged> {
        let certificate: Certificate = serde_json::from_str(&self.certificate).map_err(|_| Forged::Unreadable)?;
        Ok(certificate.key_id)
    }

    /// The certificate, if this key signed it.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn open(&self, key: &PublicKey) -> Result<Certificate, Forged> {
        let is_known = |certificate: &Certificate| certificate.version == VERSION;
        key.open(&self.certificate, &self.algorithm, &self.signature, is_known)
    }
}

#[cfg(test)]
mod tests;
