//! Changes the keys of a tenant's customers while they are in use, by hand: `{"key": "tenant", "tenant_id": "…"}` for
//! the tenant's own key, `{"key": "service", "tenant_id": "…"}` to seal all that it has by the service's key as it is now.
//!
//! Cut off, run twice or at the same time as another, it does no harm: the next run goes on where this one ended. Of the
//! service's key nothing shows where that was, so that run is told: `{…, "after": "…", "left": 0}`, as this one answered.

use std::time::{Duration, SystemTime};

use adapters::vault::{Rotated, Stopped, Vault};
use domain::ids::{CustomerId, TenantId};
use lambda_runtime::Diagnostic;
use serde::Deserialize;
use serde_json::{Value, json};

/// Nothing further is begun later than this before the deadline: wrapping one key anew takes a few calls.
const STOP_BEFORE: Duration = Duration::from_secs(10);

/// Whose keys are to be changed, and which.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "key", rename_all = "snake_case", deny_unknown_fields)]
pub enum Asked {
    /// The tenant's own.
    Tenant {
        /// Whose.
        tenant_id: TenantId,
    },
    /// What the service's key seals of the tenant.
    Service {
        /// Whose.
        tenant_id: TenantId,
        /// The customer up to whom an earlier run came.
        #[serde(default)]
        after: Option<CustomerId>,
        /// How many it left.
        #[serde(default)]
        left: u64,
    },
}

/// Why it came to nothing, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The tenant has no key, or has been erased.
    NoKey,
    /// The vault failed, and the log says how.
    Vault,
}

impl From<Trouble> for Diagnostic {
    fn from(trouble: Trouble) -> Self {
        let (name, message) = match trouble {
            Trouble::NoKey => ("NoKey", "the tenant has no key"),
            Trouble::Vault => ("VaultUnavailable", "run it again: it goes on where it ended"),
        };
        Self {
            error_type: name.to_owned(),
            error_message: message.to_owned(),
        }
    }
}

/// Changes what it can before the deadline; returns `{"tenant_id", "version", "rewrapped", "left", "after", "done"}`.
/// Until `done`, it wants to be run again.
///
/// # Errors
/// [`Trouble`]
pub async fn handle(vault: &Vault, asked: Asked, deadline: SystemTime) -> Result<Value, Trouble> {
    let until = deadline.checked_sub(STOP_BEFORE).unwrap_or(deadline);
    let (tenant_id, rotated) = match asked {
        Asked::Tenant { tenant_id } => (tenant_id, vault.rotate_tenant_key(tenant_id, until).await),
        Asked::Service { tenant_id, after, left } => {
            let rotated = vault.rotate_service_key(tenant_id, (after, left), until).await;
            (tenant_id, rotated)
        }
    };
    let rotated = rotated.map_err(|Stopped { at, error }| {
        let customer = at.map(tracing::field::display);
        tracing::error!(tenant.id = %tenant_id, customer.id = customer, %error, "keys were not all changed");
        Trouble::Vault
    })?;
    let Rotated {
        version,
        rewrapped,
        left,
        after,
        done,
    } = rotated.ok_or(Trouble::NoKey)?;
    tracing::info!(
        tenant.id = %tenant_id, keys.version = version, keys.rewrapped = rewrapped, keys.left = left, keys.done = done,
        "rotated"
    );
    Ok(json!({
        "tenant_id": tenant_id, "version": version, "rewrapped": rewrapped, "left": left, "after": after, "done": done,
    }))
}
