//! What was given back of a payment.

use domain::ids::{LedgerKey, TenantId};
use domain::money::Currency;
use domain::recorded::Recorded;
use tokio_postgres::types::{ToSql, Type};

use super::{Ledger, LedgerError, column, transactions, word};

/// A payment, or a settlement, and a page of its corrections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrections {
    /// The payment's amount, in minor units.
    pub amount: i64,
    /// Of what.
    pub currency: Currency,
    /// What of it was given back, in minor units.
    pub refunded: i64,
    /// What of it can still be given back, in minor units; 0 of what was not posted.
    pub left: i64,
    /// Each under its number, 1, 2, 3 … within the payment; newest first.
    pub page: Vec<(i32, Recorded)>,
}

queries! {
    const CORRECTIONS_OF: Query = "-- corrections_of
SELECT * FROM ledger.corrections_of($1, $2, $3, $4)";
}

impl Ledger {
    /// Up to `most` corrections of a payment numbered below `before` (`None`: from the newest), newest first. `None`: the
    /// tenant has no such payment.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn corrections_of(
        &self,
        tenant: TenantId,
        payment: LedgerKey,
        before: Option<i32>,
        most: i32,
    ) -> Result<Option<Corrections>, LedgerError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&tenant.uuid(), Type::UUID),
            (&payment.uuid(), Type::UUID),
            (&before, Type::INT4),
            (&most, Type::INT4),
        ];
        let rows = self.call(CORRECTIONS_OF, &parameters).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut page = Vec::new();
        for row in &rows {
            // The row of a payment that was never corrected has no number.
            if let Some(number) = column(row, "number")? {
                page.push((number, transactions::read(tenant, row)?));
            }
        }
        Ok(Some(Corrections {
            amount: column(first, "payment_amount")?,
            currency: word(first, "payment_currency")?,
            refunded: column(first, "corrected")?,
            left: column(first, "left_over")?,
            page,
        }))
    }
}
