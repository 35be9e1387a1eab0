//! The contenders: ways to move one amount from one account to another, each one round trip.

use std::rc::Rc;

use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::Outcome;
use crate::scene::{Scene, fresh_key};

const AMOUNT: i64 = 5;
/// As long as a SHA-256.
const FINGERPRINT: [u8; 32] = [0x5a; 32];

const POST: &str = "-- bench.post
SELECT * FROM ledger.post($1, $2, 'payment', $3, $4, $5, $6, 'EUR', $7, 1::smallint)";

/// The rows of one posting and nothing else: no lock, no decision, no policy, since a superuser sends it.
/// Tables, constraints, indexes and triggers are the same.
const BARE: &str = "-- bench.bare
WITH intent AS (
    INSERT INTO ledger.ledger_transactions
           (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
    VALUES ($2, $1, 'payment', $3, 'posted', $4, $5, $6, 'EUR', $7, 1)
), entries AS (
    INSERT INTO ledger.ledger_entries
           (account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)
    VALUES ($4, $2, 'DEBIT', $6, 'EUR', $2, $1), ($5, $2, 'CREDIT', $6, 'EUR', $2, $1)
), tail AS (
    INSERT INTO ledger.balance_tail (account_id, delta) VALUES ($4, -$6), ($5, $6)
)
INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type) VALUES ($1, $2, 1, 'payment.posted.v1')";

/// Who runs a contender's statements, and by which way they reach the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// `poster`, straight to the server.
    Poster,
    /// `poster`, through `PgBouncer`.
    Pooled,
    /// The superuser, straight to the server.
    Superuser,
}

/// Which account a posting takes for one of its sides.
#[derive(Clone)]
enum Pick {
    Any(Rc<[Uuid]>),
    Always(Uuid),
}

#[derive(Clone, Copy)]
enum Work {
    Post,
    Bare,
    Naive,
}

/// One way to move money, with the accounts it moves it between.
#[derive(Clone)]
pub struct Contender {
    pub name: &'static str,
    pub lane: Lane,
    work: Work,
    tenant: Uuid,
    debited: Pick,
    credited: Pick,
}

/// The contenders of a run, by what the aims compare them for.
pub struct Contenders {
    pub bare: Contender,
    pub uniform: Contender,
    pub hot_credited: Contender,
    pub hot_debited: Contender,
    pub pooled: Contender,
    pub naive: Contender,
    pub naive_hot: Contender,
}

impl Contenders {
    pub fn of(scene: &Scene) -> Self {
        let make = |name, lane, work, debited: &Pick, credited: &Pick| Contender {
            name,
            lane,
            work,
            tenant: scene.tenant,
            debited: debited.clone(),
            credited: credited.clone(),
        };
        let (any, any_bare) = (Pick::Any(scene.uniform.clone()), Pick::Any(scene.bare.clone()));
        let (hot_credited, hot_debited) = (Pick::Always(scene.hot_credited), Pick::Always(scene.hot_debited));
        Self {
            bare: make(
                "bare inserts of the same rows",
                Lane::Superuser,
                Work::Bare,
                &any_bare,
                &any_bare,
            ),
            uniform: make("post(), uniform", Lane::Poster, Work::Post, &any, &any),
            hot_credited: make(
                "post(), one hot credited",
                Lane::Poster,
                Work::Post,
                &any,
                &hot_credited,
            ),
            hot_debited: make(
                "post(), one hot debited, floored",
                Lane::Poster,
                Work::Post,
                &hot_debited,
                &any,
            ),
            pooled: make("post(), uniform, by PgBouncer", Lane::Pooled, Work::Post, &any, &any),
            naive: make("two UPDATEs, uniform", Lane::Superuser, Work::Naive, &any, &any),
            naive_hot: make(
                "two UPDATEs, one hot",
                Lane::Superuser,
                Work::Naive,
                &any,
                &hot_credited,
            ),
        }
    }

    /// All, in the order they are printed.
    pub fn all(&self) -> [&Contender; 7] {
        [
            &self.bare,
            &self.uniform,
            &self.hot_credited,
            &self.hot_debited,
            &self.pooled,
            &self.naive,
            &self.naive_hot,
        ]
    }
}

impl Contender {
    /// Moves the amount once. Fails when it was not moved.
    pub async fn once(&self, client: &Client) -> Outcome<()> {
        let (source, destination) = self.accounts();
        match self.work {
            Work::Post => self.post(client, source, destination).await,
            Work::Bare => self.bare(client, source, destination).await,
            Work::Naive => naive(client, source, destination).await,
        }
    }

    async fn post(&self, client: &Client, source: Uuid, destination: Uuid) -> Outcome<()> {
        let (key, details) = (fresh_key(self.tenant), details());
        let row = client
            .query_typed_one(
                POST,
                &[
                    (&self.tenant, Type::UUID),
                    (&key, Type::UUID),
                    (&FINGERPRINT.as_slice(), Type::BYTEA),
                    (&source, Type::UUID),
                    (&destination, Type::UUID),
                    (&AMOUNT, Type::INT8),
                    (&details, Type::JSONB),
                ],
            )
            .await?;
        let (verdict, outcome): (String, String) = (row.get("verdict"), row.get("outcome"));
        if (verdict.as_str(), outcome.as_str()) == ("recorded", "posted") {
            Ok(())
        } else {
            Err(format!("{}: {verdict}, {outcome}", self.name).into())
        }
    }

    async fn bare(&self, client: &Client, source: Uuid, destination: Uuid) -> Outcome<()> {
        let (key, details) = (fresh_key(self.tenant), details());
        client
            .execute_typed(
                BARE,
                &[
                    (&self.tenant, Type::UUID),
                    (&key, Type::UUID),
                    (&FINGERPRINT.as_slice(), Type::BYTEA),
                    (&source, Type::UUID),
                    (&destination, Type::UUID),
                    (&AMOUNT, Type::INT8),
                    (&details, Type::JSONB),
                ],
            )
            .await?;
        Ok(())
    }

    /// Two different accounts.
    fn accounts(&self) -> (Uuid, Uuid) {
        loop {
            let pair = (self.debited.one(), self.credited.one());
            if pair.0 != pair.1 {
                return pair;
            }
        }
    }
}

impl Pick {
    fn one(&self) -> Uuid {
        match self {
            Self::Always(account) => *account,
            Self::Any(accounts) => {
                let random = Uuid::new_v4().as_u128() % accounts.len() as u128;
                accounts[usize::try_from(random).unwrap_or_default()]
            }
        }
    }
}

/// One batch is one transaction and one round trip. The lower id first, or two batches could wait for each other.
async fn naive(client: &Client, source: Uuid, destination: Uuid) -> Outcome<()> {
    let update = |account, change| {
        format!("UPDATE public.naive_accounts SET balance = balance + {change} WHERE account_id = '{account}'")
    };
    let mut changes = [(source, -AMOUNT), (destination, AMOUNT)];
    changes.sort_unstable();
    let batch = changes.map(|(account, change)| update(account, change)).join("; ");
    Ok(client.batch_execute(&batch).await?)
}

/// What an ordinary shop sends along; its length is part of the write-ahead log's.
pub fn details() -> serde_json::Value {
    serde_json::json!({ "description": "Order 2024-001", "metadata": { "order": "2024-001" } })
}
