//! Reading a balance (`ledger.account`) of accounts that differ only in how many entries they have.

use std::time::Instant;

use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::Outcome;
use crate::aims::{Aims, percent};
use crate::cloud::Cloud;
use crate::measure::{median, permille};
use crate::scene::{Scene, fresh_key};

const ENTRIES: [i32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Entries that are written and folded at once.
const CHUNK: i32 = 10_000;
/// Deltas left unfolded, alike for all: posting folds at 128.
const TAIL: i32 = 100;
const ROUNDS: usize = 15;
const READS: u32 = 200;

/// Builds the accounts, measures and prints; leaves what the aims ask for in `aims`.
pub async fn run(cloud: &Cloud, scene: &Scene, aims: &mut Aims) -> Outcome<()> {
    let admin = cloud.superuser().await?;
    let mut accounts = Vec::new();
    for entries in ENTRIES {
        accounts.push(build(&admin, scene, entries).await?);
    }
    admin.batch_execute("VACUUM ANALYZE").await?;

    println!(
        "Balance read (ledger.account): {ROUNDS} interleaved rounds of {READS} reads, the last {TAIL} deltas unfolded"
    );
    println!("{:>12}{:>12}{:>12}", "entries", "µs", "of 1 k");
    let reader = cloud.direct("reader").await?;
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        let mut round = Vec::new();
        for (account, entries) in accounts.iter().zip(ENTRIES) {
            round.push(read(&reader, scene.tenant, *account, entries).await?);
        }
        rounds.push(round);
    }
    // The first round filled the connection's caches.
    rounds.remove(0);

    let mut slowest = 0;
    for (index, entries) in ENTRIES.iter().enumerate() {
        let micros = median(rounds.iter().map(|round| round[index]).collect()) / u128::from(READS) / 1000;
        let ratio = median(rounds.iter().map(|round| permille(round[index], round[0])).collect());
        println!("{entries:>12}{micros:>12}{:>12}", percent(ratio));
        slowest = slowest.max(ratio);
    }
    println!();
    aims.flat_read(slowest);
    Ok(())
}

/// Nanoseconds for all the reads of a round. Fails when the balance is not the number of entries, each of 1 minor unit.
async fn read(reader: &Client, tenant: Uuid, account: Uuid, entries: i32) -> Outcome<u128> {
    let expected = entries.to_string();
    let began = Instant::now();
    for _ in 0..READS {
        let row = reader
            .query_typed_one(
                "-- bench.account
                 SELECT * FROM ledger.account($1, $2)",
                &[(&tenant, Type::UUID), (&account, Type::UUID)],
            )
            .await?;
        if row.get::<_, &str>("balance") != expected {
            return Err("a balance is not the sum of its entries".into());
        }
    }
    Ok(began.elapsed().as_nanos())
}

/// Opens an account and credits it `entries` times from the merchant's external account, folding as it goes.
async fn build(admin: &Client, scene: &Scene, entries: i32) -> Outcome<Uuid> {
    let account = Uuid::new_v4();
    admin
        .execute(
            "INSERT INTO ledger.accounts (account_id, tenant_id, purpose, currency, floor) VALUES ($1, $2, 'buyer', 'EUR', 0)",
            &[&account, &scene.tenant],
        )
        .await?;
    let mut left = entries;
    while left > TAIL {
        let chunk = CHUNK.min(left - TAIL);
        credit(admin, scene, account, chunk).await?;
        admin.execute("SELECT ledger.fold($1)", &[&account]).await?;
        left -= chunk;
    }
    credit(admin, scene, account, left).await?;
    Ok(account)
}

/// The rows of `count` deposits of 1 minor unit each, in one statement. Reading a balance asks for no intents.
async fn credit(admin: &Client, scene: &Scene, account: Uuid, count: i32) -> Outcome<()> {
    let keys: Vec<_> = (0..count).map(|_| fresh_key(scene.tenant)).collect();
    admin
        .execute(
            "-- bench.credit
             WITH keys AS (
                 SELECT key FROM unnest($4::uuid[]) AS key
             ), entries AS (
                 INSERT INTO ledger.ledger_entries
                        (account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)
                 SELECT side.account, key, side.type, 1, 'EUR', key, $1
                   FROM keys, (VALUES ($2::uuid, 'DEBIT'::ledger.ledger_entry_type), ($3::uuid, 'CREDIT')) AS side (account, type)
             )
             INSERT INTO ledger.balance_tail (account_id, delta)
             SELECT side.account, side.delta FROM keys, (VALUES ($2::uuid, -1), ($3::uuid, 1)) AS side (account, delta)",
            &[&scene.tenant, &scene.external, &account, &keys],
        )
        .await?;
    Ok(())
}
