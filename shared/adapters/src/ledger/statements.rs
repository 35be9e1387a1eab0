//! Providers' files, compared to the ledger and taken.

use domain::ids::{LedgerKey, TenantId};
use domain::money::Money;
use domain::statement::breaks::Break;
use domain::statement::line::Defect;
use domain::statement::mapping::Covers;
use domain::statement::matching::{Matching, Row};
use domain::statement::name::Provider;
use serde::Serialize;
use time::OffsetDateTime;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, column, word};

/// A file, as far as the ledger is to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File<'file> {
    /// Whose it is.
    pub provider: &'file Provider,
    /// Its key in the bucket.
    pub object: &'file str,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// What moved from this moment on
    pub from: OffsetDateTime,
    /// and before this one must be in it.
    pub to: OffsetDateTime,
    /// The next period ends so many days after this one, at the latest.
    pub every_days: i16,
    /// How many of its lines are not compared.
    pub other: i32,
}

/// How a file stands before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The number of its provider's newest, for [`Ledger::take_statement`]; 0: there is none.
    pub newest: i64,
    /// Its own, if it was taken before.
    pub taken: Option<i64>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken.
    Taken {
        /// Its number.
        statement: i64,
        /// How many breaks it opened.
        opened: i32,
        /// How many of earlier ones it resolved.
        resolved: i32,
    },
    /// It had been taken before, under this number. Nothing changed.
    Repeated(i64),
    /// Another file of its provider came first. Nothing changed; it is to be compared again.
    Overtaken,
}

