//! A break on the wire.

use adapters::ledger::breaks::{Assigned, Ours, Resolved, Resolver, ShownBreak, Theirs};
use domain::answer::timestamp;
use domain::ids::{LedgerKey, TenantId};
use serde::Serialize;

/// A break.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    object: &'static str,
    kind: &'static str,
    /// `open`, `assigned` or `resolved`.
    status: &'static str,
    provider: String,
    statement: Statement,
    defect: Option<String>,
    theirs: Option<Line>,
    ours: Option<Transaction>,
    opened_at: String,
    assignment: Option<Assignment>,
    resolution: Option<Resolution>,
}

/// The file it was found in, and the line.
#[derive(Serialize)]
struct Statement {
    id: i64,
    key: String,
    line: Option<i32>,
}

#[derive(Serialize)]
struct Line {
    reference: String,
    amount: i64,
    currency: String,
    date: String,
}

#[derive(Serialize)]
struct Transaction {
    id: LedgerKey,
    tenant_id: TenantId,
    amount: i64,
    currency: String,
}

#[derive(Serialize)]
struct Assignment {
    assignee: String,
    reason: String,
    assigned_by: String,
    assigned_at: String,
}

/// By a person with a reason, or by a later file.
#[derive(Serialize)]
struct Resolution {
    resolved_by: Option<String>,
    reason: Option<String>,
    statement: Option<i64>,
    resolved_at: String,
}

impl From<ShownBreak> for Shown {
    fn from(shown: ShownBreak) -> Self {
        let status = match (&shown.assigned, &shown.resolved) {
            (_, Some(_)) => "resolved",
            (Some(_), None) => "assigned",
            (None, None) => "open",
        };
        Self {
            id: shown.id,
            object: "break",
            kind: shown.kind.as_str(),
            status,
            provider: shown.provider,
            statement: Statement {
                id: shown.statement,
                key: shown.object,
                line: shown.line,
            },
            defect: shown.defect,
            theirs: shown.theirs.map(Line::from),
            ours: shown.ours.map(Transaction::from),
            opened_at: timestamp(shown.opened_at),
            assignment: shown.assigned.map(Assignment::from),
            resolution: shown.resolved.map(Resolution::from),
        }
    }
}

impl From<Theirs> for Line {
    fn from(theirs: Theirs) -> Self {
        Self {
            reference: theirs.reference,
            amount: theirs.amount,
            currency: theirs.currency,
            date: theirs.date.to_string(),
        }
    }
}

impl From<Ours> for Transaction {
    fn from(ours: Ours) -> Self {
        Self {
            id: ours.transaction,
            tenant_id: ours.tenant,
            amount: ours.amount,
            currency: ours.currency,
        }
    }
}

impl From<Assigned> for Assignment {
    fn from(assigned: Assigned) -> Self {
        Self {
            assignee: assigned.assignee,
            reason: assigned.reason,
            assigned_by: assigned.by,
            assigned_at: timestamp(assigned.at),
        }
    }
}

impl From<Resolved> for Resolution {
    fn from(resolved: Resolved) -> Self {
        let (resolved_by, reason, statement) = match resolved.by {
            Resolver::Operator { arn, reason } => (Some(arn), Some(reason), None),
            Resolver::Statement(statement) => (None, None, Some(statement)),
        };
        Self {
            resolved_by,
            reason,
            statement,
            resolved_at: timestamp(resolved.at),
        }
    }
}
