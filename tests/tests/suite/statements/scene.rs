//! A ledger that holds what it is told to, a bucket, and a provider that writes what it likes.

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup, Unanswered};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::buckets::{new_bucket, put};
use crate::ledger::statements::untimed_key;

/// The day that files are about, and a moment of it.
pub const DAY: &str = "2026-05-22";
pub const NOON: &str = "2026-05-22T12:00:00Z";
pub const HEADER: &str = "id,amount,currency,day";

pub struct Scene {
    pub cloud: Cloud,
    pub superuser: Client,
    pub bucket: String,
    pub tenant: Uuid,
}

/// A break as its table holds it: kind, number of the line, reference, defect, transaction; of whom it was resolved by, the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub kind: String,
    pub line: Option<i32>,
    pub reference: Option<String>,
    pub defect: Option<String>,
    pub transaction: Option<Uuid>,
    pub resolved_in: Option<i64>,
}

impl Scene {
    /// In a database of a test's own, with the mapping of `acme`.
    pub async fn set(scratch: Cloud) -> Self {
        let bucket = new_bucket(&scratch, "statements").await;
        let scene = Self {
            superuser: scratch.superuser().await,
            cloud: scratch,
            bucket,
            tenant: Uuid::new_v4(),
        };
        scene.mapping(&mapping("acme")).await;
        scene
    }

    pub async fn mapping(&self, mapping: &Value) {
        let key = format!("mappings/{}.json", mapping["provider"].as_str().unwrap());
        self.put(&key, mapping.to_string()).await;
    }

    pub async fn put(&self, key: &str, body: impl Into<Vec<u8>>) {
        put(&self.cloud, &self.bucket, key, body).await;
    }

    /// Payments of EUR 1.00 that were posted at this moment.
    pub async fn posted(&self, count: usize, at: &str) -> Vec<Uuid> {
        self.intents(count, at, "payment", "posted").await
    }

    pub async fn intents(&self, count: usize, at: &str, kind: &str, outcome: &str) -> Vec<Uuid> {
        let keys: Vec<_> = (0..count).map(|_| untimed_key()).collect();
        let sql = "
            INSERT INTO ledger.ledger_transactions
                   (ledger_key, tenant_id, amount, created_at, source, destination, answer_version, currency, kind, outcome, fingerprint, details)
            SELECT k, $2::uuid, 100, $3::text::timestamptz, gen_random_uuid(), gen_random_uuid(), 1, 'EUR', $4::text, $5::text, sha256(k::text::bytea), '{}'
              FROM unnest($1::uuid[]) k";
        let inserted = self
            .superuser
            .execute(sql, &[&keys, &self.tenant, &at, &kind, &outcome])
            .await
            .unwrap();
        assert_eq!(usize::try_from(inserted).unwrap(), count);
        keys
    }

    pub fn setup(&self) -> Setup {
        Function::of(&self.cloud, "match-statement")
            .set("DATABASE_NAME", &self.cloud.postgres.database)
            .set("STATEMENTS_BUCKET", &self.bucket)
    }

    pub async fn function(&self) -> Function {
        self.setup().start().await.unwrap()
    }

    /// What somebody who calls by hand is answered.
    pub async fn by_hand(&self, function: &Function, key: &str) -> Result<Value, Unanswered> {
        function.invoke(&self.wanted(key)).await
    }

    pub fn wanted(&self, key: &str) -> Value {
        json!({"bucket": self.bucket, "key": key})
    }

    /// Puts a file of these lines after the header, and has it compared.
    pub async fn take(&self, key: &str, lines: &[String]) -> Value {
        self.put(key, file(lines)).await;
        self.by_hand(&self.function().await, key).await.unwrap()
    }

    /// Why a file that lies there is not taken.
    pub async fn refusal(&self, key: &str) -> String {
        match self.by_hand(&self.function().await, key).await {
            Err(Unanswered::Failed(error)) => error["errorMessage"].as_str().unwrap().to_owned(),
            answer => panic!("{key}: {answer:?}"),
        }
    }

    /// All breaks there are, in the order of their numbers.
    pub async fn breaks(&self) -> Vec<Found> {
        let sql = "SELECT kind, line, reference, defect, ledger_key, resolved_in FROM ledger.breaks ORDER BY break_id";
        let found = |row: &Row| Found {
            kind: row.get(0),
            line: row.get(1),
            reference: row.get(2),
            defect: row.get(3),
            transaction: row.get(4),
            resolved_in: row.get(5),
        };
        self.superuser
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(found)
            .collect()
    }

    /// How many statements, matches and breaks there are.
    pub async fn counts(&self) -> (i64, i64, i64) {
        let sql = "
            SELECT (SELECT count(*) FROM ledger.statements), (SELECT count(*) FROM ledger.statement_matches),
                   (SELECT count(*) FROM ledger.breaks)";
        let row = self.superuser.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }
}

/// How a provider writes; its days begin when UTC's do.
pub fn mapping(provider: &str) -> Value {
    json!({
        "provider": provider,
        "delimiter": ",",
        "columns": {"reference": "id", "amount": "amount", "currency": "currency", "date": "day"},
        "amount": "minor",
        "date": "YYYY-MM-DD",
        "covers": {"kinds": ["payment", "deposit"]},
        "every_days": 1,
    })
}

pub fn file(lines: &[String]) -> String {
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

/// A line about EUR 1.00.
pub fn right(reference: &(impl ToString + ?Sized)) -> String {
    line(reference, 100, "EUR")
}

pub fn line(reference: &(impl ToString + ?Sized), amount: i64, currency: &str) -> String {
    format!("{},{amount},{currency},{DAY}", reference.to_string())
}

/// A break about a line with a reference, and about a transaction if the ledger holds it.
pub fn about(kind: &str, line: i32, reference: &(impl ToString + ?Sized), transaction: Option<Uuid>) -> Found {
    Found {
        kind: kind.to_owned(),
        line: Some(line),
        reference: Some(reference.to_string()),
        defect: None,
        transaction,
        resolved_in: None,
    }
}

pub fn missing_there(transaction: Uuid) -> Found {
    Found {
        kind: "missing_there".to_owned(),
        line: None,
        reference: None,
        defect: None,
        transaction: Some(transaction),
        resolved_in: None,
    }
}

pub fn unreadable(line: i32, defect: &str) -> Found {
    Found {
        kind: "unreadable".to_owned(),
        line: Some(line),
        reference: None,
        defect: Some(defect.to_owned()),
        transaction: None,
        resolved_in: None,
    }
}
