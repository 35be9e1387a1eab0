//! What a change of keys reads and writes.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::ids::{CustomerId, TenantId};

use super::{Tables, Written, unavailable};
use crate::vault::item::{self, ACTIVE, Item, Subject, Wrapped, bytes, number, text};
use crate::vault::{VaultError, Whose};

/// A customer with a key, or with something in its place.
type Standing = (CustomerId, Result<Wrapped, VaultError>);

impl Tables {
    /// New keys of the tenant are wrapped under version `to` from now on, if that was `from` or is `to`.
    pub(in crate::vault) async fn advance(&self, tenant: TenantId, from: u64, to: u64) -> Result<Written, VaultError> {
        let ended = self
            .client
            .update_item()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, item::TENANT.to_owned())))
            .update_expression("SET tenant_key = :to")
            .condition_expression("#state = :active AND (tenant_key = :from OR tenant_key = :to)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":to", number(to))
            .send()
            .await;
        updated(ended)
    }

    /// Wraps a customer's key anew, if it is wrapped as it was read. Nothing else of the customer changes.
    pub(in crate::vault) async fn rewrap(
        &self,
        whose: Whose,
        was: &Wrapped,
        is: &Wrapped,
    ) -> Result<Written, VaultError> {
        let ended = self
            .client
            .update_item()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .update_expression("SET #wrapped = :wrapped, wrapped_sha256 = :is, tenant_key = :tenant_key")
            .condition_expression("#state = :active AND wrapped_sha256 = :was")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#wrapped", "wrapped")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":wrapped", bytes(&is.blob))
            .expression_attribute_values(":is", text(&is.sha256))
            .expression_attribute_values(":was", text(&was.sha256))
            .expression_attribute_values(":tenant_key", number(is.tenant_key))
            .send()
            .await;
        updated(ended)
    }

    /// What stands of a customer's key.
    pub(in crate::vault) async fn subject(&self, whose: Whose) -> Result<Option<Subject>, VaultError> {
        let found = self
            .item_of(&self.keys, whose.tenant, item::of_customer(whose.customer))
            .await?;
        found.as_ref().map(item::read_subject).transpose()
    }

    /// A page of the tenant's customers with a key, as they stand, and where the next page begins. One that cannot be
    /// read is told in its place. What no id of a customer names is nobody's: no request can ask for it.
    pub(in crate::vault) async fn subjects(
        &self,
        tenant: TenantId,
        from: Option<Item>,
    ) -> Result<(Vec<Standing>, Option<Item>), VaultError> {
        let page = self.page_of_customers(tenant, from).await?;
        let mut subjects = Vec::new();
        for found in page.items() {
            let Some(customer) = item::customer(found) else {
                continue;
            };
            match item::read_subject(found) {
                Ok(Subject::Active(wrapped)) => subjects.push((customer, Ok(wrapped))),
                Ok(Subject::Erased) => (),
                Err(error) => subjects.push((customer, Err(error))),
            }
        }
        Ok((subjects, page.last_evaluated_key))
    }
}

pub(super) fn updated<T>(ended: Result<T, SdkError<UpdateItemError>>) -> Result<Written, VaultError> {
    let Err(error) = ended else {
        return Ok(Written::Done);
    };
    match error.as_service_error() {
        Some(
            UpdateItemError::ConditionalCheckFailedException(_) | UpdateItemError::TransactionConflictException(_),
        ) => Ok(Written::Lost),
        _ => Err(unavailable(&error)),
    }
}
