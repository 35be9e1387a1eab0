//! Random postings, repeats, folds and crashes at once; whatever happens, the books are right afterwards.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::corrections::scene::{Correction, corrections, given_back};
use super::guards_alone::FIND_DOUBLE_CHARGES;
use super::merchant::Merchant;
use super::statements::{
    Decision, Posting, balance, count, entries_under, events_under, fold, name_of, sum_of_entries,
};

/// Floors in minor units; None: no floor.
const FLOORS: [Option<i64>; 5] = [Some(0), Some(0), Some(-30), Some(20), None];
const LANES: usize = 4;

/// What a client wants, by the place of its accounts in [`FLOORS`].
#[derive(Debug, Clone)]
struct Intent {
    /// None: a deposit.
    from: Option<usize>,
    to: usize,
    /// Minor units.
    amount: i64,
}

#[derive(Debug, Clone)]
enum Op {
    /// Posts an intent, not always for the first time.
    Post(prop::sample::Index),
    /// Posts another request under an intent's key.
    Misuse(prop::sample::Index),
    /// The client is gone so many microseconds after it sent the posting.
    Vanish(prop::sample::Index, u64),
    /// The server's process is terminated so many microseconds after it was sent the posting.
    Terminate(prop::sample::Index, u64),
    Fold(usize),
    /// Gives back this much of what an intent moved, or all that is left; not always of what was posted.
    Refund(prop::sample::Index, Option<i64>),
    /// Undoes what an intent moved.
    Reverse(prop::sample::Index),
}

