//! What is left of whom an erasure is about, and whether that is all.
//!
//! An erased customer's key item keeps `state`, `generation`, `wrapped_sha256`, and gets `erasure`, `erased_at` and
//! `sealed_sha256`: enough for the certificate, and for nobody to come back under the id. An erased tenant's gets `erasure`
//! and `marked_at`.

use aws_sdk_dynamodb::types::{AttributeValue, PointInTimeRecoveryStatus, StreamSpecification};
use domain::digest::hash::Hash;
use domain::ids::{AccountId, CustomerId, ErasureId, TenantId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::item::{self, ACTIVE, ERASED, Item, text};
use super::super::{VaultError, Whose};
use super::{Tables, unavailable};

/// What is left of a customer's key.
pub(in super::super) struct Remains {
    /// Who destroyed it.
    pub(in super::super) erasure: ErasureId,
    /// And when.
    pub(in super::super) erased_at: OffsetDateTime,
    /// The key's fingerprint.
    pub(in super::super) wrapped_sha256: Hash,
    /// That of the last record that was removed, if any was.
    pub(in super::super) sealed_sha256: Option<Hash>,
    /// Accounts whose mapping may still stand.
    pub(in super::super) accounts: Vec<AccountId>,
    /// There is a wrapped key all the same, which no writer of this vault leaves.
    pub(in super::super) has_key: bool,
}

/// What is known of whom an erasure is about.
pub(in super::super) enum Doomed<T> {
    Nobody,
    Active,
    Erased(T),
}

impl Tables {
    /// What is left of a customer.
    pub(in super::super) async fn remains(&self, whose: Whose) -> Result<Doomed<Remains>, VaultError> {
        match self
            .item_of(&self.keys, whose.tenant, item::of_customer(whose.customer))
            .await?
        {
            None => Ok(Doomed::Nobody),
            Some(found) => read_remains(&found),
        }
    }

    /// By which erasure a tenant was erased.
    pub(in super::super) async fn tenant_remains(&self, tenant: TenantId) -> Result<Doomed<ErasureId>, VaultError> {
        match self.item_of(&self.keys, tenant, item::TENANT.to_owned()).await? {
            None => Ok(Doomed::Nobody),
            Some(found) => match item::string(&found, "state")? {
                ACTIVE => Ok(Doomed::Active),
                ERASED => Ok(Doomed::Erased(erasure(&found)?)),
                _ => Err(VaultError::Unreadable("state")),
            },
        }
    }

    /// The fingerprint of a customer's record, if there is one. Its bytes alone are looked at, so that one that cannot be read is
    /// removed like any other; without any, it is that of nothing.
    pub(in super::super) async fn sealed(&self, whose: Whose) -> Result<Option<Hash>, VaultError> {
        let found = self
            .item_of(&self.records, whose.tenant, item::of_customer(whose.customer))
            .await?;
        Ok(found.map(|found| match found.get("sealed") {
            Some(AttributeValue::B(sealed)) => Hash::of(sealed.as_ref()),
            Some(_) | None => Hash::of(b""),
        }))
    }

    /// A page of a tenant's customers behind `after`, with what is left of each: in order of their ids. Empty: there are no
    /// more.
    pub(in super::super) async fn doomed(
        &self,
        tenant: TenantId,
        after: Option<CustomerId>,
    ) -> Result<Vec<(Whose, Doomed<Remains>)>, VaultError> {
        let page = self
            .page_of_customers(tenant, after.map(|after| item::key(tenant, item::of_customer(after))))
            .await?;
        let read = |found| {
            let customer = item::customer(found).ok_or(VaultError::Unreadable("sk"))?;
            let remains = read_remains(found).inspect_err(|error| {
                tracing::error!(tenant.id = %tenant, customer.id = %customer, %error, "what is left of a customer cannot be read");
            });
            Ok((Whose { tenant, customer }, remains?))
        };
        page.items().iter().map(read).collect()
    }

    /// Whether any item of the tenant's is there whose sort key begins so.
    async fn any(&self, table: &str, tenant: TenantId, begins: &str) -> Result<bool, VaultError> {
        let found = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("pk = :tenant AND begins_with(sk, :begins)")
            .expression_attribute_values(":tenant", text(&format!("tenant#{tenant}")))
            .expression_attribute_values(":begins", text(&begins))
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(found.count() > 0)
    }

    /// Whether there is a record of any of the tenant's customers.
    pub(in super::super) async fn any_record(&self, tenant: TenantId) -> Result<bool, VaultError> {
        self.any(&self.records, tenant, item::CUSTOMER).await
    }

    /// Whether any account is somebody's.
    pub(in super::super) async fn any_link(&self, tenant: TenantId) -> Result<bool, VaultError> {
        self.any(&self.keys, tenant, item::ACCOUNT).await
    }

    /// Whether the service keeps copies of the table of keys by itself: what is destroyed there could come back from one.
    pub(in super::super) async fn is_copied(&self) -> Result<bool, VaultError> {
        let asked = self.client.describe_continuous_backups().table_name(&self.keys).send();
        let backups = asked.await.map_err(|error| unavailable(&error))?;
        let recovery = backups
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status())
            .ok_or(VaultError::Unreadable("the recovery of the table of keys"))?;
        let asked = self.client.describe_table().table_name(&self.keys).send();
        let described = asked.await.map_err(|error| unavailable(&error))?;
        let table = described
            .table()
            .ok_or(VaultError::Unreadable("the description of the table of keys"))?;
        let has_stream = table
            .stream_specification()
            .is_some_and(StreamSpecification::stream_enabled);
        Ok(*recovery != PointInTimeRecoveryStatus::Disabled || has_stream)
    }
}

fn read_remains(found: &Item) -> Result<Doomed<Remains>, VaultError> {
    match item::string(found, "state")? {
        ACTIVE => Ok(Doomed::Active),
        ERASED => Ok(Doomed::Erased(Remains {
            erasure: erasure(found)?,
            erased_at: moment(found, "erased_at")?,
            wrapped_sha256: hash(found, "wrapped_sha256")?,
            sealed_sha256: found
                .contains_key("sealed_sha256")
                .then(|| hash(found, "sealed_sha256"))
                .transpose()?,
            accounts: item::accounts(found)?,
            has_key: found.contains_key("wrapped"),
        })),
        _ => Err(VaultError::Unreadable("state")),
    }
}

fn erasure(found: &Item) -> Result<ErasureId, VaultError> {
    let id = item::string(found, "erasure")?.parse();
    id.map_err(|_| VaultError::Unreadable("erasure"))
}

fn hash(found: &Item, name: &'static str) -> Result<Hash, VaultError> {
    let hash = item::string(found, name)?.parse();
    hash.map_err(|_| VaultError::Unreadable(name))
}

fn moment(found: &Item, name: &'static str) -> Result<OffsetDateTime, VaultError> {
    OffsetDateTime::parse(item::string(found, name)?, &Rfc3339).map_err(|_| VaultError::Unreadable(name))
}
