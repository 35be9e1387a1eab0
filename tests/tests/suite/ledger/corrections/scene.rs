//! A payment of its own for every test, and the corrections that are asked for of it, as `correct-payment` sends them.

use serde_json::json;
use tests::cloud::Cloud;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::statements::{Posting, count, fingerprint, name_of, untimed_key};

/// One call of `ledger.post` that corrects.
#[derive(Debug, Clone)]
pub struct Correction {
    pub tenant: Uuid,
    pub key: Uuid,
    pub kind: &'static str,
    pub fingerprint: Vec<u8>,
    pub payment: Uuid,
    /// Minor units; none: all that there is.
    pub amount: Option<i64>,
}

/// The row that `ledger.post` returns of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: String,
    pub outcome: String,
    pub source: Uuid,
    pub destination: Uuid,
    pub amount: i64,
    pub currency: String,
}

impl Decision {
    /// Verdict, outcome and amount: `("recorded", "posted", 400)`.
    pub fn told(&self) -> (&str, &str, i64) {
        (&self.verdict, &self.outcome, self.amount)
    }
}

impl Correction {
    /// Of this much, or all that is left, under a new key.
    pub fn refund(payment: &Posting, amount: Option<i64>) -> Self {
        Self {
            tenant: payment.tenant,
            key: untimed_key(),
            kind: "refund",
            fingerprint: fingerprint(),
            payment: payment.key,
            amount,
        }
    }

    /// Of the whole, under a new key.
    pub fn reversal(payment: &Posting) -> Self {
        Self {
            kind: "reversal",
            ..Self::refund(payment, None)
        }
    }

    pub async fn post(&self, poster: &Client) -> Result<Decision, Error> {
        let sql = "SELECT * FROM ledger.post($1, $2, $3, $4, NULL, NULL, $5, NULL, $6, 1::smallint, $7)";
        let details = json!({"metadata": {}, "payment": self.payment});
        let terms = json!({"corrects": self.payment});
        let parameters: [(&(dyn ToSql + Sync), Type); 7] = [
            (&self.tenant, Type::UUID),
            (&self.key, Type::UUID),
            (&self.kind, Type::TEXT),
            (&self.fingerprint, Type::BYTEA),
            (&self.amount, Type::INT8),
            (&details, Type::JSONB),
            (&terms, Type::JSONB),
        ];
        let row = poster.query_typed(sql, &parameters).await?.remove(0);
        Ok(Decision {
            verdict: row.get("verdict"),
            outcome: row.get("outcome"),
            source: row.get("source"),
            destination: row.get("destination"),
            amount: row.get("amount"),
            currency: row.get("currency"),
        })
    }

    pub async fn decide(&self, poster: &Client) -> Decision {
        let decision = self.post(poster).await;
        decision.unwrap_or_else(|error| panic!("{self:?} was not decided: {error:?}"))
    }

    /// Posts and insists that it failed; returns the name it failed by.
    pub async fn refused(&self, poster: &Client) -> String {
        name_of(&self.post(poster).await.unwrap_err())
    }
}

/// A payment of this much, posted: from a buyer who had as much to a merchant's account without a floor.
pub async fn paid(cloud: &Cloud, amount: i64) -> (Merchant, Posting) {
    let merchant = Merchant::onboard(cloud).await;
    let (buyer, till) = (merchant.buyer(amount).await, merchant.till().await);
    let payment = merchant.payment(buyer, till, amount);
    let decision = payment.decide(&cloud.pooled_as("poster").await).await;
    assert_eq!(decision.told(), ("recorded", "posted"));
    (merchant, payment)
}

/// How much of a payment was given back, by its corrections' entries and not by what is noted of them.
pub async fn given_back(superuser: &Client, payment: &Posting) -> i64 {
    let sql = "SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger.ledger_entries e
                 JOIN ledger.ledger_transactions t ON t.ledger_key = e.idempotency_key
                WHERE e.entry_type = 'CREDIT' AND t.kind IN ('refund', 'reversal') AND t.details ->> 'payment' = $1::uuid::text";
    count(superuser, sql, payment.key).await
}

/// Amounts of a payment's corrections, in the order of their numbers, which must have no gap.
pub async fn corrections(superuser: &Client, payment: &Posting) -> Vec<i64> {
    let sql = "SELECT number, amount FROM ledger.corrections WHERE original = $1 ORDER BY number";
    let rows = superuser.query(sql, &[&payment.key]).await.unwrap();
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(row.get::<_, i32>(0), number);
    }
    rows.iter().map(|row| row.get(1)).collect()
}
