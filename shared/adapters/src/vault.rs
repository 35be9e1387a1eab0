//! The vault: what merchants keep of their customers. The ledger holds account ids alone; whoever they belong to stands
//! here, sealed, so that it can be erased and the books still balance.
//!
//! A record is sealed under a key of the customer's own. That is wrapped under the tenant's key (a secret), and the
//! result by the service's key, which wants to know tenant and customer each time. Either the secret or the wrapped key
//! is enough to destroy. `docs/customers.md` says more.
//!
//! Writes are conditional ([`tables`]); what has lost begins again by looking at what stands.

mod cache;
pub mod erasing;
mod error;
mod item;
mod keys;
mod rotation;
mod seal;
mod service_key;
mod tables;
mod tenant_keys;

use std::time::Duration;

use domain::customer::Customer;
use domain::ids::{AccountId, CustomerId, TenantId};
use time::OffsetDateTime;

use self::cache::Cache;
pub use self::error::VaultError;
use self::item::{Record, Subject, Tenant, Wrapped};
use self::keys::KEY_GONE;
pub use self::rotation::{Rotated, Stopped};
use self::seal::{DoesNotOpen, Key, Place, What};
use self::service_key::ServiceKey;
use self::tables::{Looked, Tables, Written};
use self::tenant_keys::{Ring, TenantKeys};
use crate::environment;

/// How often something that met others' writes is begun anew, before the client is asked to.
const ROUNDS: u32 = 8;
/// A customer's first key; it has no other as long as nothing makes it anew.
const FIRST_GENERATION: u64 = 1;

/// Whose data it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whose {
    /// Of the verified token.
    pub tenant: TenantId,
    /// As the tenant calls the person.
    pub customer: CustomerId,
}

/// A customer who is there, or was.
#[derive(Debug)]
pub enum Found {
    /// Known.
    Known(Box<Known>),
    /// Erased, alone or with the tenant.
    Erased,
    /// Never heard of.
    Nobody,
}

/// What is known of a customer.
#[derive(Debug)]
pub struct Known {
    /// What the merchant said.
    pub customer: Customer,
    /// The customer's accounts in the ledger, in order.
    pub accounts: Vec<AccountId>,
    /// Counts the replacements, from 1.
    pub version: u64,
    /// When it was stored.
    pub updated_at: OffsetDateTime,
}

/// How the storing of a customer ended.
#[derive(Debug)]
pub enum Stored {
    /// There was none.
    Made(Known),
    /// There was one.
    Replaced(Known),
    /// The customer was erased, alone or with the tenant: nothing was stored.
    Erased,
}

/// How the linking of an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is the customer's, from now on or since before.
    Done,
    /// It is another's.
    Anothers,
    /// The customer has [`domain::customer::MOST_ACCOUNTS`] already.
    TooMany,
    /// The customer was erased.
    Erased,
    /// There is no such customer.
    Nobody,
}

/// The vault.
pub struct Vault {
    tables: Tables,
    service_key: ServiceKey,
    tenant_keys: TenantKeys,
    /// By tenant.
    rings: Cache<TenantId, Ring>,
    /// By customer and the fingerprint of the wrapped key.
    subject_keys: Cache<(Whose, String), Key>,
}

impl Vault {
    /// The vault of this environment; connects to nothing yet.
    pub async fn open(config: environment::Vault) -> Self {
        Self {
            tables: Tables::open(config.customers_table, config.keys_table).await,
            service_key: ServiceKey::open(config.service_key.clone()).await,
            tenant_keys: TenantKeys::open(config.tenant_keys, config.service_key).await,
            rings: Cache::lasting(config.keys_live),
            subject_keys: Cache::lasting(config.keys_live),
        }
    }

