//! All that a request may leave behind.

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use tests::cloud::Cloud;
use uuid::Uuid;

/// What the ledger and the gate hold of some tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub accounts: i64,
    pub intents: i64,
    pub entries: i64,
    pub announcements: i64,
    /// Each account with its balance in minor units, in the order of their ids.
    pub balances: Vec<(Uuid, String)>,
    pub gate_items: i32,
}

impl Books {
    /// Reads them past every policy and role.
    pub async fn of(cloud: &Cloud, tenants: &[Uuid]) -> Self {
        let superuser = cloud.superuser().await;
        let counts = superuser
            .query_one(
                "SELECT (SELECT count(*) FROM ledger.accounts WHERE tenant_id = ANY ($1)),
                        (SELECT count(*) FROM ledger.ledger_transactions WHERE tenant_id = ANY ($1)),
                        (SELECT count(*) FROM ledger.ledger_entries WHERE tenant_id = ANY ($1)),
                        (SELECT count(*) FROM ledger.outbox WHERE tenant_id = ANY ($1))",
                &[&tenants],
            )
            .await
            .unwrap();
        let balances = superuser
            .query(
                "SELECT a.account_id, b.balance::text
                   FROM ledger.accounts a, LATERAL ledger.balance_of(a.account_id) b
                  WHERE a.tenant_id = ANY ($1) ORDER BY 1",
                &[&tenants],
            )
            .await
            .unwrap();
        let mut gate_items = 0;
        for tenant in tenants {
            gate_items += gate_items_of(cloud, *tenant).await;
        }
        Self {
            accounts: counts.get(0),
            intents: counts.get(1),
            entries: counts.get(2),
            announcements: counts.get(3),
            balances: balances.iter().map(|row| (row.get(0), row.get(1))).collect(),
            gate_items,
        }
    }

    /// The same after a refusal that the ledger holds and the gate keeps.
    pub fn with_refusal(mut self) -> Self {
        self.intents += 1;
        self.gate_items += 1;
        self
    }
}

async fn gate_items_of(cloud: &Cloud, tenant: Uuid) -> i32 {
    let mut pages = cloud
        .dynamodb()
        .scan()
        .table_name(&cloud.gate_table)
        .filter_expression("begins_with(pk, :tenant)")
        .expression_attribute_values(":tenant", AttributeValue::S(format!("tenant#{tenant}#")))
        .select(Select::Count)
        .into_paginator()
        .send();
    let mut items = 0;
    while let Some(page) = pages.next().await {
        items += page.unwrap().count();
    }
    items
}
