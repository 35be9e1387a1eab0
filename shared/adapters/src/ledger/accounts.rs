//! Merchants and accounts.

use domain::ids::{AccountId, TenantId};
use domain::intent::AccountRequest;
use domain::money::Currency;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{Ledger, LedgerError, column, word};

/// An account as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// `buyer`, `merchant`, `escrow` or `external`.
    pub purpose: String,
    /// The one currency it holds.
    pub currency: Currency,
    /// Minor units; the least balance a debit may leave. `None`: there is no floor.
    pub floor: Option<i64>,
    /// When it was opened.
    pub created_at: OffsetDateTime,
}

/// An account with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub account: Account,
    /// Whether it takes part in payments.
    pub frozen: bool,
    /// Minor units: credits less debits.
    pub balance: i64,
}

/// How the opening of an account ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is new, or the same was asked under the same key before.
    Opened {
        /// The account.
        account: Account,
        /// Whether it had been there.
        replayed: bool,
    },
    /// The key opened a different account before.
    Mismatched,
}

/// A merchant's account that came with its onboarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseAccount {
    /// Its id.
    pub id: AccountId,
    /// `escrow` or `external`.
    pub purpose: String,
    /// The one currency it holds.
    pub currency: Currency,
}

queries! {
    const ONBOARD_MERCHANT: Query = "-- onboard_merchant
SELECT * FROM ledger.onboard_merchant($1, $2, $3, $4, $5, $6)";
    const OPEN_ACCOUNT: Query = "-- open_account
SELECT * FROM ledger.open_account($1, $2, $3, $4, $5, $6)";
    const ACCOUNT: Query = "-- account
SELECT * FROM ledger.account($1, $2)";
}

impl Ledger {
    /// Makes `tenant` a merchant in these currencies, or adds them to what it has. Safe to repeat.
    /// Returns whether the merchant is new, and its escrow and external accounts.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn onboard_merchant(
        &self,
        tenant: TenantId,
        currencies: &[Currency],
    ) -> Result<(bool, Vec<HouseAccount>), LedgerError> {
        let codes: Vec<&str> = currencies.iter().map(|currency| currency.code()).collect();
        let ids = |tenant: TenantId, purpose: &str| -> Vec<Uuid> {
            currencies
                .iter()
                .map(|currency| AccountId::of_purpose(tenant, purpose, *currency).uuid())
                .collect()
        };
        let rows = self
            .call(
                ONBOARD_MERCHANT,
                &[
                    (&tenant.uuid(), Type::UUID),
                    (&codes, Type::TEXT_ARRAY),
                    (&ids(tenant, "escrow"), Type::UUID_ARRAY),
                    (&ids(tenant, "external"), Type::UUID_ARRAY),
                    (&TenantId::PLATFORM.uuid(), Type::UUID),
                    (&ids(TenantId::PLATFORM, "platform"), Type::UUID_ARRAY),
                ],
            )
            .await?;
        let created = match rows.first() {
            Some(row) => column(row, "created")?,
            None => return Err(LedgerError::Unreadable("a merchant has accounts".to_owned())),
        };
        let accounts = rows.iter().map(|row| {
            Ok(HouseAccount {
                id: AccountId::from(column::<Uuid>(row, "account_id")?),
                purpose: column(row, "purpose")?,
                currency: word(row, "currency")?,
            })
        });
        Ok((created, accounts.collect::<Result<_, LedgerError>>()?))
    }

    /// Opens an account under an id that its key decides, so that a repeat finds it.
    ///
    /// # Errors
    /// [`LedgerError`]; `Failed` by the name `currency_not_enabled` for a tenant not onboarded in the currency.
    pub async fn open_account(
        &self,
        tenant: TenantId,
        id: AccountId,
        request: &AccountRequest,
    ) -> Result<Opening, LedgerError> {
        let external = AccountId::of_purpose(tenant, "external", request.currency);
        let rows = self
            .call(
                OPEN_ACCOUNT,
                &[
                    (&tenant.uuid(), Type::UUID),
                    (&id.uuid(), Type::UUID),
                    (&request.kind.as_str(), Type::TEXT),
                    (&request.currency.code(), Type::TEXT),
                    (&request.floor, Type::INT8),
                    (&external.uuid(), Type::UUID),
                ],
            )
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| LedgerError::Unreadable("an opening answers with one row".to_owned()))?;
        let opened = |replayed| {
            Ok(Opening::Opened {
                account: read(row)?,
                replayed,
            })
        };
        match column(row, "verdict")? {
            "opened" => opened(false),
            "replayed" => opened(true),
            "mismatched" => Ok(Opening::Mismatched),
            other => Err(LedgerError::Unreadable(format!("verdict: {other:?} is not known"))),
        }
    }

    /// An account and its balance. `None`: this tenant has no such account.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Standing>, LedgerError> {
        let rows = self
            .call(ACCOUNT, &[(&tenant.uuid(), Type::UUID), (&id.uuid(), Type::UUID)])
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(Standing {
            account: read(row)?,
            frozen: column(row, "frozen")?,
            balance: word(row, "balance")?,
        }))
    }
}

fn read(row: &Row) -> Result<Account, LedgerError> {
    Ok(Account {
        id: AccountId::from(column::<Uuid>(row, "account_id")?),
        purpose: column(row, "purpose")?,
        currency: word(row, "currency")?,
        floor: column(row, "floor")?,
        created_at: column(row, "created_at")?,
    })
}
