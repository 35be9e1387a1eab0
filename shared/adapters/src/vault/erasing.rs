//! What can be destroyed of the vault, by who needs no key for it: nothing here reads what is sealed.

mod holds;
mod secret;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::erasure::{Left, Whom};
use domain::ids::{CustomerId, ErasureId, TenantId};
use futures_util::{TryStreamExt, stream};
use time::OffsetDateTime;

use self::secret::Secrets;
use super::tables::Tables;
pub use super::tables::Written;
use super::tables::remains::{Doomed, Remains};
use super::{VaultError, Whose};
use crate::environment;

/// So many customers of a tenant are worked on at a time.
const AT_ONCE: usize = 8;
/// How often a key is begun to be destroyed that others are changing.
const ROUNDS: u32 = 20;

/// The destroyer of keys.
pub struct Shredder {
    tables: Tables,
    secrets: Secrets,
}

/// What is known of whom an erasure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nobody,
    /// There are keys to destroy.
    Active,
    /// It is erased, or marked as a tenant is whose keys are being destroyed.
    ErasedBy {
        /// By which erasure.
        erasure: ErasureId,
        /// When the person's key was destroyed; of a tenant: `None`.
        at: Option<OffsetDateTime>,
    },
}

impl Shredder {
    /// Connects to nothing yet.
    pub async fn open(config: &environment::Erasing) -> Self {
        Self {
            tables: Tables::open(config.customers_table.clone(), config.keys_table.clone()).await,
            secrets: Secrets::open(config.tenant_keys.clone()).await,
        }
    }

