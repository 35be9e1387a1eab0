//! The vault's items, as they stand in their two tables.
//!
//! | table | key | what |
//! |---|---|---|
//! | customers | `tenant#…`, `customer#…` | the record: `sealed`, `generation`, `version`, `updated_at` |
//! | keys | `tenant#…`, `customer#…` | `state`, `generation`, `wrapped`, `wrapped_sha256`, `tenant_key`, `accounts` |
//! | keys | `tenant#…`, `account#…` | `customer`: whose account it is |
//! | keys | `tenant#…`, `tenant` | `state`, and `tenant_key`: the version that new keys are wrapped under |
//!
//! An erased customer keeps its item, without the key and the accounts: the id stays taken. [`super::tables::remains`] says
//! what is in it, and `tables::holds` how legal holds lie in the table of keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::answer::timestamp;
use domain::digest::hash::Hash;
use domain::ids::{AccountId, CustomerId, TenantId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{VaultError, Whose};

/// An item of either table.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const ACTIVE: &str = "active";
pub(super) const ERASED: &str = "erased";

/// What is known of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// New keys are wrapped under this version of its key.
    Active { tenant_key: u64 },
    /// Nothing is kept for it any more, nor ever again.
    Erased,
}

/// What is known of a customer's key.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Active(Wrapped),
    Erased,
}

/// A customer's key, wrapped twice, and whose accounts are the customer's.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Wrapped {
    pub(super) generation: u64,
    pub(super) blob: Vec<u8>,
    pub(super) sha256: String,
    pub(super) tenant_key: u64,
    pub(super) accounts: Vec<AccountId>,
}

impl Wrapped {
    pub(super) fn new(generation: u64, blob: Vec<u8>, tenant_key: u64) -> Self {
        Self {
            generation,
            sha256: sha256(&blob),
            blob,
            tenant_key,
            accounts: Vec::new(),
        }
    }
}

/// What is known of a customer, sealed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sealed: Vec<u8>,
    pub(super) generation: u64,
    pub(super) version: u64,
    pub(super) updated_at: OffsetDateTime,
}

/// A key's fingerprint, in hexadecimal: it stays when the key is gone, and tells nothing of it.
fn sha256(wrapped: &[u8]) -> String {
    Hash::of(wrapped).to_string()
}

pub(super) fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The key of an item: where it lies.
pub(super) fn key(tenant: TenantId, sort: String) -> Item {
    let (pk, sk) = (format!("tenant#{tenant}"), sort);
    [("pk", pk), ("sk", sk)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
        .into()
}

pub(super) const TENANT: &str = "tenant";
/// What customers' sort keys begin with.
pub(super) const CUSTOMER: &str = "customer#";

/// What the sort keys begin with of whose account is whose.
pub(super) const ACCOUNT: &str = "account#";

pub(super) fn of_customer(customer: CustomerId) -> String {
    format!("{CUSTOMER}{customer}")
}

pub(super) fn of_account(account: AccountId) -> String {
    format!("{ACCOUNT}{account}")
}

pub(super) fn write_record(whose: Whose, record: &Record) -> Item {
    let mut item = key(whose.tenant, of_customer(whose.customer));
    let values = [
        ("sealed", bytes(&record.sealed)),
        ("generation", number(record.generation)),
        ("version", number(record.version)),
        ("updated_at", AttributeValue::S(timestamp(record.updated_at))),
    ];
    item.extend(values.map(|(name, value)| (name.to_owned(), value)));
    item
}

/// Without accounts: it is new.
pub(super) fn write_key(whose: Whose, wrapped: &Wrapped) -> Item {
    let mut item = key(whose.tenant, of_customer(whose.customer));
    let values = [
        ("state", AttributeValue::S(ACTIVE.to_owned())),
        ("generation", number(wrapped.generation)),
        ("wrapped", bytes(&wrapped.blob)),
        ("wrapped_sha256", text(&wrapped.sha256)),
        ("tenant_key", number(wrapped.tenant_key)),
    ];
    item.extend(values.map(|(name, value)| (name.to_owned(), value)));
    item
}

pub(super) fn read_tenant(item: &Item) -> Result<Tenant, VaultError> {
    match string(item, "state")? {
        ACTIVE => Ok(Tenant::Active {
            tenant_key: integer(item, "tenant_key")?,
        }),
        ERASED => Ok(Tenant::Erased),
        _ => Err(VaultError::Unreadable("state")),
    }
}

pub(super) fn read_subject(item: &Item) -> Result<Subject, VaultError> {
    match string(item, "state")? {
        ACTIVE => Ok(Subject::Active(Wrapped {
            generation: integer(item, "generation")?,
            blob: blob(item, "wrapped")?,
            sha256: string(item, "wrapped_sha256")?.to_owned(),
            tenant_key: integer(item, "tenant_key")?,
            accounts: accounts(item)?,
        })),
        ERASED => Ok(Subject::Erased),
        _ => Err(VaultError::Unreadable("state")),
    }
}

pub(super) fn read_record(item: &Item) -> Result<Record, VaultError> {
    let updated_at = OffsetDateTime::parse(string(item, "updated_at")?, &Rfc3339);
    Ok(Record {
        sealed: blob(item, "sealed")?,
        generation: integer(item, "generation")?,
        version: integer(item, "version")?,
        updated_at: updated_at.map_err(|_| VaultError::Unreadable("updated_at"))?,
    })
}

/// Whose item it is, by its sort key; `None` for one that is no customer's.
pub(super) fn customer(item: &Item) -> Option<CustomerId> {
    string(item, "sk").ok()?.strip_prefix(CUSTOMER)?.parse().ok()
}

pub(super) fn accounts(item: &Item) -> Result<Vec<AccountId>, VaultError> {
    let unreadable = || VaultError::Unreadable("accounts");
    let mut accounts: Vec<AccountId> = match item.get("accounts") {
        None => return Ok(Vec::new()),
        Some(AttributeValue::Ss(ids)) => ids
            .iter()
            .map(|id| id.parse().map_err(|_| unreadable()))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(unreadable()),
    };
    // A set has no order; an answer should have one.
    accounts.sort();
    Ok(accounts)
}

pub(super) fn string<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, VaultError> {
    match item.get(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(VaultError::Unreadable(name)),
    }
}

fn integer(item: &Item, name: &'static str) -> Result<u64, VaultError> {
    match item.get(name) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| VaultError::Unreadable(name)),
        _ => Err(VaultError::Unreadable(name)),
    }
}

fn blob(item: &Item, name: &'static str) -> Result<Vec<u8>, VaultError> {
    match item.get(name) {
        Some(AttributeValue::B(value)) => Ok(value.as_ref().to_vec()),
        _ => Err(VaultError::Unreadable(name)),
    }
}
