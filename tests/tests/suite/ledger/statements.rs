//! The statements the functions send, through the connection a test chooses, and what comes back.

use serde_json::json;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

/// One call of `ledger.post`, as `authorize` and `deposit` send it.
#[derive(Debug, Clone)]
pub struct Posting {
    pub tenant: Uuid,
    pub key: Uuid,
    pub kind: &'static str,
    /// The request's SHA-256; any 32 bytes do here.
    pub fingerprint: Vec<u8>,
    pub source: Uuid,
    pub destination: Uuid,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
}

/// The row `ledger.post` returns: the verdict and the intent as the ledger holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: String,
    pub outcome: String,
    pub key: Uuid,
    pub fingerprint: Vec<u8>,
    pub amount: i64,
}

impl Decision {
    /// Verdict and outcome: `("recorded", "posted")`.
    pub fn told(&self) -> (&str, &str) {
        (&self.verdict, &self.outcome)
    }
}

impl Posting {
    pub fn with_key(mut self, key: Uuid) -> Self {
        self.key = key;
        self
    }

    /// The same key with another request's fingerprint and amount.
    pub fn asking_for(mut self, amount: i64) -> Self {
        self.amount = amount;
        self.fingerprint = fingerprint();
        self
    }

    pub fn in_currency(mut self, currency: &str) -> Self {
        currency.clone_into(&mut self.currency);
        self
    }

    /// Posts in one round trip: one statement that is its own transaction.
    pub async fn post(&self, poster: &Client) -> Result<Decision, Error> {
        let sql = "SELECT * FROM ledger.post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let parameters: [(&(dyn ToSql + Sync), Type); 10] = [
            (&self.tenant, Type::UUID),
            (&self.key, Type::UUID),
            (&self.kind, Type::TEXT),
            (&self.fingerprint, Type::BYTEA),
            (&self.source, Type::UUID),
            (&self.destination, Type::UUID),
            (&self.amount, Type::INT8),
            (&self.currency, Type::TEXT),
            (&json!({}), Type::JSONB),
            (&1_i16, Type::INT2),
        ];
        let rows = poster.query_typed(sql, &parameters).await?;
        let [row] = rows.as_slice() else {
            panic!("ledger.post returned {} rows", rows.len());
        };
        Ok(Decision {
            verdict: row.get("verdict"),
            outcome: row.get("outcome"),
            key: row.get("ledger_key"),
            fingerprint: row.get("fingerprint"),
            amount: row.get("amount"),
        })
    }

    /// Posts and insists on a decision.
    pub async fn decide(&self, poster: &Client) -> Decision {
        let decision = self.post(poster).await;
        decision.unwrap_or_else(|error| panic!("{self:?} was not decided: {error:?}"))
    }

    /// Posts and insists that it failed; returns the name it failed by.
    pub async fn refused(&self, poster: &Client) -> String {
        name_of(&self.post(poster).await.unwrap_err())
    }
}

/// A ledger key whose client key carried no time.
pub fn untimed_key() -> Uuid {
    let mut bytes = Uuid::new_v4().into_bytes();
    bytes[0] = 0;
    Uuid::new_v8(bytes)
}

/// A ledger key whose client key was minted that many seconds from now; negative: ago.
pub fn key_minted(seconds_from_now: i64) -> Uuid {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let minted = i64::try_from(now).unwrap() + seconds_from_now * 1000;
    let mut bytes = Uuid::new_v4().into_bytes();
    bytes[..6].copy_from_slice(&minted.to_be_bytes()[2..]);
    Uuid::new_v8(bytes)
}

/// A fingerprint no other request has.
pub fn fingerprint() -> Vec<u8> {
    [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat()
}

/// The constraint a statement failed by, else its SQLSTATE, else `connection`.
pub fn name_of(error: &Error) -> String {
    error.as_db_error().map_or_else(
        || "connection".to_owned(),
        |error| {
            let code = error.code().code();
            error.constraint().unwrap_or(code).to_owned()
        },
    )
}

/// Runs one statement that must fail; returns the name it failed by.
pub async fn failure(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Err(error) => name_of(&error),
        Ok(()) => panic!("this statement must fail: {sql}"),
    }
}

/// A balance as the API reads it: minor units, and nothing for an account that is not this tenant's.
pub async fn balance(reader: &Client, tenant: Uuid, account: Uuid) -> Option<i64> {
    let sql = "SELECT balance FROM ledger.account($1, $2)";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&tenant, Type::UUID), (&account, Type::UUID)];
    let rows = reader.query_typed(sql, &parameters).await.unwrap();
    let balance = |row: &Row| row.get::<_, String>(0).parse().unwrap();
    rows.first().map(balance)
}

/// Folds one account; returns how many deltas it took.
pub async fn fold(folder: &Client, account: Uuid) -> Result<i32, Error> {
    let sql = "SELECT ledger.fold($1)";
    let rows = folder.query_typed(sql, &[(&account, Type::UUID)]).await?;
    Ok(rows[0].get(0))
}

/// One number from the tables themselves, past every policy; `$1` is the id.
pub async fn count(superuser: &Client, sql: &str, id: Uuid) -> i64 {
    superuser.query_one(sql, &[&id]).await.unwrap().get(0)
}

/// The sum of an account's entries in minor units: what its balance must be.
pub async fn sum_of_entries(superuser: &Client, account: Uuid) -> i64 {
    let sql = "SELECT coalesce(sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)::bigint
                 FROM ledger.ledger_entries WHERE account_id = $1";
    count(superuser, sql, account).await
}

/// How many entries a key has.
pub async fn entries_under(superuser: &Client, key: Uuid) -> i64 {
    let sql = "SELECT count(*) FROM ledger.ledger_entries WHERE idempotency_key = $1";
    count(superuser, sql, key).await
}

/// How many events a key has announced.
pub async fn events_under(superuser: &Client, key: Uuid) -> i64 {
    let sql = "SELECT count(*) FROM ledger.outbox WHERE ledger_key = $1";
    count(superuser, sql, key).await
}
