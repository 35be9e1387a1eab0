//! The service's key, which never leaves its service. Every use of it names tenant and customer, in its audit trail too.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_kms::Client;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::operation::re_encrypt::ReEncryptError;
use aws_sdk_kms::primitives::Blob;
use domain::ids::{CustomerId, TenantId};
use zeroize::Zeroizing;

use super::{VaultError, Whose};
use crate::aws;
use crate::metrics::{self, Unit};

/// Not wrapped by this key for this customer, or changed since.
const NOT_WRAPPED: VaultError = VaultError::DoesNotOpen("a wrapped key");

/// A symmetric key of the key service.
#[derive(Clone, Debug)]
pub(super) struct ServiceKey {
    client: Client,
    key: String,
}

impl ServiceKey {
    pub(super) async fn open(key: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(2)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            key,
        }
    }

    /// Wraps for this customer alone.
    pub(super) async fn wrap(&self, whose: Whose, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let wrapped = self
            .client
            .encrypt()
            .key_id(&self.key)
            .set_encryption_context(Some(context(whose.tenant, whose.customer)))
            .plaintext(Blob::new(plain))
            .send()
            .await
            .map_err(|error| unavailable(aws::error_name(&error)))?;
        blob(wrapped.ciphertext_blob)
    }

    /// Unwraps what was wrapped for this customer.
    pub(super) async fn unwrap(&self, whose: Whose, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let unwrapped = self
            .client
            .decrypt()
            .key_id(&self.key)
            .set_encryption_context(Some(context(whose.tenant, whose.customer)))
            .ciphertext_blob(Blob::new(wrapped))
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                Some(DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_)) => {
                    NOT_WRAPPED
                }
                _ => unavailable(aws::error_name(&error)),
            })?;
        blob(unwrapped.plaintext).map(Zeroizing::new)
    }

    /// Wraps anew under what the key is made of now, without unwrapping outside its service.
    pub(super) async fn wrap_anew(&self, whose: Whose, wrapped: &[u8]) -> Result<Vec<u8>, VaultError> {
        let context = context(whose.tenant, whose.customer);
        let anew = self
            .client
            .re_encrypt()
            .ciphertext_blob(Blob::new(wrapped))
            .source_key_id(&self.key)
            .set_source_encryption_context(Some(context.clone()))
            .destination_key_id(&self.key)
            .set_destination_encryption_context(Some(context))
            .send()
            .await
            .map_err(|error| match error.as_service_error() {
                Some(ReEncryptError::InvalidCiphertextException(_) | ReEncryptError::IncorrectKeyException(_)) => {
                    NOT_WRAPPED
                }
                _ => unavailable(aws::error_name(&error)),
            })?;
        blob(anew.ciphertext_blob)
    }
}

/// Counted, since much else waits for the key service.
fn unavailable(why: String) -> VaultError {
    metrics::emit(&[("KeyServiceFailures", Unit::Count, 1)]);
    VaultError::Unavailable("the service key", why)
}

/// Authenticated by the key service, and written to its audit trail with each use.
fn context(tenant: TenantId, customer: CustomerId) -> HashMap<String, String> {
    [("tenant", tenant.to_string()), ("subject", customer.to_string())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn blob(blob: Option<Blob>) -> Result<Vec<u8>, VaultError> {
    let blob = blob.ok_or(VaultError::Unreadable("the service key's answer"))?;
    Ok(blob.into_inner())
}
