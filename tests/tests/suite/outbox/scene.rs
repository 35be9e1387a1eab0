//! An outbox, a bus, and pollers between them.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::event::EventId;
use serde_json::{Value, json};
use tests::bus::StubBus;
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup, Unanswered};
use tests::patience::until;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::merchant::Merchant;
use crate::ledger::statements::untimed_key;

/// What a run keeps free before its deadline.
const STOP_BEFORE: Duration = Duration::from_secs(15);

/// The bus's name; the stub takes any.
pub const BUS: &str = "events";

pub struct Scene {
    pub cloud: Cloud,
    pub superuser: Client,
    pub merchant: Merchant,
    pub buyer: Uuid,
    pub bus: StubBus,
}

impl Scene {
    /// In a database of its own. The outbox is empty.
    pub async fn set(cloud: Cloud) -> Self {
        let merchant = Merchant::onboard(&cloud).await;
        Self {
            superuser: cloud.superuser().await,
            buyer: merchant.buyer(0).await,
            bus: StubBus::start().await,
            merchant,
            cloud,
        }
    }

    /// Posts that many deposits in one commit. Returns the ids that their events must have, in the outbox's order.
    pub async fn post(&self, count: usize) -> Vec<String> {
        let keys: Vec<_> = (0..count).map(|_| untimed_key()).collect();
        let sql = "SELECT count(*) FILTER (WHERE posted.outcome = 'posted')
                     FROM unnest($1::uuid[]) AS key,
                          ledger.post($2, key, 'deposit', sha256('outbox'), $3, $4, 100, 'EUR', '{}', 1::smallint)
                              AS posted";
        let row = self
            .superuser
            .query_one(
                sql,
                &[&keys, &self.merchant.tenant, &self.merchant.externals[0], &self.buyer],
            )
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), i64::try_from(count).unwrap());
        keys.into_iter().map(event_id).collect()
    }

    /// A poller of this outbox and this bus, whose invocations last that long and a moment.
    pub fn poller(&self, lasting: Duration) -> Setup {
        Function::of(&self.cloud, "outbox-poll")
            .set("DATABASE_NAME", &self.cloud.postgres.database)
            .set("EVENT_BUS", BUS)
            .set("DEAD_LETTER_QUEUE_URL", format!("{}/dead-letters", self.bus.url()))
            .set("AWS_ENDPOINT_URL_EVENTBRIDGE", self.bus.url())
            .set("AWS_ENDPOINT_URL_SQS", self.bus.url())
            .deadline(STOP_BEFORE + lasting)
    }

    /// Starts a poller with an invocation that lasts for as long as any test.
    pub async fn polling(&self) -> Function {
        let poller = self.poller(Duration::from_mins(5)).start().await.unwrap();
        drop(poller.invoke(&json!({})));
        poller
    }

    /// One whole run by a process of its own; returns what it answered.
    pub async fn run(&self, lasting: Duration) -> Result<Value, Unanswered> {
        let poller = self.poller(lasting).start().await.unwrap();
        poller.invoke(&json!({})).await
    }

    /// Waits until nothing is left to announce.
    pub async fn drained(&self) {
        self.holds("SELECT count(*) = 0 FROM ledger.outbox").await;
    }

    /// Waits until a statement says `true`.
    pub async fn holds(&self, sql: &str) {
        let so = || async {
            let row = self.superuser.query_one(sql, &[]).await.unwrap();
            row.get::<_, bool>(0).then_some(())
        };
        until(so, || sql.to_owned()).await;
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> i64 {
        self.superuser.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub async fn execute(&self, sql: &str) {
        self.superuser.batch_execute(sql).await.unwrap();
    }

    /// Ends every lease and every wait, as time would.
    pub async fn let_time_pass(&self) {
        self.execute("UPDATE ledger.outbox SET not_before = now() WHERE not_before > now()")
            .await;
    }

    /// How often the bus took each event.
    pub fn taken(&self) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for entry in self.bus.seen().accepted {
            let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            *taken.entry(id_of(&detail)).or_default() += 1;
        }
        taken
    }

    /// Insists that the bus took each of these events that many times, and nothing else.
    pub fn took(&self, ids: &[String], times: usize) {
        let expected: BTreeMap<_, _> = ids.iter().map(|id| (id.clone(), times)).collect();
        let taken = self.taken();
        let mut wrong = taken.iter().filter(|(id, times)| expected.get(*id) != Some(*times));
        let mut missing = expected.keys().filter(|id| !taken.contains_key(*id));
        let (wrong, missing) = (wrong.next(), missing.next());
        assert!(
            (wrong, missing) == (None, None),
            "taken: {wrong:?}; never taken: {missing:?}"
        );
    }

    /// Insists that nothing waits, that this much was published, and that nothing was ever given up or blamed.
    pub async fn published_all(&self, count: usize) {
        self.drained().await;
        let published = self.number("SELECT count(*) FROM ledger.published_events").await;
        assert_eq!(usize::try_from(published).unwrap(), count);
        assert_eq!(self.dead_letters().await, 0);
    }

    pub async fn dead_letters(&self) -> i64 {
        self.number("SELECT count(*) FROM ledger.dead_letters").await
    }

    /// The most failures that any waiting row was blamed for.
    pub async fn blamed(&self) -> i64 {
        self.number("SELECT coalesce(max(attempts), 0)::bigint FROM ledger.outbox")
            .await
    }
}

/// The id of the first event of an intent.
pub fn event_id(key: Uuid) -> String {
    EventId::of(key.into(), 1).to_string()
}

/// The id that an event's detail says it has.
pub fn id_of(detail: &Value) -> String {
    detail["event_id"].as_str().unwrap_or_default().to_owned()
}

/// The sum of a metric over all that a poller has written.
pub fn metered(poller: &Function, metric: &str) -> i64 {
    let value = |line: &str| serde_json::from_str::<Value>(line).ok()?[metric].as_i64();
    poller.output().lines().filter_map(value).sum()
}

/// The lines that a poller wrote, by their message.
pub fn logged(poller: &Function, message: &str) -> Vec<Value> {
    let output = poller.output();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}
