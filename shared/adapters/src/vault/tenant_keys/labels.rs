//! Labels make a version of a secret readable to whoever may read the secret. One version is meant to have any: the current
//! one. Without a label a version is the service's to delete.
//!
//! A replacement takes four calls, and a process can die after each. What it leaves is under a label that the next run
//! looks for.

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::update_secret_version_stage::UpdateSecretVersionStageError;
use domain::ids::TenantId;
use zeroize::Zeroizing;

use super::{Ring, TenantKeys, Text};
use crate::aws;
use crate::vault::VaultError;

pub(super) const CURRENT: &str = "AWSCURRENT";
/// Of a ring that is to become the current one, and is not yet.
const PENDING: &str = "AWSPENDING";
/// The service puts it on what was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// A version of a secret, under the name that the service gave it.
pub(super) struct Version {
    pub(super) token: String,
    pub(super) text: Zeroizing<String>,
}

impl TenantKeys {
    /// The version with that label. `None`: none has it, or there is no such secret.
    pub(super) async fn labelled(&self, tenant: TenantId, label: &str) -> Result<Option<Version>, VaultError> {
        let asked = self
            .client
            .get_secret_value()
            .secret_id(self.name(tenant))
            .version_stage(label)
            .send()
            .await;
        let secret = match asked {
            Ok(secret) => secret,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetSecretValueError::ResourceNotFoundException(_)) => Ok(None),
                    _ => Err(unavailable(aws::error_name(&error))),
                };
            }
        };
        match (secret.version_id, secret.secret_string.map(Zeroizing::new)) {
            (Some(token), Some(text)) => Ok(Some(Version { token, text })),
            (_, _) => Err(VaultError::Unreadable("a tenant's key")),
        }
    }

    /// Takes the labels off what earlier runs left beside `ring`, the current one. `true`: it was the former ring, with
    /// versions that `ring` has not, so that a run dropped them and died before it could say so.
    pub(in crate::vault) async fn tidy(&self, tenant: TenantId, ring: &Ring) -> Result<bool, VaultError> {
        while let Some(pending) = self.labelled(tenant, PENDING).await? {
            self.unlabel(tenant, PENDING, &pending.token).await?;
        }
        let Some(Version { token, text }) = self.labelled(tenant, PREVIOUS).await? else {
            return Ok(false);
        };
        self.unlabel(tenant, PREVIOUS, &token).await?;
        Ok(Text::read(token, &text).is_ok_and(|former| !ring.holds_all_of(&former)))
    }

    /// Makes `text` the current version in place of `ring`; `false` if that is not current any more. In two calls, since
    /// only the second one compares: a version that was written in between is not overwritten.
    pub(super) async fn replace(&self, tenant: TenantId, ring: &Ring, text: &Text) -> Result<bool, VaultError> {
        let text = text.write()?;
        let put = self
            .client
            .put_secret_value()
            .secret_id(self.name(tenant))
            .secret_string(text.as_str())
            .version_stages(PENDING)
            .send()
            .await
            .map_err(|error| unavailable(aws::error_name(&error)))?;
        let token = put.version_id.ok_or(VaultError::Unreadable("a tenant's key"))?;
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(self.name(tenant))
            .version_stage(CURRENT)
            .move_to_version_id(&token)
            .remove_from_version_id(&ring.token)
            .send()
            .await;
        if let Err(error) = moved {
            // It stands at another version: somebody else's, or this one, if only the first answer was lost.
            let stands = match error.as_service_error() {
                Some(UpdateSecretVersionStageError::InvalidParameterException(_)) => self.read(tenant).await?,
                _ => return Err(unavailable(aws::error_name(&error))),
            };
            if stands.is_none_or(|stands| stands.token != token) {
                self.unlabel(tenant, PENDING, &token).await?;
                return Ok(false);
            }
        }
        self.unlabel(tenant, PENDING, &token).await?;
        // Last: as long as it stands, the next run sees what this one has done.
        self.unlabel(tenant, PREVIOUS, &ring.token).await?;
        Ok(true)
    }

    async fn unlabel(&self, tenant: TenantId, label: &str, token: &str) -> Result<(), VaultError> {
        let unlabelled = self
            .client
            .update_secret_version_stage()
            .secret_id(self.name(tenant))
            .version_stage(label)
            .remove_from_version_id(token)
            .send()
            .await;
        match unlabelled {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // The label stands elsewhere already.
                Some(UpdateSecretVersionStageError::InvalidParameterException(_)) => Ok(()),
                _ => Err(unavailable(aws::error_name(&error))),
            },
        }
    }
}

fn unavailable(name: String) -> VaultError {
    VaultError::Unavailable("the tenants' keys", name)
}
