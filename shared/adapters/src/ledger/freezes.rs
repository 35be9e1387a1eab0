//! Accounts frozen at an operator's word. Whatever is asked here leaves a row of the audit in the same transaction.

use domain::ids::{AccountId, LedgerKey, TenantId};
use domain::justification::Justification;
use domain::principal::Principal;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{Ledger, LedgerError, Query, column};

/// Why an account is frozen, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its number; pages go down by it.
    pub id: i64,
    /// Who froze it, or what.
    pub cause: Cause,
    /// In the operator's words; of limbo, the name of what kept failing.
    pub reason: String,
    /// Since when.
    pub since: OffsetDateTime,
    /// Until when. `None`: it is open.
    pub ended_at: Option<OffsetDateTime>,
}

/// Who froze an account, or what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The operator whose ARN this is.
    Operator(String),
    /// This settlement is in limbo, or was.
    Limbo(LedgerKey),
}

/// Whether an account is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Whose it is.
    pub tenant: TenantId,
    /// Since when, for whatever cause. `None`: it is not.
    pub frozen_at: Option<OffsetDateTime>,
}

queries! {
    const FREEZE: Query = "-- freeze_account
SELECT * FROM ledger.freeze_account($1, $2, $3)";
    const UNFREEZE: Query = "-- unfreeze_account
SELECT * FROM ledger.unfreeze_account($1, $2, $3)";
    const FREEZES: Query = "-- freezes_of
SELECT * FROM ledger.freezes_of($1, $2, $3, $4)";
}

impl Ledger {
    /// Freezes an account until an operator ends that; returns how it then stands. `None`: there is none of that id.
    /// Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn freeze_account(
        &self,
        actor: &Principal,
        account: AccountId,
        justification: &Justification,
    ) -> Result<Option<Frozen>, LedgerError> {
        self.turn(FREEZE, actor, account, justification).await
    }

    /// Ends an operator's freeze of an account; what else freezes it stays. Returns how it then stands. `None`: there is
    /// none of that id. Safe to repeat.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn unfreeze_account(
        &self,
        actor: &Principal,
        account: AccountId,
        justification: &Justification,
    ) -> Result<Option<Frozen>, LedgerError> {
        self.turn(UNFREEZE, actor, account, justification).await
    }

    /// Up to `most` freezes of an account numbered below `before` (`None`: from the newest), newest first. `None`: there
    /// is no account of that id.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn freezes_of(
        &self,
        actor: &Principal,
        account: AccountId,
        before: Option<i64>,
        most: i32,
    ) -> Result<Option<Vec<Freeze>>, LedgerError> {
        let rows = self
            .call(
                FREEZES,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&account.uuid(), Type::UUID),
                    (&before, Type::INT8),
                    (&most, Type::INT4),
                ],
            )
            .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.iter()
            .filter_map(|row| Freeze::read(row).transpose())
            .collect::<Result<_, _>>()
            .map(Some)
    }

    async fn turn(
        &self,
        statement: Query,
        actor: &Principal,
        account: AccountId,
        justification: &Justification,
    ) -> Result<Option<Frozen>, LedgerError> {
        let rows = self
            .call(
                statement,
                &[
                    (&actor.as_str(), Type::TEXT),
                    (&account.uuid(), Type::UUID),
                    (&Json(justification), Type::JSONB),
                ],
            )
            .await?;
        rows.first().map(Frozen::read).transpose()
    }
}

impl Frozen {
    fn read(row: &Row) -> Result<Self, LedgerError> {
        Ok(Self {
            tenant: TenantId::from(column::<Uuid>(row, "tenant_id")?),
            frozen_at: column(row, "frozen_at")?,
        })
    }
}

impl Freeze {
    /// `None` for the row of an account that has none.
    fn read(row: &Row) -> Result<Option<Self>, LedgerError> {
        let Some(id) = column(row, "freeze_id")? else {
            return Ok(None);
        };
        let cause = match (column(row, "frozen_by")?, column::<Option<Uuid>>(row, "reference")?) {
            (Some(operator), None) => Cause::Operator(operator),
            (None, Some(settlement)) => Cause::Limbo(settlement.into()),
            (Some(_), Some(_)) | (None, None) => {
                return Err(LedgerError::Unreadable("cause: neither one nor the other".to_owned()));
            }
        };
        Ok(Some(Self {
            id,
            cause,
            reason: column(row, "reason")?,
            since: column(row, "since")?,
            ended_at: column(row, "ended_at")?,
        }))
    }
}
