//! A key that signs: seals, certificates of erasure, justifications. It never leaves its service.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use domain::signature::{PublicKey, Signature};
use tokio::sync::OnceCell;

use crate::aws;
use crate::metrics::{self, Unit};

/// Nothing was signed, or the key cannot be had. By name.
#[derive(Debug, thiserror::Error)]
#[error("the signing key failed: {0}")]
pub struct SignerError(String);

/// A key of the curve P-256 that signs.
#[derive(Debug)]
pub struct Signer {
    client: Client,
    key: String,
    public: OnceCell<PublicKey>,
}

impl Signer {
    /// The key of that id or ARN.
    pub async fn open(key: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(3)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            key,
            public: OnceCell::new(),
        }
    }

    /// Signs a text.
    ///
    /// # Errors
    /// [`SignerError`]
    pub async fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        let digest = Signature::digest_of(text);
        let signed = self
            .client
            .sign()
            .key_id(&self.key)
            .message(Blob::new(digest.as_bytes()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| {
                metrics::emit(&[("KeyServiceFailures", Unit::Count, 1)]);
                SignerError(aws::error_name(&error))
            })?;
        match (signed.signature, signed.key_id) {
            (Some(der), Some(key_id)) => Ok(Signature::new(der.as_ref(), key_id)),
            (_, _) => Err(SignerError("it signed nothing".to_owned())),
        }
    }

    /// What its signatures are checked with; asked for once.
    ///
    /// # Errors
    /// [`SignerError`]
    pub async fn public_key(&self) -> Result<PublicKey, SignerError> {
        let ask = || async {
            let asked = self.client.get_public_key().key_id(&self.key).send().await;
            let der = asked.map_err(|error| SignerError(aws::error_name(&error)))?.public_key;
            let der = der.ok_or_else(|| SignerError("it has no public key".to_owned()))?;
            PublicKey::from_der(der.as_ref()).map_err(|error| SignerError(error.to_string()))
        };
        self.public.get_or_try_init(ask).await.cloned()
    }
}
