//! Changing keys while they are in use.

use std::time::SystemTime;

use domain::ids::{CustomerId, TenantId};

use super::item::{self, Subject, Tenant, Wrapped};
use super::keys::KEY_GONE;
use super::tables::Written;
use super::{ROUNDS, Vault, VaultError, Whose, pause};

/// How far a rotation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The version of the tenant's key that is current now.
    pub version: u64,
    /// How many customers' keys this run wrapped anew.
    pub rewrapped: u64,
    /// How many it left as they were, with those that it was told of: they do not open, or others were always first.
    pub left: u64,
    /// Of the service's key: the customer after whom the next run is to go on. `None`: nobody is to be passed over.
    pub after: Option<CustomerId>,
    /// Whether it is over. If not, the next run goes on with it.
    pub done: bool,
}

/// A rotation that failed, and at which customer, if at one.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Stopped {
    /// Whose key was to be wrapped anew.
    pub at: Option<CustomerId>,
    /// How it failed.
    pub error: VaultError,
}

impl From<VaultError> for Stopped {
    fn from(error: VaultError) -> Self {
        Self { at: None, error }
    }
}

/// How the wrapping anew of one customer's key ended.
#[derive(Clone, Copy)]
enum Ended {
    Rewrapped,
    /// There is nothing to do, or not any more: it was erased, or another run was first.
    Needless,
}

impl Vault {
    /// Changes a tenant's key: adds a version, wraps every customer's key under it, and drops the old one. Goes on with
    /// what an earlier run left. Records are not touched. `None`: the tenant has no key.
    ///
    /// Nothing is read by the clock: new keys are wrapped under the version that the tenant's item names, in the same
    /// transaction, so that none comes to lie under the old version once that item has moved on.
    ///
    /// # Errors
    /// [`Stopped`]: run it again.
    pub async fn rotate_tenant_key(&self, tenant: TenantId, until: SystemTime) -> Result<Option<Rotated>, Stopped> {
        let Some(Tenant::Active { tenant_key: before }) = self.tables.tenant(tenant).await? else {
            return Ok(None);
        };
        let mut ring = self.tenant_keys.read(tenant).await?.ok_or(KEY_GONE)?;
        let was_dropping = self.tenant_keys.tidy(tenant, &ring).await?;
        if !ring.is_rotating() {
            if was_dropping {
                return Ok(Some(Rotated {
                    done: true,
                    ..begun(ring.current())
                }));
            }
            if !self.tenant_keys.add(tenant, &ring).await? {
                return Err(VaultError::Contended.into());
            }
            ring = self.tenant_keys.read(tenant).await?.ok_or(KEY_GONE)?;
        }
        let version = ring.current();
        self.advance(tenant, before, version).await?;
        let mut rotated = begun(version);
        let anew = async |whose: Whose, wrapped: &Wrapped| -> Result<_, VaultError> {
            if wrapped.tenant_key == version {
                return Ok(None);
            }
            let old = ring.key(wrapped.tenant_key).ok_or(KEY_GONE)?;
            let key = self.unwrap(whose, wrapped, old).await?;
            let current = (version, ring.key(version).ok_or(KEY_GONE)?);
            self.wrap(whose, wrapped.generation, current, &key).await.map(Some)
        };
        let is_through = self.each(tenant, until, &mut rotated, anew).await?;
        // Whom it concerns is seen by the version that each key names.
        rotated.after = None;
        // If somebody has changed the keys since they were read, what stands is theirs to drop.
        rotated.done = is_through
            && rotated.left == 0
            && self.is_all_under(tenant, version, until).await?
            && self.tenant_keys.keep_current(tenant, &ring).await?;
        Ok(Some(rotated))
    }

    /// Wraps all of a tenant's keys anew by what the service's key is now: the customers', and the secret. Goes on after
    /// that customer, where an earlier run ended that left so many. `None`: the tenant has no key.
    ///
    /// # Errors
    /// [`Stopped`]: run it again, with what this one was given.
    pub async fn rotate_service_key(
        &self,
        tenant: TenantId,
        (after, left): (Option<CustomerId>, u64),
        until: SystemTime,
    ) -> Result<Option<Rotated>, Stopped> {
        let Some(Tenant::Active { tenant_key }) = self.tables.tenant(tenant).await? else {
            return Ok(None);
        };
        let ring = self.tenant_keys.read(tenant).await?.ok_or(KEY_GONE)?;
        self.tenant_keys.tidy(tenant, &ring).await?;
        let mut rotated = Rotated {
            left,
            after,
            ..begun(tenant_key)
        };
        let anew = async |whose: Whose, wrapped: &Wrapped| -> Result<_, VaultError> {
            let blob = self.service_key.wrap_anew(whose, &wrapped.blob).await?;
            Ok(Some(Wrapped::new(wrapped.generation, blob, wrapped.tenant_key)))
        };
        if self.each(tenant, until, &mut rotated, anew).await? && self.seal_secret_anew(tenant).await? {
            rotated.after = None;
            rotated.done = rotated.left == 0;
        }
        Ok(Some(rotated))
    }

