//! The tenants' secrets, for who may delete them and not read them.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::delete_secret::DeleteSecretError;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use domain::ids::TenantId;

use super::super::VaultError;
use crate::aws;

/// Deleting without recovery goes on for a moment after the service has agreed to it.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

pub(super) struct Secrets {
    client: Client,
    prefix: String,
}

impl Secrets {
    pub(super) async fn open(prefix: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(2)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            prefix,
        }
    }

    pub(super) fn name(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}", self.prefix)
    }

    pub(super) async fn destroy(&self, tenant: TenantId) -> Result<(), VaultError> {
        let deleted = self
            .client
            .delete_secret()
            .secret_id(self.name(tenant))
            .force_delete_without_recovery(true)
            .send()
            .await;
        if let Err(error) = deleted
            && !matches!(
                error.as_service_error(),
                Some(DeleteSecretError::ResourceNotFoundException(_))
            )
        {
            return Err(VaultError::Unavailable("the tenants' keys", aws::error_name(&error)));
        }
        for _ in 0..LOOKS {
            if self.is_gone(tenant).await? {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(VaultError::Unavailable("the tenants' keys", "NotYetGone".to_owned()))
    }

    async fn is_gone(&self, tenant: TenantId) -> Result<bool, VaultError> {
        match self.client.describe_secret().secret_id(self.name(tenant)).send().await {
            Ok(_) => Ok(false),
            Err(error) => match error.as_service_error() {
                Some(DescribeSecretError::ResourceNotFoundException(_)) => Ok(true),
                _ => Err(VaultError::Unavailable("the tenants' keys", aws::error_name(&error))),
            },
        }
    }
}
