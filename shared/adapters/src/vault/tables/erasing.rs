//! Destroying what the tables hold. [`super::remains`] says what is left of it, [`super::holds`] what may stand in the way.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use domain::answer::timestamp;
use domain::digest::hash::Hash;
use domain::ids::{AccountId, ErasureId, TenantId};
use time::OffsetDateTime;

use super::super::item::{self, ACTIVE, ERASED, text};
use super::super::{VaultError, Whose};
use super::rewrapping::updated;
use super::{Tables, Written, unavailable, unbuilt};

impl Tables {
    /// Destroys a customer's key, if it stands; `noting` in the same transaction. With `noting` it is a request of its own,
    /// and no hold may stand; without, it is part of a tenant's erasure, which has asked for all of them before.
    pub(in super::super) async fn destroy_key(
        &self,
        whose: Whose,
        (erasure, at): (ErasureId, OffsetDateTime),
        noting: Option<TransactWriteItem>,
    ) -> Result<Written, VaultError> {
        let key = Update::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .update_expression("SET #state = :erased, erasure = :erasure, erased_at = :at REMOVE #wrapped, tenant_key")
            .condition_expression("#state = :active")
            .expression_attribute_names("#wrapped", "wrapped")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":erased", text(&ERASED))
            .expression_attribute_values(":erasure", text(&erasure))
            .expression_attribute_values(":at", AttributeValue::S(timestamp(at)))
            .build()
            .map_err(unbuilt)?;
        let mut items = vec![TransactWriteItem::builder().update(key).build()];
        if let Some(noting) = noting {
            items.extend(self.no_holds_on(whose.tenant, whose.customer)?);
            items.push(noting);
        }
        self.write_all(items).await
    }

    /// Marks a tenant as erased, if nothing of it is held; `noting` in the same transaction. From then on it has no new
    /// customers, also if it never had any: one whose first customer is on its way may have a secret already.
    pub(in super::super) async fn destroy_tenant(
        &self,
        tenant: TenantId,
        (erasure, at): (ErasureId, OffsetDateTime),
        noting: TransactWriteItem,
    ) -> Result<Written, VaultError> {
        let mark = Update::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, item::TENANT.to_owned())))
            .update_expression("SET #state = :erased, erasure = :erasure, marked_at = :at REMOVE tenant_key")
            .condition_expression("attribute_not_exists(pk) OR #state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .expression_attribute_values(":erased", text(&ERASED))
            .expression_attribute_values(":erasure", text(&erasure))
            .expression_attribute_values(":at", AttributeValue::S(timestamp(at)))
            .build()
            .map_err(unbuilt)?;
        self.write_all(vec![
            TransactWriteItem::builder().update(mark).build(),
            self.no_holds_at_all(tenant)?,
            noting,
        ])
        .await
    }

    /// Removes whose account one is, if it is this customer's. It may be another's by now, if an earlier run has come so far.
    pub(in super::super) async fn unlink(&self, whose: Whose, account: AccountId) -> Result<(), VaultError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_account(account))))
            .condition_expression("customer = :customer")
            .expression_attribute_values(":customer", text(&whose.customer))
            .send()
            .await;
        let Err(error) = deleted else {
            return Ok(());
        };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Some(DeleteItemError::TransactionConflictException(_)) => Err(VaultError::Contended),
            _ => Err(unavailable(&error)),
        }
    }

    /// Forgets which accounts were an erased customer's. Only when none of their mappings is left: it is the list of them.
    pub(in super::super) async fn forget_accounts(&self, whose: Whose) -> Result<(), VaultError> {
        self.change_erased(whose, "REMOVE accounts", None).await
    }

    /// Keeps the fingerprint of an erased customer's record. The first one stands: it is in the certificate.
    pub(in super::super) async fn keep_fingerprint(&self, whose: Whose, sealed: Hash) -> Result<(), VaultError> {
        let set = "SET sealed_sha256 = if_not_exists(sealed_sha256, :sealed)";
        self.change_erased(whose, set, Some(sealed)).await
    }

    async fn change_erased(&self, whose: Whose, change: &str, sealed: Option<Hash>) -> Result<(), VaultError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.keys)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .update_expression(change)
            .condition_expression("#state = :erased")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":erased", text(&ERASED));
        if let Some(sealed) = sealed {
            update = update.expression_attribute_values(":sealed", text(&sealed));
        }
        match updated(update.send().await)? {
            Written::Done => Ok(()),
            Written::Lost => Err(VaultError::Contended),
        }
    }

    /// Removes the record of a customer. Only of one who is erased: no writer follows.
    pub(in super::super) async fn remove_record(&self, whose: Whose) -> Result<(), VaultError> {
        let removed = self
            .client
            .delete_item()
            .table_name(&self.records)
            .set_key(Some(item::key(whose.tenant, item::of_customer(whose.customer))))
            .send()
            .await;
        removed.map(|_| ()).map_err(|error| unavailable(&error))
    }
}
