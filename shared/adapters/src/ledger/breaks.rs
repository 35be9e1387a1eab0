//! Breaks in an operator's hands. Whatever is asked here leaves a row of the audit in the same transaction.

use domain::ids::{LedgerKey, TenantId};
use domain::justification::Justification;
use domain::principal::Principal;
use domain::statement::breaks::BreakKind;
use domain::statement::name::Provider;
use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, column, word};

/// Where a provider's file and the ledger differ, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownBreak {
    /// Its number; pages go down by it.
    pub id: i64,
    /// What it is.
    pub kind: BreakKind,
    /// Whose file it was found in.
    pub provider: String,
    /// The number of that file
    pub statement: i64,
    /// and its key in the bucket.
    pub object: String,
    /// The line's number. `None`: it is missing there.
    pub line: Option<i32>,
    /// Why the line cannot be read (`domain::statement::line::Defect`).
    pub defect: Option<String>,
    /// What the file says.
    pub theirs: Option<Theirs>,
    /// What the ledger holds.
    pub ours: Option<Ours>,
    /// When it was found.
    pub opened_at: OffsetDateTime,
    /// Who looks into it.
    pub assigned: Option<Assigned>,
    /// What became of it. `None`: it is open.
    pub resolved: Option<Resolved>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// What it says it is about.
    pub reference: String,
    /// Minor units, of either sign.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// On which day.
    pub date: Date,
}

/// What the ledger holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// The transaction.
    pub transaction: LedgerKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// Who looks into a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Whom people know by this name.
    pub assignee: String,
    /// The operator who said so.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What became of a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// When.
    pub at: OffsetDateTime,
    /// By what.
    pub by: Resolver,
}

/// Who resolved a break, or what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// An operator.
    Operator {
        /// The ARN that signed the request.
        arn: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The later file of this number, which had what was missing.
    Statement(i64),
}

/// What came of an act, and the break as it then stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// Whether it stands as was asked: by this call or by an earlier one of the same.
    pub is_done: bool,
    /// The break.
    pub shown: ShownBreak,
}

/// Which page of breaks is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Leaves out what is resolved.
    pub open_only: bool,
    /// Of this provider. `None`: of all.
    pub provider: Option<Provider>,
    /// Only breaks numbered below this. `None`: from the newest.
    pub before: Option<i64>,
    /// How many at most.
    pub most: i32,
}

queries! {
    const BREAKS: Query = "-- breaks_page
SELECT * FROM ledger.breaks_page($1, $2, $3, $4, $5)";
    const INSPECT: Query = "-- inspect_break
SELECT * FROM ledger.inspect_break($1, $2)";
    const ASSIGN: Query = "-- assign_break
SELECT a.verdict, (a.shown).* FROM ledger.assign_break($1, $2, $3, $4) AS a";
    const RESOLVE: Query = "-- resolve_break
SELECT r.verdict, (r.shown).* FROM ledger.resolve_break($1, $2, $3) AS r";
}

impl Ledger {
    /// A page of breaks, newest first.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn breaks(&self, actor: &Principal, page: &PageRequest) -> Result<Vec<ShownBreak>, LedgerError> {
        let rows = self
            .call(
                BREAKS,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&page.open_only, Type::BOOL),
                    (&page.provider.as_ref().map(Provider::as_str), Type::TEXT),
                    (&page.before, Type::INT8),
                    (&page.most, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(ShownBreak::read).collect()
    }

    /// One break. `None`: there is none of that number.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn inspect_break(&self, actor: &Principal, id: i64) -> Result<Option<ShownBreak>, LedgerError> {
        let rows = self
            .call(INSPECT, &[(&actor.as_str(), Type::TEXT), (&id, Type::INT8)])
            .await?;
        rows.first().map(ShownBreak::read).transpose()
    }

    /// Says who looks into a break; not done if it is resolved. `None`: there is none of that number. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn assign_break(
        &self,
        actor: &Principal,
        id: i64,
        assignee: &str,
        justification: &Justification,
    ) -> Result<Option<Acted>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&actor.as_str(), Type::TEXT),
            (&id, Type::INT8),
            (&assignee, Type::TEXT),
            (&Json(justification), Type::JSONB),
        ];
        let rows = self.call(ASSIGN, &parameters).await?;
        rows.first().map(|row| Acted::read(row, "assigned")).transpose()
    }

    /// Resolves a break; not done if somebody else did, or a later file. `None`: there is none of that number. Safe to
    /// repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn resolve_break(
        &self,
        actor: &Principal,
        id: i64,
        justification: &Justification,
    ) -> Result<Option<Acted>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] = [
            (&actor.as_str(), Type::TEXT),
            (&id, Type::INT8),
            (&Json(justification), Type::JSONB),
        ];
        let rows = self.call(RESOLVE, &parameters).await?;
        rows.first().map(|row| Acted::read(row, "resolved")).transpose()
    }
}

impl Acted {
    /// `done` is the verdict of a call that did it.
    fn read(row: &Row, done: &str) -> Result<Self, LedgerError> {
        let verdict: &str = column(row, "verdict")?;
        Ok(Self {
            is_done: verdict == done || verdict == "repeated",
            shown: ShownBreak::read(row)?,
        })
    }
}

impl ShownBreak {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
            id: column(row, "break_id")?,
            kind: word(row, "kind")?,
            provider: column(row, "provider")?,
            statement: column(row, "statement_id")?,
            object: column(row, "object")?,
            line: column(row, "line")?,
            defect: column(row, "defect")?,
            theirs: theirs(row)?,
            ours: ours(row)?,
            opened_at: column(row, "opened_at")?,
            assigned: assigned(row)?,
            resolved: resolved(row)?,
        })
    }
}

fn theirs(row: &Row) -> Result<Option<Theirs>, LedgerError> {
    let Some(reference) = column(row, "reference")? else {
        return Ok(None);
    };
    Ok(Some(Theirs {
        reference,
        amount: column(row, "theirs_amount")?,
        currency: column(row, "theirs_currency")?,
        date: column(row, "theirs_date")?,
    }))
}

fn ours(row: &Row) -> Result<Option<Ours>, LedgerError> {
    let Some(transaction) = column::<Option<Uuid>>(row, "ledger_key")? else {
        return Ok(None);
    };
    Ok(Some(Ours {
        transaction: transaction.into(),
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        amount: column(row, "ours_amount")?,
        currency: column(row, "ours_currency")?,
    }))
}

fn assigned(row: &Row) -> Result<Option<Assigned>, LedgerError> {
    let Some(assignee) = column(row, "assignee")? else {
        return Ok(None);
    };
    Ok(Some(Assigned {
        assignee,
        by: column(row, "assigned_by")?,
        at: column(row, "assigned_at")?,
        reason: column(row, "assigned_for")?,
    }))
}

fn resolved(row: &Row) -> Result<Option<Resolved>, LedgerError> {
    let Some(at) = column(row, "resolved_at")? else {
        return Ok(None);
    };
    let by = match column(row, "resolved_in")? {
        Some(statement) => Resolver::Statement(statement),
        None => Resolver::Operator {
            arn: column(row, "resolved_by")?,
            reason: column(row, "resolution")?,
        },
    };
    Ok(Some(Resolved { at, by }))
}
