//! Legal holds, in the table of keys. A hold is the item `hold#tenant` or `hold#<customer>`; `holds` counts them, so that
//! erasing a tenant and holding one of its customers meet at an item.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use domain::answer::timestamp;
use domain::erasure::{Hold, Whom};
use domain::ids::{CustomerId, TenantId};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::VaultError;
use super::super::item::{self, ACTIVE, Item, number, text};
use super::{Tables, Written, unavailable, unbuilt};

const HOLD: &str = "hold#";
/// How many holds there are on a tenant and its customers.
const HOLDS: &str = "holds";

impl Tables {
    /// A hold that stands against erasing this: on it, on the tenant, or, of a tenant, on any of its customers.
    pub(in super::super) async fn hold_against(&self, whom: Whom) -> Result<Option<Hold>, VaultError> {
        let tenant = whom.tenant;
        if let Some(hold) = self.hold(Whom { tenant, customer: None }).await? {
            return Ok(Some(hold));
        }
        if whom.customer.is_some() {
            return self.hold(whom).await;
        }
        Ok(self.holds(tenant).await?.into_iter().next())
    }

    /// The hold on exactly this.
    pub(in super::super) async fn hold(&self, whom: Whom) -> Result<Option<Hold>, VaultError> {
        let found = self.item_of(&self.keys, whom.tenant, hold_key(whom.customer)).await?;
        found.as_ref().map(|found| read_hold(whom.tenant, found)).transpose()
    }

    /// All holds on a tenant and its customers.
    pub(in super::super) async fn holds(&self, tenant: TenantId) -> Result<Vec<Hold>, VaultError> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.keys)
                .key_condition_expression("pk = :tenant AND begins_with(sk, :hold)")
                .expression_attribute_values(":tenant", text(&format!("tenant#{tenant}")))
                .expression_attribute_values(":hold", text(&HOLD))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            for found in page.items() {
                all.push(read_hold(tenant, found)?);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(all);
            }
        }
    }

    /// Sets a hold, if there is none on this, and it is there and not erased.
    pub(in super::super) async fn set_hold(&self, hold: &Hold) -> Result<Written, VaultError> {
        let Whom { tenant, customer } = hold.whom;
        let mut row = item::key(tenant, hold_key(customer));
        row.insert("held_by".to_owned(), text(&hold.by));
        row.insert("reason".to_owned(), text(&hold.reason));
        row.insert("since".to_owned(), AttributeValue::S(timestamp(hold.at)));
        let put = Put::builder()
            .table_name(&self.keys)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        let mut items = vec![
            TransactWriteItem::builder().put(put).build(),
            self.count_holds(tenant, "1")?,
            self.is_active(tenant, item::TENANT.to_owned())?,
        ];
        if let Some(customer) = customer {
            items.push(self.is_active(tenant, item::of_customer(customer))?);
        }
        self.write_all(items).await
    }

    /// Lifts the hold on this, if there is one.
    pub(in super::super) async fn lift_hold(&self, whom: Whom) -> Result<Written, VaultError> {
        let delete = Delete::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(whom.tenant, hold_key(whom.customer))))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        self.write_all(vec![
            TransactWriteItem::builder().delete(delete).build(),
            self.count_holds(whom.tenant, "-1")?,
        ])
        .await
    }

    fn count_holds(&self, tenant: TenantId, by: &str) -> Result<TransactWriteItem, VaultError> {
        let count = Update::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, HOLDS.to_owned())))
            .update_expression("ADD held :by")
            .expression_attribute_values(":by", AttributeValue::N(by.to_owned()))
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().update(count).build())
    }

    /// That nothing stands against erasing a customer.
    pub(super) fn no_holds_on(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<[TransactWriteItem; 2], VaultError> {
        Ok([
            self.no_item(tenant, hold_key(None))?,
            self.no_item(tenant, hold_key(Some(customer)))?,
        ])
    }

    /// That nothing stands against erasing a tenant with all its customers.
    pub(super) fn no_holds_at_all(&self, tenant: TenantId) -> Result<TransactWriteItem, VaultError> {
        let check = ConditionCheck::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, HOLDS.to_owned())))
            .condition_expression("attribute_not_exists(pk) OR held = :none")
            .expression_attribute_values(":none", number(0))
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn is_active(&self, tenant: TenantId, sort: String) -> Result<TransactWriteItem, VaultError> {
        let check = ConditionCheck::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, sort)))
            .condition_expression("#state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":active", text(&ACTIVE))
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn no_item(&self, tenant: TenantId, sort: String) -> Result<TransactWriteItem, VaultError> {
        let check = ConditionCheck::builder()
            .table_name(&self.keys)
            .set_key(Some(item::key(tenant, sort)))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(unbuilt)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

fn hold_key(customer: Option<CustomerId>) -> String {
    customer.map_or_else(|| format!("{HOLD}tenant"), |customer| format!("{HOLD}{customer}"))
}

fn read_hold(tenant: TenantId, found: &Item) -> Result<Hold, VaultError> {
    let customer = match item::string(found, "sk")?.strip_prefix(HOLD) {
        Some("tenant") => None,
        Some(customer) => Some(customer.parse().map_err(|_| VaultError::Unreadable("sk"))?),
        None => return Err(VaultError::Unreadable("sk")),
    };
    let at = OffsetDateTime::parse(item::string(found, "since")?, &Rfc3339);
    Ok(Hold {
        whom: Whom { tenant, customer },
        by: item::string(found, "held_by")?.to_owned(),
        reason: item::string(found, "reason")?.to_owned(),
        at: at.map_err(|_| VaultError::Unreadable("since"))?,
    })
}
