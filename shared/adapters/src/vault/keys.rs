//! From the service's key down to a customer's, and what of it is kept in memory.

use std::sync::Arc;
use std::time::Instant;

use domain::ids::TenantId;

use super::item::Wrapped;
use super::seal::{DoesNotOpen, Key, Place, What};
use super::tenant_keys::Ring;
use super::{Vault, VaultError, Whose, place};

pub(super) const KEY_GONE: VaultError = VaultError::DoesNotOpen("a tenant's key");

impl Vault {
    /// Wraps a customer's key under a version of the tenant's, and that by the service's.
    pub(super) async fn wrap(
        &self,
        whose: Whose,
        generation: u64,
        (version, tenants): (u64, &Key),
        key: &Key,
    ) -> Result<Wrapped, VaultError> {
        let inner = tenants.seal(&key_place(whose, generation, version), key.as_bytes())?;
        let wrapped = self.service_key.wrap(whose, &inner).await?;
        Ok(Wrapped::new(generation, wrapped, version))
    }

    /// The customer's key; `None` as with [`Vault::ring_or_again`]: the key may have been wrapped anew since it was read.
    pub(super) async fn subject_key(
        &self,
        whose: Whose,
        wrapped: &Wrapped,
        round: u32,
    ) -> Result<Option<Arc<Key>>, VaultError> {
        let name = (whose, wrapped.sha256.clone());
        if let Some((_, key)) = self.subject_keys.get(&name) {
            return Ok(Some(key));
        }
        let Some((since, ring)) = self.ring_or_again(whose.tenant, wrapped.tenant_key, round).await? else {
            return Ok(None);
        };
        let tenants = ring.key(wrapped.tenant_key).ok_or(KEY_GONE)?;
        let key = Arc::new(self.unwrap(whose, wrapped, tenants).await?);
        // As old as the tenant's key that opened it: what was learnt from a key that is gone goes when that would.
        self.subject_keys.keep(name, since, Arc::clone(&key));
        Ok(Some(key))
    }

    pub(super) async fn unwrap(&self, whose: Whose, wrapped: &Wrapped, tenants: &Key) -> Result<Key, VaultError> {
        let inner = self.service_key.unwrap(whose, &wrapped.blob).await?;
        let place = key_place(whose, wrapped.generation, wrapped.tenant_key);
        let key = tenants.open(&place, &inner);
        let key = key.map_err(|DoesNotOpen| VaultError::DoesNotOpen("a wrapped key"))?;
        Key::from_slice(&key).ok_or(VaultError::Unreadable("a wrapped key"))
    }

    /// The tenant's keys with that version among them, and since when they are known. `None`: it is not, as when the
    /// tenant's key was changed since something that names the version was read; that is to be looked at again. If it
    /// still names the version then, the key is gone for good.
    pub(super) async fn ring_or_again(
        &self,
        tenant: TenantId,
        version: u64,
        round: u32,
    ) -> Result<Option<(Instant, Arc<Ring>)>, VaultError> {
        match self.ring_with(tenant, version).await? {
            None if round >= 2 => Err(KEY_GONE),
            found => Ok(found),
        }
    }

    /// `None` if the version is not among the tenant's keys even when they are asked for anew.
    async fn ring_with(&self, tenant: TenantId, version: u64) -> Result<Option<(Instant, Arc<Ring>)>, VaultError> {
        if let Some((since, ring)) = self.rings.get(&tenant)
            && ring.key(version).is_some()
        {
            return Ok(Some((since, ring)));
        }
        let since = Instant::now();
        let Some(ring) = self.tenant_keys.read(tenant).await?.map(Arc::new) else {
            self.rings.forget(&tenant);
            return Ok(None);
        };
        self.rings.keep(tenant, since, Arc::clone(&ring));
        Ok(ring.key(version).is_some().then_some((since, ring)))
    }
}

fn key_place(whose: Whose, generation: u64, version: u64) -> Place {
    place(What::SubjectKey, whose, generation, version)
}