    /// What is known of a customer.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn find(&self, whose: Whose) -> Result<Found, VaultError> {
        for round in 0..ROUNDS {
            pause(round).await;
            let Some(looked) = self.tables.look(whose).await? else {
                continue;
            };
            if looked.is_erased() {
                return Ok(Found::Erased);
            }
            let (Some(Subject::Active(wrapped)), Some(record)) = (looked.subject, looked.record) else {
                return Ok(Found::Nobody);
            };
            let Some(key) = self.subject_key(whose, &wrapped, round).await? else {
                continue;
            };
            return Ok(Found::Known(Box::new(Known {
                customer: unseal(&key, whose, &record)?,
                accounts: wrapped.accounts,
                version: record.version,
                updated_at: record.updated_at,
            })));
        }
        Err(VaultError::Contended)
    }

    /// Stores what is known of a customer in place of what was. Of several at once each is stored whole, one after the
    /// other.
    ///
    /// # Errors
    /// [`VaultError`]: it may be stored; storing it again does no harm.
    pub async fn store(&self, whose: Whose, customer: Customer, now: OffsetDateTime) -> Result<Stored, VaultError> {
        for round in 0..ROUNDS {
            pause(round).await;
            let Some(looked) = self.tables.look(whose).await? else {
                continue;
            };
            if looked.is_erased() {
                return Ok(Stored::Erased);
            }
            let before = looked.record.as_ref().map(|record| record.version);
            let (is_new, accounts) = match &looked.subject {
                Some(Subject::Active(wrapped)) => (false, wrapped.accounts.clone()),
                Some(Subject::Erased) | None => (true, Vec::new()),
            };
            let attempt = match looked.subject {
                Some(Subject::Active(wrapped)) => self.replace(whose, &wrapped, round, before, &customer, now).await?,
                Some(Subject::Erased) | None => self.make(whose, looked.tenant, round, before, &customer, now).await?,
            };
            let Some(record) = attempt else {
                continue;
            };
            let known = Known {
                customer,
                accounts,
                version: record.version,
                updated_at: record.updated_at,
            };
            return Ok(if is_new {
                Stored::Made(known)
            } else {
                Stored::Replaced(known)
            });
        }
        Err(VaultError::Contended)
    }

    /// Makes an account of the tenant's the customer's. Whether it may be one is not asked here.
    ///
    /// # Errors
    /// [`VaultError`]: it may be linked; linking it again does no harm.
    pub async fn link(&self, whose: Whose, account: AccountId) -> Result<Linked, VaultError> {
        for round in 0..ROUNDS {
            pause(round).await;
            let Some(looked) = self.tables.look(whose).await? else {
                continue;
            };
            if looked.is_erased() {
                return Ok(Linked::Erased);
            }
            let Some(Subject::Active(wrapped)) = looked.subject else {
                return Ok(Linked::Nobody);
            };
            match self.tables.link(whose, wrapped.generation, account).await? {
                Written::Done => return Ok(Linked::Done),
                Written::Lost => match self.tables.owner_of(whose.tenant, account).await? {
                    Some(owner) if owner != whose.customer => return Ok(Linked::Anothers),
                    None if wrapped.accounts.len() >= domain::customer::MOST_ACCOUNTS => return Ok(Linked::TooMany),
                    Some(_) | None => (),
                },
            }
        }
        Err(VaultError::Contended)
    }

    /// A record under the key that the customer has; `None` if others were first.
    async fn replace(
        &self,
        whose: Whose,
        wrapped: &Wrapped,
        round: u32,
        before: Option<u64>,
        customer: &Customer,
        now: OffsetDateTime,
    ) -> Result<Option<Record>, VaultError> {
        let Some(key) = self.subject_key(whose, wrapped, round).await? else {
            return Ok(None);
        };
        let record = sealed(&key, whose, wrapped.generation, before, customer, now)?;
        let written = self.tables.write_next(whose, (before, &record)).await?;
        Ok((written == Written::Done).then_some(record))
    }

    /// A record under a new key, of a tenant that may be new as well; `None` if others were first.
    async fn make(
        &self,
        whose: Whose,
        tenant: Option<Tenant>,
        round: u32,
        before: Option<u64>,
        customer: &Customer,
        now: OffsetDateTime,
    ) -> Result<Option<Record>, VaultError> {
        let Some(Tenant::Active { tenant_key }) = tenant else {
            // The secret first: whoever is noted has one, so that one that is gone is never made anew.
            let ring = self.tenant_keys.read_or_create(whose.tenant).await?;
            self.tables.note_tenant(whose.tenant, ring.current()).await?;
            return Ok(None);
        };
        let Some((_, ring)) = self.ring_or_again(whose.tenant, tenant_key, round).await? else {
            return Ok(None);
        };
        let tenants = ring.key(tenant_key).ok_or(KEY_GONE)?;
        let key = Key::random()?;
        let wrapped = self.wrap(whose, FIRST_GENERATION, (tenant_key, tenants), &key).await?;
        let record = sealed(&key, whose, wrapped.generation, before, customer, now)?;
        let written = self.tables.write_first(whose, &wrapped, (before, &record)).await?;
        Ok((written == Written::Done).then_some(record))
    }
}

impl Looked {
    fn is_erased(&self) -> bool {
        self.tenant == Some(Tenant::Erased) || matches!(self.subject, Some(Subject::Erased))
    }
}

fn place(what: What, whose: Whose, generation: u64, version: u64) -> Place {
    Place {
        what,
        tenant: whose.tenant,
        customer: whose.customer,
        generation,
        version,
    }
}

/// The record that follows version `before`.
fn sealed(
    key: &Key,
    whose: Whose,
    generation: u64,
    before: Option<u64>,
    customer: &Customer,
    now: OffsetDateTime,
) -> Result<Record, VaultError> {
    let version = before.unwrap_or_default() + 1;
    let plain = zeroize::Zeroizing::new(customer.to_bytes());
    Ok(Record {
        sealed: key.seal(&place(What::Record, whose, generation, version), &plain)?,
        generation,
        version,
        updated_at: now,
    })
}

fn unseal(key: &Key, whose: Whose, record: &Record) -> Result<Customer, VaultError> {
    let place = place(What::Record, whose, record.generation, record.version);
    let plain = key.open(&place, &record.sealed);
    let plain = plain.map_err(|DoesNotOpen| VaultError::DoesNotOpen("a record"))?;
    Customer::from_bytes(&plain).map_err(|_| VaultError::Unreadable("a record"))
}

/// Before each round but the first: longer each time, and never as long as another's.
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=10 << round))).await;
    }
}