    /// Wraps customers' keys anew, one after the other from where `rotated` stands; `false`: the time was up. One that
    /// does not open holds up nobody else's: it is left, and named in the log.
    async fn each(
        &self,
        tenant: TenantId,
        until: SystemTime,
        rotated: &mut Rotated,
        anew: impl AsyncFn(Whose, &Wrapped) -> Result<Option<Wrapped>, VaultError>,
    ) -> Result<bool, Stopped> {
        let is_late = || SystemTime::now() >= until;
        let mut from = rotated
            .after
            .map(|customer| item::key(tenant, item::of_customer(customer)));
        loop {
            if is_late() {
                return Ok(false);
            }
            let (subjects, next) = self.tables.subjects(tenant, from).await?;
            for (customer, wrapped) in subjects {
                if is_late() {
                    return Ok(false);
                }
                let whose = Whose { tenant, customer };
                match self.one(whose, wrapped, &anew).await {
                    Ok(Ended::Rewrapped) => rotated.rewrapped += 1,
                    Ok(Ended::Needless) => (),
                    Err(
                        error @ (VaultError::Contended
                        | VaultError::Unreadable(_)
                        | VaultError::NotErased(..)
                        | VaultError::DoesNotOpen(_)),
                    ) => {
                        tracing::error!(tenant.id = %tenant, customer.id = %customer, %error, "a customer's key was left");
                        rotated.left += 1;
                    }
                    Err(error @ (VaultError::Unavailable(..) | VaultError::NoRandomness(_))) => {
                        return Err(Stopped {
                            at: Some(customer),
                            error,
                        });
                    }
                }
                rotated.after = Some(customer);
            }
            from = next;
            if from.is_none() {
                return Ok(true);
            }
        }
    }

    async fn one(
        &self,
        whose: Whose,
        wrapped: Result<Wrapped, VaultError>,
        anew: &impl AsyncFn(Whose, &Wrapped) -> Result<Option<Wrapped>, VaultError>,
    ) -> Result<Ended, VaultError> {
        let was = wrapped?;
        let Some(is) = anew(whose, &was).await? else {
            return Ok(Ended::Needless);
        };
        for round in 0..ROUNDS {
            pause(round).await;
            if self.tables.rewrap(whose, &was, &is).await? == Written::Done {
                return Ok(Ended::Rewrapped);
            }
            match self.tables.subject(whose).await? {
                // Somebody was at the customer's item at that moment, and left the key as it was.
                Some(Subject::Active(stands)) if stands.sha256 == was.sha256 => (),
                // It was done, and the answer was lost.
                Some(Subject::Active(stands)) if stands.sha256 == is.sha256 => return Ok(Ended::Rewrapped),
                Some(Subject::Active(_) | Subject::Erased) | None => return Ok(Ended::Needless),
            }
        }
        Err(VaultError::Contended)
    }

    /// New keys of the tenant are wrapped under version `to` from now on. Whoever makes a customer is at the same item.
    async fn advance(&self, tenant: TenantId, from: u64, to: u64) -> Result<(), VaultError> {
        for round in 0..ROUNDS {
            pause(round).await;
            if self.tables.advance(tenant, from, to).await? == Written::Done {
                return Ok(());
            }
        }
        Err(VaultError::Contended)
    }

    /// The tenant's secret as it is, sealed by what the service's key is now; `false`: others were always first.
    async fn seal_secret_anew(&self, tenant: TenantId) -> Result<bool, VaultError> {
        for round in 0..ROUNDS {
            pause(round).await;
            let ring = self.tenant_keys.read(tenant).await?.ok_or(KEY_GONE)?;
            if self.tenant_keys.seal_anew(tenant, &ring).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looked at once more, from the beginning: a key that lies under another version would be lost with it.
    async fn is_all_under(&self, tenant: TenantId, version: u64, until: SystemTime) -> Result<bool, VaultError> {
        let mut from = None;
        loop {
            let (subjects, next) = self.tables.subjects(tenant, from).await?;
            let is_under =
                |wrapped: &Result<Wrapped, _>| matches!(wrapped, Ok(wrapped) if wrapped.tenant_key == version);
            if !subjects.iter().all(|(_, wrapped)| is_under(wrapped)) {
                return Ok(false);
            }
            from = next;
            if from.is_none() {
                return Ok(true);
            }
            if SystemTime::now() >= until {
                return Ok(false);
            }
        }
    }
}

fn begun(version: u64) -> Rotated {
    Rotated {
        version,
        rewrapped: 0,
        left: 0,
        after: None,
        done: false,
    }
}
