//! A page of settlements that have not ended, those that wait longest first.

use adapters::http::page::{Limit, Query};
use adapters::http::{Call, Success};
use adapters::ledger::limbo::{PageRequest, Unfinished};
use domain::answer::timestamp;
use domain::ids::{LedgerKey, TenantId};
use domain::intent::Invalid;
use domain::money::{Amount, Currency};
use domain::principal::Principal;
use domain::problem_body::ProblemBody;
use domain::settlement::course::Decision;
use domain::settlement::status::Status;
use serde::Serialize;

use crate::{Limbo, Resolving};

#[derive(Serialize)]
struct Line {
    id: LedgerKey,
    object: &'static str,
    status: &'static str,
    tenant_id: TenantId,
    amount: Amount,
    fee: i64,
    currency: Currency,
    limbo: Option<Limbo>,
    decision: Option<&'static str>,
    created_at: String,
    changed_at: String,
}

impl From<Unfinished> for Line {
    fn from(settlement: Unfinished) -> Self {
        Self {
            id: settlement.id,
            object: "settlement",
            status: settlement.status.as_str(),
            tenant_id: settlement.tenant,
            amount: settlement.amount,
            fee: settlement.fee,
            currency: settlement.currency,
            limbo: settlement.limbo_since.map(Limbo::of),
            decision: settlement.decision.map(Decision::as_str),
            created_at: timestamp(settlement.created_at),
            changed_at: timestamp(settlement.changed_at),
        }
    }
}

pub(crate) async fn show(resolving: &Resolving, actor: &Principal, call: &Call) -> Result<Success, ProblemBody> {
    let (wanted, limit) = read(call)?;
    let found = resolving.ledger.unfinished_settlements(actor, &wanted).await?;
    Ok(Success::json(
        200,
        &limit.page(found, |last| last.place().to_string()).map(Line::from),
    )?)
}

/// Reads `status`, `cursor` and `limit`.
fn read(call: &Call) -> Result<(PageRequest, Limit), Invalid> {
    let mut query = Query::of(call);
    let status = query.read("status", unfinished).unwrap_or(Status::Limbo);
    let after = query.cursor("cursor", |text| text.parse().ok());
    let limit = query.limit();
    let wanted = PageRequest {
        status,
        after,
        most: limit.to_find(),
    };
    query.checked((wanted, limit))
}

fn unfinished(status: &str) -> Result<Status, &'static str> {
    match status.parse() {
        Ok(status) if !Status::is_final(status) => Ok(status),
        Ok(_) | Err(_) => Err("must be accepted, held, parked, verified, released, compensating or limbo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_not_ended_can_be_listed() {
        for status in Status::ALL {
            assert_eq!(unfinished(status.as_str()).is_ok(), !status.is_final(), "{status}");
        }
        assert!(unfinished("LIMBO").is_err());
    }
}