    /// What is known of whom an erasure is about.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn known(&self, whom: Whom) -> Result<Known, VaultError> {
        let Whom { tenant, customer } = whom;
        let erased = match customer {
            None => match self.tables.tenant_remains(tenant).await? {
                Doomed::Erased(erasure) => Doomed::Erased((erasure, None)),
                Doomed::Active => Doomed::Active,
                Doomed::Nobody => Doomed::Nobody,
            },
            Some(customer) => match self.tables.remains(Whose { tenant, customer }).await? {
                Doomed::Erased(remains) => Doomed::Erased((remains.erasure, Some(remains.erased_at))),
                Doomed::Active => Doomed::Active,
                Doomed::Nobody => Doomed::Nobody,
            },
        };
        Ok(match erased {
            Doomed::Nobody => Known::Nobody,
            Doomed::Active => Known::Active,
            Doomed::Erased((erasure, at)) => Known::ErasedBy { erasure, at },
        })
    }

    /// Destroys a customer's key, or lets a tenant have no key for anybody any more; together with `noting`, or not at all. Lost:
    /// a hold stands, or others were first.
    ///
    /// # Errors
    /// [`VaultError`]: it may be destroyed, and noted.
    pub async fn destroy(
        &self,
        whom: Whom,
        erasure: ErasureId,
        at: OffsetDateTime,
        noting: TransactWriteItem,
    ) -> Result<Written, VaultError> {
        let Whom { tenant, customer } = whom;
        match customer {
            Some(customer) => {
                let whose = Whose { tenant, customer };
                self.tables.destroy_key(whose, (erasure, at), Some(noting)).await
            }
            None => self.tables.destroy_tenant(tenant, (erasure, at), noting).await,
        }
    }

    /// Deletes the tenant's secret without recovery, if there is one, and makes sure that there is none. A first customer that was
    /// on its way when the tenant was erased may have made one since: nothing lies under it.
    ///
    /// # Errors
    /// [`VaultError`], also as long as it is not gone.
    pub async fn destroy_secret(&self, tenant: TenantId) -> Result<(), VaultError> {
        self.secrets.destroy(tenant).await
    }

    /// What the tenant's secret was called.
    #[must_use]
    pub fn secret(&self, tenant: TenantId) -> String {
        self.secrets.name(tenant)
    }

    /// Removes what is left of an erased customer: whose accounts were whose, then the record, once it was seen that there is no
    /// key for it. Of somebody restored from the past: the same.
    ///
    /// # Errors
    /// [`VaultError`]; [`VaultError::NotErased`] of a key or a link that stands in spite of the erasure.
    pub async fn sweep(&self, whose: Whose) -> Result<(), VaultError> {
        match self.tables.remains(whose).await? {
            Doomed::Erased(remains) => self.sweep_remains(whose, &remains).await,
            Doomed::Active | Doomed::Nobody => Err(not_erased(KEY, whose)),
        }
    }

    async fn sweep_remains(&self, whose: Whose, remains: &Remains) -> Result<(), VaultError> {
        // As the vault does: it opens nothing without the wrapped key, and this is where it looks for it.
        if remains.has_key {
            return Err(not_erased(KEY, whose));
        }
        if !remains.accounts.is_empty() {
            for account in &remains.accounts {
                self.tables.unlink(whose, *account).await?;
                // Looked at here, and not before the certificate: then nobody knows any more which accounts they were.
                if self.tables.owner_of(whose.tenant, *account).await? == Some(whose.customer) {
                    return Err(not_erased(LINK, whose));
                }
            }
            self.tables.forget_accounts(whose).await?;
        }
        if let Some(sealed) = self.tables.sealed(whose).await? {
            if remains.sealed_sha256.is_none() {
                self.tables.keep_fingerprint(whose, sealed).await?;
            }
            self.tables.remove_record(whose).await?;
        }
        Ok(())
    }

    /// Destroys the keys of some customers of an erased tenant, those behind `after`, and removes what is left of them.
    /// Returns the last of them; `None`: there are no more.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn sweep_page(
        &self,
        tenant: TenantId,
        after: Option<CustomerId>,
        erasure: (ErasureId, OffsetDateTime),
    ) -> Result<Option<CustomerId>, VaultError> {
        let page = self.tables.doomed(tenant, after).await?;
        let last = page.last().map(|(whose, _)| whose.customer);
        stream::iter(page.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, async |(whose, doomed)| match doomed {
                Doomed::Erased(remains) => self.sweep_remains(whose, &remains).await,
                Doomed::Active | Doomed::Nobody => self.destroy_and_sweep(whose, erasure).await,
            })
            .await?;
        Ok(last)
    }

    async fn destroy_and_sweep(&self, whose: Whose, erasure: (ErasureId, OffsetDateTime)) -> Result<(), VaultError> {
        for _ in 0..ROUNDS {
            // Lost: its own erasure was first, or its key has just been wrapped anew, or an account linked.
            self.tables.destroy_key(whose, erasure, None).await?;
            if let Doomed::Erased(remains) = self.tables.remains(whose).await? {
                return self.sweep_remains(whose, &remains).await;
            }
        }
        Err(VaultError::Contended)
    }

    /// A customer's fingerprints, once it was seen that nothing else is left.
    ///
    /// # Errors
    /// [`VaultError`]; [`VaultError::NotErased`] of what is left.
    pub async fn left_of(&self, whose: Whose) -> Result<Left, VaultError> {
        let left = left(whose, self.tables.remains(whose).await?)?;
        match self.tables.sealed(whose).await? {
            None => Ok(left),
            Some(_) => Err(not_erased(RECORD, whose)),
        }
    }

    /// The fingerprints of a page of an erased tenant's customers, behind `after`, in order of their ids. Empty: there are no
    /// more.
    ///
    /// # Errors
    /// [`VaultError`]; [`VaultError::NotErased`] of what is left.
    pub async fn left_of_page(&self, tenant: TenantId, after: Option<CustomerId>) -> Result<Vec<Left>, VaultError> {
        let page = self.tables.doomed(tenant, after).await?;
        page.into_iter().map(|(whose, doomed)| left(whose, doomed)).collect()
    }

    /// Makes sure that no record and no link of any customer of an erased tenant is left.
    ///
    /// # Errors
    /// [`VaultError`]; [`VaultError::NotErased`] of what is left.
    pub async fn has_left_nothing(&self, tenant: TenantId) -> Result<(), VaultError> {
        let whom = Whom { tenant, customer: None };
        if self.tables.any_record(tenant).await? {
            return Err(VaultError::NotErased(RECORD, whom));
        }
        if self.tables.any_link(tenant).await? {
            return Err(VaultError::NotErased(LINK, whom));
        }
        Ok(())
    }

    /// Whether the service keeps copies of the table of keys by itself, from which a destroyed one could come back.
    ///
    /// # Errors
    /// [`VaultError`]
    pub async fn is_copied(&self) -> Result<bool, VaultError> {
        self.tables.is_copied().await
    }
}

const KEY: &str = "the key";
const RECORD: &str = "a record";
const LINK: &str = "an account's link";

fn not_erased(what: &'static str, Whose { tenant, customer }: Whose) -> VaultError {
    let customer = Some(customer);
    VaultError::NotErased(what, Whom { tenant, customer })
}

fn left(whose: Whose, doomed: Doomed<Remains>) -> Result<Left, VaultError> {
    match doomed {
        Doomed::Erased(remains) if remains.has_key => Err(not_erased(KEY, whose)),
        Doomed::Erased(remains) if !remains.accounts.is_empty() => Err(not_erased(LINK, whose)),
        Doomed::Erased(remains) => Ok(Left {
            customer: whose.customer,
            erasure: remains.erasure,
            wrapped: remains.wrapped_sha256,
            sealed: remains.sealed_sha256,
        }),
        Doomed::Active | Doomed::Nobody => Err(not_erased(KEY, whose)),
    }
}
