//! Legal holds, for who erases.

use domain::erasure::{Hold, Whom};
use domain::ids::TenantId;

use super::super::VaultError;
use super::{Shredder, Written};

impl Shredder {
    /// A hold that stands against erasing this.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn hold_against(&self, whom: Whom) -> Result<Option<Hold>, VaultError> {
        self.tables.hold_against(whom).await
    }

    /// All holds on a tenant and its customers, in order of the customers' ids.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn holds(&self, tenant: TenantId) -> Result<Vec<Hold>, VaultError> {
        self.tables.holds(tenant).await
    }

    /// The hold on exactly this.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn hold(&self, whom: Whom) -> Result<Option<Hold>, VaultError> {
        self.tables.hold(whom).await
    }

    /// Sets a hold. Lost: there is one, or there is nothing to hold any more, or others were first.
    ///
    /// # Errors
    /// [`VaultError`]: it may be set.
    pub async fn set_hold(&self, hold: &Hold) -> Result<Written, VaultError> {
        self.tables.set_hold(hold).await
    }

    /// Lifts a hold. Lost: there is none, or others were first.
    ///
    /// # Errors
    /// [`VaultError`]: it may be lifted.
    pub async fn lift_hold(&self, whom: Whom) -> Result<Written, VaultError> {
        self.tables.lift_hold(whom).await
    }
}
