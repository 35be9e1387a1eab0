//! The vault's two tables. Every write is a transaction with conditions and has three ends: done, lost, or unknown (an
//! error: it may have landed). A transaction that the SDK repeats is carried out once: it names itself by a token.

mod erasing;
mod holds;
pub(super) mod remains;
mod rewrapping;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Get, Put, TransactGetItem, TransactWriteItem, Update,
};
use domain::customer::MOST_ACCOUNTS;
use domain::ids::{AccountId, CustomerId, TenantId};

use super::item::{self, ACTIVE, Item, Record, Subject, Tenant, Wrapped, number, text};
use super::{VaultError, Whose};
use crate::aws;

/// The tables by their names.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    client: Client,
    records: String,
    keys: String,
}

/// All that stands of a customer: key and record at one moment, the tenant at about the same.
pub(super) struct Looked {
    pub(super) tenant: Option<Tenant>,
    pub(super) subject: Option<Subject>,
    pub(super) record: Option<Record>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// All of it.
    Done,
    /// Nothing of it: a condition did not hold, or somebody else was at one of the items. Looking again tells which.
    Lost,
}

impl Tables {
    pub(super) async fn open(records: String, keys: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            records,
            keys,
        }
    }

    /// What stands of a customer. `None`: somebody is writing it at this moment.
    ///
    /// The tenant is looked at outside the transaction: DynamoDB cancels transactions that meet at an item, and each new
    /// customer of the tenant checks that one. Nothing wants it to be of the same moment. A tenant that was erased before
    /// this began is seen as erased; and whoever makes a customer of what was seen has it checked once more.
    pub(super) async fn look(&self, whose: Whose) -> Result<Option<Looked>, VaultError> {
        let (tenant, stands) = tokio::try_join!(self.tenant(whose.tenant), self.of_customer(whose))?;
        Ok(stands.map(|(subject, record)| Looked {
            tenant,
            subject,
            record,
        }))
    }

    /// An item of one of the tables, as it stands.
    async fn item_of(&self, table: &str, tenant: TenantId, sort: String) -> Result<Option<Item>, VaultError> {
        let found = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(item::key(tenant, sort)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(found.item)
    }

    /// A page of a tenant's customers' keys, in order of their ids, from behind `from`.
    async fn page_of_customers(&self, tenant: TenantId, from: Option<Item>) -> Result<QueryOutput, VaultError> {
        self.client
            .query()
            .table_name(&self.keys)
            .key_condition_expression("pk = :tenant AND begins_with(sk, :customer)")
            .expression_attribute_values(":tenant", text(&format!("tenant#{tenant}")))
            .expression_attribute_values(":customer", text(&item::CUSTOMER))
            .set_exclusive_start_key(from)
            .consistent_read(true)
            .limit(100)
            .send()
            .await
            .map_err(|error| unavailable(&error))
    }

    /// What is noted of a tenant.
    pub(super) async fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, VaultError> {
        let found = self.item_of(&self.keys, tenant, item::TENANT.to_owned()).await?;
        found.as_ref().map(item::read_tenant).transpose()
    }

    /// Key and record of a customer, at one moment. `None`: somebody is writing them.
    async fn of_customer(&self, whose: Whose) -> Result<Option<(Option<Subject>, Option<Record>)>, VaultError> {
        let get = |table: &String| {
            let key = item::key(whose.tenant, item::of_customer(whose.customer));
            let get = Get::builder().table_name(table).set_key(Some(key));
            let get = get.build().map_err(unbuilt)?;
            Ok::<_, VaultError>(TransactGetItem::builder().get(get).build())
        };
        let looked = self
            .client
            .transact_get_items()
            .transact_items(get(&self.keys)?)
            .transact_items(get(&self.records)?)
            .send()
            .await;
        let looked = match looked {
            Ok(looked) => looked.responses.unwrap_or_default(),
            Err(error) => {
                return match error.as_service_error() {
                    Some(TransactGetItemsError::TransactionCanceledException(canceled))
                        if is_lost(canceled.cancellation_reasons()) =>
                    {
                        Ok(None)
                    }
                    _ => Err(unavailable(&error)),
                };
            }
        };
        let mut items = looked.into_iter().map(|response| response.item);
        let mut next = || items.next().flatten();
        let subject = next().as_ref().map(item::read_subject).transpose()?;
        let record = next().as_ref().map(item::read_record).transpose()?;
        Ok(Some((subject, record)))
    }

    /// Notes that the tenant keeps customers here, unless something is noted of it already.
    pub(super) async fn note_tenant(&self, tenant: TenantId, tenant_key: u64) -> Result<Written, VaultError> {
        let mut noted = item::key(tenant, item::TENANT.to_owned());
        noted.insert("state".to_owned(), text(&ACTIVE));
        noted.insert("tenant_key".to_owned(), number(tenant_key));
        let put = Put::builder()
            .table_name(&self.keys)
            .set_item(Some(noted))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        self.write([TransactWriteItem::builder().put(put).build()]).await
    }

    /// A customer's first record with its key, if there is no such key yet, and new keys are still wrapped under that
    /// version of the tenant's.
    pub(super) async fn write_first(
        &self,
        whose: Whose,
        wrapped: &Wrapped,
        (before, record): (Option<u64>, &Record),
    ) -> Result<Written, VaultError> {
        let tenant = ConditionCheck::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::TENANT.to_owned())))
            .condition_expression("#state = :active AND tenant_key = :tenant_key")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":tenant_key", number(wrapped.tenant_key))
            .build()
            .map_err(unbuilt)?;
        let key = Put::builder()
            .table_name(&self.keys)
            .set_item(Some(item::write_key(whose, wrapped)))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        self.write([
            TransactWriteItem::builder().condition_check(tenant).build(),
            TransactWriteItem::builder().put(key).build(),
            self.put_record(whose, before, record)?,
        ])
        .await
    }

    /// A customer's next record, if its key is still the one that sealed it, and the record is that one version older.
    pub(super) async fn write_next(
        &self,
        whose: Whose,
        (before, record): (Option<u64>, &Record),
    ) -> Result<Written, VaultError> {
        // Not of the tenant: every writer of a tenant would meet at its item. Whoever erases a tenant erases each
        // customer of it, and this condition fails from then on.
        let key = ConditionCheck::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .condition_expression("#state = :active AND generation = :generation")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":generation", number(record.generation))
            .build()
            .map_err(unbuilt)?;
        self.write([
            TransactWriteItem::builder().condition_check(key).build(),
            self.put_record(whose, before, record)?,
        ])
        .await
    }

    fn put_record(&self, whose: Whose, before: Option<u64>, record: &Record) -> Result<TransactWriteItem, VaultError> {
        let put = Put::builder()
            .table_name(&self.records)
            .set_item(Some(item::write_record(whose, record)));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
    }

    /// Whose account it is. `None`: nobody's.
    pub(super) async fn owner_of(
        &self,
        tenant: TenantId,
        account: AccountId,
    ) -> Result<Option<CustomerId>, VaultError> {
        let found = self.item_of(&self.keys, tenant, item::of_account(account)).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let customer = item::string(&found, "customer")?.parse();
        customer.map(Some).map_err(|_| VaultError::Unreadable("customer"))
    }

    /// Makes the account the customer's, if it is nobody else's and the customer's key stands.
    pub(super) async fn link(&self, whose: Whose, generation: u64, account: AccountId) -> Result<Written, VaultError> {
        let subject = Update::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .update_expression("ADD accounts :account")
            .condition_expression(
                "#state = :active AND generation = :generation AND \
                 (attribute_not_exists(accounts) OR contains(accounts, :id) OR size(accounts) < :most)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":generation", number(generation))
            .expression_attribute_values(":id", text(&account))
            .expression_attribute_values(":most", number(MOST_ACCOUNTS as u64))
            .expression_attribute_values(":account", AttributeValue::Ss(vec![account.to_string()]))
            .build()
            .map_err(unbuilt)?;
        let mut mapping = item::key(whose.tenant, item::of_account(account));
        mapping.insert("customer".to_owned(), text(&whose.customer));
        let mapping = Put::builder()
            .table_name(&self.keys)
            .set_item(Some(mapping))
            .condition_expression("attribute_not_exists(pk) OR customer = :customer")
            .expression_attribute_values(":customer", text(&whose.customer))
            .build()
            .map_err(unbuilt)?;
        self.write([
            TransactWriteItem::builder().update(subject).build(),
            TransactWriteItem::builder().put(mapping).build(),
        ])
        .await
    }

    async fn write<const N: usize>(&self, items: [TransactWriteItem; N]) -> Result<Written, VaultError> {
        self.write_all(items.into()).await
    }

    async fn write_all(&self, items: Vec<TransactWriteItem>) -> Result<Written, VaultError> {
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        let Err(error) = written else {
            return Ok(Written::Done);
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled))
                if is_lost(canceled.cancellation_reasons()) =>
            {
                Ok(Written::Lost)
            }
            _ => Err(unavailable(&error)),
        }
    }
}

/// Whether what canceled a transaction was others' writes alone, before it or at the same time.
fn is_lost(reasons: &[CancellationReason]) -> bool {
    let codes = reasons.iter().filter_map(CancellationReason::code);
    let mut canceled = codes.filter(|code| *code != "None").peekable();
    canceled.peek().is_some() && canceled.all(|code| ["ConditionalCheckFailed", "TransactionConflict"].contains(&code))
}

fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> VaultError {
    VaultError::Unavailable("the vault's tables", aws::error_name(error))
}

/// A request that lacks a member, which none of the above does.
fn unbuilt(_: BuildError) -> VaultError {
    VaultError::Unreadable("a request")
}
