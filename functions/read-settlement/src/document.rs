//! A settlement as its merchant sees it.

use std::collections::BTreeMap;

use adapters::ledger::settlements::settlement::{ActionRow, Settlement};
use domain::answer::timestamp;
use domain::ids::{AccountId, LedgerKey};
use domain::money::{Amount, Currency};
use domain::recorded::Recorded;
use domain::settlement::course::Decision;
use serde::Serialize;
use serde_json::Value;

/// What was asked for under the names of the request, and what was done about it.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    id: LedgerKey,
    object: &'static str,
    status: &'static str,
    source: AccountId,
    destination: AccountId,
    amount: Amount,
    currency: Currency,
    description: &'a Value,
    metadata: BTreeMap<&'a String, &'a Value>,
    card_token: &'a Value,
    /// In minor units.
    fee: i64,
    /// Oldest first.
    log: Vec<Line>,
    /// Since when people have to decide about it; null unless they ever had to.
    limbo_at: Option<String>,
    /// What they have decided: `release` or `refund`.
    decision: Option<&'static str>,
    created_at: String,
    changed_at: String,
    /// When it was settled or compensated.
    ended_at: Option<String>,
}

/// One action. A step that was burnt was taken back before it came.
#[derive(Serialize)]
struct Line {
    action: &'static str,
    outcome: &'static str,
    /// The id its entries have in the accounts they are in.
    transaction: LedgerKey,
    created_at: String,
}

impl<'a> Document<'a> {
    pub(crate) fn of(asked: &'a Recorded, settlement: &Settlement) -> Self {
        let mut rows: Vec<&ActionRow> = settlement.rows.iter().collect();
        // What was written in one commit stays in the order of the actions.
        rows.sort_by_key(|row| row.created_at);
        // Indexing gives null for what is absent.
        let details = &asked.details;
        Self {
            id: settlement.id,
            object: "settlement",
            status: settlement.status.as_str(),
            source: settlement.buyer,
            destination: settlement.merchant,
            amount: settlement.amount,
            currency: settlement.currency,
            description: &details["description"],
            metadata: details["metadata"].as_object().into_iter().flatten().collect(),
            card_token: &details["card_token"],
            fee: settlement.fee,
            log: rows.into_iter().map(Line::from).collect(),
            limbo_at: settlement.limbo_since.as_ref().map(|(at, _)| timestamp(*at)),
            decision: settlement.decision.map(Decision::as_str),
            created_at: timestamp(settlement.created_at),
            changed_at: timestamp(settlement.changed_at),
            ended_at: settlement.ended_at.map(timestamp),
        }
    }
}

impl From<&ActionRow> for Line {
    fn from(row: &ActionRow) -> Self {
        Self {
            action: row.action.as_str(),
            outcome: row.outcome.as_str(),
            transaction: row.ledger_key,
            created_at: timestamp(row.created_at),
        }
    }
}