fn intents() -> impl Strategy<Value = Vec<Intent>> {
    let accounts = 0..FLOORS.len();
    let intent = (proptest::option::weighted(0.7, accounts.clone()), accounts, 1..60_i64);
    let intent = intent.prop_map(|(from, to, amount)| Intent { from, to, amount });
    prop::collection::vec(
        intent.prop_filter("to itself", |intent| intent.from != Some(intent.to)),
        12..30,
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let which = any::<prop::sample::Index>;
    let op = prop_oneof![
        8 => which().prop_map(Op::Post),
        1 => which().prop_map(Op::Misuse),
        2 => (which(), 0..20_000_u64).prop_map(|(which, after)| Op::Vanish(which, after)),
        2 => (which(), 0..20_000_u64).prop_map(|(which, after)| Op::Terminate(which, after)),
        3 => (0..FLOORS.len()).prop_map(Op::Fold),
        3 => (which(), proptest::option::weighted(0.7, 1..60_i64)).prop_map(|(which, amount)| Op::Refund(which, amount)),
        1 => which().prop_map(Op::Reverse),
    ];
    prop::collection::vec(op, 40..80)
}

/// One case's merchant, accounts and postings.
#[derive(Debug)]
struct World {
    cloud: Cloud,
    /// Looks at the tables and terminates processes.
    superuser: Client,
    merchant: Merchant,
    accounts: Vec<Uuid>,
    postings: Vec<Posting>,
}

impl World {
    async fn new(intents: &[Intent]) -> Self {
        let cloud = Cloud::running();
        let merchant = Merchant::onboard(&cloud).await;
        let mut accounts = Vec::new();
        for floor in FLOORS {
            accounts.push(merchant.open("buyer", "EUR", floor).await);
        }
        let posting = |intent: &Intent| match intent.from {
            Some(from) => merchant.payment(accounts[from], accounts[intent.to], intent.amount),
            None => merchant.deposit(accounts[intent.to], intent.amount),
        };
        let postings = intents.iter().map(posting).collect();
        Self {
            superuser: cloud.superuser().await,
            cloud,
            merchant,
            accounts,
            postings,
        }
    }

    /// Carries out a lane's operations one after the other; returns what the clients were told.
    async fn run(self: Arc<Self>, ops: Vec<Op>) -> Vec<Decision> {
        let poster = self.cloud.pooled_as("poster").await;
        let folder = self.cloud.pooled_as("folder").await;
        let mut told = Vec::new();
        for op in ops {
            match op {
                Op::Post(which) => told.push(which.get(&self.postings).decide(&poster).await),
                Op::Misuse(which) => {
                    let misuse = which.get(&self.postings).clone().asking_for(1);
                    // The first to come decides what the key is for, so an unused key is left alone.
                    if self.intent_of(&misuse).await.is_some() {
                        assert_eq!(misuse.decide(&poster).await.verdict, "mismatched");
                    }
                }
                Op::Vanish(which, after) => {
                    told.extend(self.vanish(which.get(&self.postings), after).await);
                }
                Op::Terminate(which, after) => {
                    told.extend(self.terminate(which.get(&self.postings), after).await);
                }
                Op::Fold(account) => {
                    fold(&folder, self.accounts[account]).await.unwrap();
                }
                Op::Refund(which, amount) => {
                    let original = which.get(&self.postings);
                    self.correct(&poster, original, Correction::refund(original, amount))
                        .await;
                }
                Op::Reverse(which) => {
                    let original = which.get(&self.postings);
                    self.correct(&poster, original, Correction::reversal(original)).await;
                }
            }
        }
        told
    }

    /// Asked for twice, and decided once; or not at all, of what was not known when it was asked for.
    async fn correct(&self, poster: &Client, original: &Posting, correction: Correction) {
        let was_known = self.intent_of(original).await.is_some();
        match correction.post(poster).await {
            Ok(decision) => {
                assert_eq!(original.kind == "deposit", decision.outcome == "not_a_payment");
                let again = correction.decide(poster).await;
                assert_eq!((&*again.verdict, &again.outcome), ("replayed", &decision.outcome));
            }
            Err(error) => assert_eq!((&*name_of(&error), was_known), ("payment_unknown", false), "{error:?}"),
        }
    }

    /// Posts through the pooler over a connection that is cut, not closed.
    async fn vanish(&self, posting: &Posting, after: u64) -> Option<Decision> {
        let pooler = &self.cloud.pgbouncer;
        let (client, connection) = tokio_postgres::Config::new()
            .host(&pooler.host)
            .port(pooler.port)
            .user("poster")
            .dbname(&self.cloud.postgres.database)
            .connect(NoTls)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        tokio::select! {
            decision = posting.decide(&client) => Some(decision),
            () = sleep(Duration::from_micros(after)) => {
                connection.abort();
                None
            }
        }
    }

    /// Posts over a connection of its own, so that the process to terminate is known.
    async fn terminate(&self, posting: &Posting, after: u64) -> Option<Decision> {
        let victim = self.cloud.as_role("poster").await;
        let row = victim.query_one("SELECT pg_backend_pid()", &[]);
        let pid: i32 = row.await.unwrap().get(0);
        let kill = async {
            sleep(Duration::from_micros(after)).await;
            let sql = "SELECT pg_terminate_backend($1)";
            self.superuser.query_one(sql, &[&pid]).await.unwrap();
        };
        match tokio::join!(posting.post(&victim), kill).0 {
            Ok(decision) => Some(decision),
            // admin_shutdown, or the connection just closed: nothing is known.
            Err(error) => {
                let name = name_of(&error);
                assert!(["57P01", "connection"].contains(&&*name), "{error:?}");
                None
            }
        }
    }

    /// Fingerprint and outcome as the ledger holds them.
    async fn intent_of(&self, posting: &Posting) -> Option<(Vec<u8>, String)> {
        let superuser = &self.superuser;
        let sql = "SELECT fingerprint, outcome FROM ledger.ledger_transactions WHERE ledger_key = $1";
        let row = superuser.query_opt(sql, &[&posting.key]).await.unwrap()?;
        Some((row.get(0), row.get(1)))
    }

    /// Repeats every intent until it is decided, twice; then the ledger, and what clients were told, must agree.
    async fn decide_all(&self, told: &[Decision]) {
        let poster = self.cloud.pooled_as("poster").await;
        for posting in &self.postings {
            let decision = posting.decide(&poster).await;
            let again = posting.decide(&poster).await;
            assert_eq!(again.told(), ("replayed", &*decision.outcome));
            let intent = self.intent_of(posting).await;
            let ours = (posting.fingerprint.clone(), decision.outcome.clone());
            assert_eq!(intent, Some(ours));
            let entries = entries_under(&self.superuser, posting.key).await;
            let events = events_under(&self.superuser, posting.key).await;
            let expected = match decision.outcome.as_str() {
                "posted" => (2, 1),
                _ => (0, 0),
            };
            assert_eq!((entries, events), expected);

            let of_key = told.iter().filter(|each| each.key == posting.key);
            let mut times = usize::from(decision.verdict == "recorded");
            for each in of_key {
                assert_eq!(each.outcome, decision.outcome, "a client was told otherwise");
                times += usize::from(each.verdict == "recorded");
            }
            assert!(times <= 1, "{} was recorded {times} times", posting.key);
        }
    }

    async fn check_the_books(&self) {
        let superuser = &self.superuser;
        let reader = self.cloud.pooled_as("reader").await;
        let tenant = self.merchant.tenant;
        let sum = "SELECT coalesce(sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END), 0)::bigint
                     FROM ledger.ledger_entries WHERE tenant_id = $1";
        let sum = count(superuser, sum, tenant).await;
        assert_eq!(sum, 0, "the entries sum to zero");
        for posting in &self.postings {
            let back = given_back(superuser, posting).await;
            assert!(back <= posting.amount, "{back} of {posting:?}");
            assert_eq!(corrections(superuser, posting).await.iter().sum::<i64>(), back);
        }
        let doubled = superuser.query(FIND_DOUBLE_CHARGES, &[]).await.unwrap();
        assert!(doubled.is_empty(), "no key was posted twice");

        let external = self.merchant.externals[0];
        for account in self.accounts.iter().chain([&external]) {
            let sum = sum_of_entries(superuser, *account).await;
            assert_eq!(balance(&reader, tenant, *account).await, Some(sum));
        }
        for (account, floor) in self.accounts.iter().zip(FLOORS) {
            if let Some(floor) = floor {
                let least = least_after_a_debit(superuser, *account).await;
                assert!(least.is_none_or(|least| least >= floor), "{least:?} < {floor}");
            }
        }
    }
}

/// The least balance any debit left, in minor units. An entry is numbered after its debit has seen the balance, so every
/// credit that the debit saw has a lower number, and the sum by number is never less than what it saw.
async fn least_after_a_debit(superuser: &Client, account: Uuid) -> Option<i64> {
    let sql = "
        SELECT min(running)::bigint FROM (
            SELECT entry_type, sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) OVER (ORDER BY id) AS running
              FROM ledger.ledger_entries WHERE account_id = $1) each
         WHERE entry_type = 'DEBIT'";
    superuser.query_one(sql, &[&account]).await.unwrap().get(0)
}

async fn simulate(intents: Vec<Intent>, ops: Vec<Op>) {
    let world = Arc::new(World::new(&intents).await);
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let ops = ops.iter().skip(lane).step_by(LANES).cloned().collect();
        lanes.spawn(Arc::clone(&world).run(ops));
    }
    let told = lanes.join_all().await.concat();
    world.decide_all(&told).await;
    world.check_the_books().await;
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 40, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_books_are_right_whatever_crashes(intents in intents(), ops in ops()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(simulate(intents, ops));
    }
}