queries! {
    const STANDING: Query = "-- statement_standing
SELECT * FROM ledger.statement_standing($1, $2, $3, $4)";
    const NAMED: Query = "-- statement_named
SELECT * FROM ledger.statement_named($1, $2, $3, $4, $5)";
    const DUE: Query = "-- statement_due
SELECT * FROM ledger.statement_due($1, $2, $3, $4, $5, $6, $7)";
    const TAKE: Query = "-- take_statement
SELECT * FROM ledger.take_statement($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
}

impl Ledger {
    /// Whether a file was taken before, and what it is to be compared with.
    ///
    /// # Errors
    /// [`LedgerError`]; by the name `statement_too_early` until its period has been over for a minute.
    pub async fn statement_standing(&self, file: &File<'_>) -> Result<Standing, LedgerError> {
        let rows = self
            .call(
                STANDING,
                &[
                    (&file.provider.as_str(), Type::TEXT),
                    (&file.from, Type::TIMESTAMPTZ),
                    (&file.to, Type::TIMESTAMPTZ),
                    (&file.sha256.as_slice(), Type::BYTEA),
                ],
            )
            .await?;
        let row = rows.first().ok_or_else(nothing)?;
        Ok(Standing {
            newest: column(row, "newest")?,
            taken: column(row, "taken")?,
        })
    }

    /// Those of these transactions that the provider's files cover.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn statement_named(
        &self,
        provider: &Provider,
        covers: &Covers,
        keys: &[LedgerKey],
    ) -> Result<Vec<Row>, LedgerError> {
        let covered = Covered::of(covers);
        let keys: Vec<_> = keys.iter().map(|key| key.uuid()).collect();
        let rows = self
            .call(
                NAMED,
                &[
                    (&provider.as_str(), Type::TEXT),
                    (&covered.kinds, Type::TEXT_ARRAY),
                    (&covered.currencies, Type::TEXT_ARRAY),
                    (&covered.tenants, Type::UUID_ARRAY),
                    (&keys, Type::UUID_ARRAY),
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// Up to `most` of what the provider's files cover and moved from `from` on and before `to`.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn statement_due(
        &self,
        provider: &Provider,
        covers: &Covers,
        (from, to): (OffsetDateTime, OffsetDateTime),
        most: i32,
    ) -> Result<Vec<Row>, LedgerError> {
        let covered = Covered::of(covers);
        let rows = self
            .call(
                DUE,
                &[
                    (&provider.as_str(), Type::TEXT),
                    (&covered.kinds, Type::TEXT_ARRAY),
                    (&covered.currencies, Type::TEXT_ARRAY),
                    (&covered.tenants, Type::UUID_ARRAY),
                    (&from, Type::TIMESTAMPTZ),
                    (&to, Type::TIMESTAMPTZ),
                    (&most, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }

    /// Takes a file that was compared while `newest` was its provider's newest: in whole, or not at all. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn take_statement(
        &self,
        file: &File<'_>,
        newest: i64,
        matching: &Matching,
    ) -> Result<Taken, LedgerError> {
        let (lines, keys): (Vec<i32>, Vec<Uuid>) =
            matching.matches.iter().map(|(line, key)| (*line, key.uuid())).unzip();
        let breaks: Vec<_> = matching.breaks.iter().map(BreakRow::of).collect();
        let rows = self
            .call(
                TAKE,
                &[
                    (&newest, Type::INT8),
                    (&file.provider.as_str(), Type::TEXT),
                    (&file.object, Type::TEXT),
                    (&file.sha256.as_slice(), Type::BYTEA),
                    (&file.from, Type::TIMESTAMPTZ),
                    (&file.to, Type::TIMESTAMPTZ),
                    (&file.every_days, Type::INT2),
                    (&file.other, Type::INT4),
                    (&keys, Type::UUID_ARRAY),
                    (&lines, Type::INT4_ARRAY),
                    (&Json(&breaks), Type::JSONB),
                ],
            )
            .await?;
        let row = rows.first().ok_or_else(nothing)?;
        match column(row, "verdict")? {
            "taken" => Ok(Taken::Taken {
                statement: column(row, "statement_id")?,
                opened: column(row, "opened")?,
                resolved: column(row, "resolved")?,
            }),
            "repeated" => Ok(Taken::Repeated(column(row, "statement_id")?)),
            "overtaken" => Ok(Taken::Overtaken),
            verdict => Err(LedgerError::Unreadable(format!("verdict: {verdict:?} is not known"))),
        }
    }
}

fn nothing() -> LedgerError {
    LedgerError::Unreadable("no row".to_owned())
}

/// What is covered, as parameters.
struct Covered {
    kinds: Vec<&'static str>,
    currencies: Vec<&'static str>,
    tenants: Vec<Uuid>,
}

impl Covered {
    fn of(covers: &Covers) -> Self {
        Self {
            kinds: covers.kinds.iter().map(|kind| kind.as_str()).collect(),
            currencies: covers.currencies.iter().map(|currency| currency.code()).collect(),
            tenants: covers.tenants.iter().map(|tenant| tenant.uuid()).collect(),
        }
    }
}

fn read(row: &tokio_postgres::Row) -> Result<Row, LedgerError> {
    Ok(Row {
        key: LedgerKey::from(column::<Uuid>(row, "ledger_key")?),
        tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
        money: Money {
            minor: column(row, "amount")?,
            currency: word(row, "currency")?,
        },
        is_matched: column(row, "is_matched")?,
    })
}

/// A break by the columns of its table.
#[derive(Debug, Serialize)]
struct BreakRow {
    kind: &'static str,
    line: Option<i32>,
    defect: Option<&'static str>,
    reference: Option<String>,
    theirs_amount: Option<i64>,
    theirs_currency: Option<&'static str>,
    theirs_date: Option<String>,
    ledger_key: Option<LedgerKey>,
    tenant_id: Option<TenantId>,
    ours_amount: Option<i64>,
    ours_currency: Option<&'static str>,
}

impl BreakRow {
    fn of(found: &Break) -> Self {
        let (theirs, ours) = (found.theirs(), found.ours());
        Self {
            kind: found.kind().as_str(),
            line: found.line(),
            defect: found.defect().map(Defect::as_str),
            reference: theirs.map(|line| line.reference.to_string()),
            theirs_amount: theirs.map(|line| line.money.minor),
            theirs_currency: theirs.map(|line| line.money.currency.code()),
            theirs_date: theirs.map(|line| line.date.to_string()),
            ledger_key: ours.map(|row| row.key),
            tenant_id: ours.map(|row| row.tenant),
            ours_amount: ours.map(|row| row.money.minor),
            ours_currency: ours.map(|row| row.money.currency.code()),
        }
    }
}
