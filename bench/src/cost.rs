//! What one authorization costs the server, on one connection: write-ahead log, CPU time, round trips.

use std::time::Duration;

use tokio::task::LocalSet;
use tokio_postgres::Client;

use crate::Outcome;
use crate::aims::Aims;
use crate::cloud::Cloud;
use crate::contender::{Contender, Contenders, details};
use crate::measure::{cpu_time, median};
use crate::relay::Relay;
use crate::scene::Scene;

/// Authorizations of one round of one contender.
const BATCH: u32 = 1000;
const ROUNDS: usize = 5;
const ROUND_TRIPS_OF: u32 = 100;

/// What one batch cost.
struct Cost {
    wal_bytes: u128,
    images: u128,
    cpu: Duration,
}

/// Measures and prints; leaves what the aims ask for in `aims`.
pub async fn run(cloud: &Cloud, scene: &Scene, aims: &mut Aims) -> Outcome<()> {
    let contenders = Contenders::of(scene);
    let measured = [
        &contenders.bare,
        &contenders.uniform,
        &contenders.hot_credited,
        &contenders.hot_debited,
        &contenders.naive,
    ];
    let admin = cloud.superuser().await?;
    println!("Cost on one connection: medians of {ROUNDS} interleaved rounds of {BATCH}");
    println!(
        "  WAL: pg_current_wal_insert_lsn() before and after. Without images: full_page_writes off for the batch."
    );
    println!(
        "  With images: on, and a CHECKPOINT before each batch, the worst a server can see; images by pg_stat_wal."
    );
    println!("  CPU: utime + stime of the connection's server process.");
    println!(
        "  Round trips: Sync, Query and Flush messages on the wire. Every posting carries {}\n",
        details()
    );
    println!(
        "{:<34}{:>11}{:>14}{:>10}{:>14}{:>13}",
        "per authorization", "WAL bytes", "with images", "images", "CPU µs", "round trips"
    );

    full_page_writes(&admin, false).await?;
    let lean = rounds(cloud, &admin, &measured, false).await?;
    full_page_writes(&admin, true).await?;
    let full = rounds(cloud, &admin, &measured, true).await?;
    for (index, contender) in measured.iter().enumerate() {
        let of = |rounds: &[Vec<Cost>], what: fn(&Cost) -> u128| {
            median(rounds.iter().map(|round| what(&round[index])).collect())
        };
        let batch = u128::from(BATCH);
        let wal = of(&lean, |cost| cost.wal_bytes) / batch;
        let (with_images, images) = (
            of(&full, |cost| cost.wal_bytes) / batch,
            of(&full, |cost| cost.images) * 100 / batch,
        );
        let cpu = of(&lean, |cost| cost.cpu.as_micros()) / batch;
        let trips = round_trips(cloud, contender).await?;
        println!(
            "{:<34}{wal:>11}{with_images:>14}{:>10}{cpu:>14}{trips:>9} in {ROUND_TRIPS_OF}",
            contender.name,
            format!("{}.{:02}", images / 100, images % 100),
        );
        if index == UNIFORM {
            aims.wal(wal);
            aims.round_trips(trips, u128::from(ROUND_TRIPS_OF));
        }
    }
    println!(
        "folding: {} WAL bytes more for each delta, sooner or later, and a posting leaves two\n",
        folding(&admin, scene).await?
    );
    Ok(())
}

/// Bytes of write-ahead log that turning a delta into its share of a checkpoint takes, over all the uniform accounts.
async fn folding(admin: &Client, scene: &Scene) -> Outcome<u128> {
    full_page_writes(admin, false).await?;
    let accounts = scene.uniform.to_vec();
    let before = log_position(admin, admin).await?.0;
    let folded: i64 = admin
        .query_one(
            "SELECT sum(ledger.fold(account)) FROM unnest($1::uuid[]) AS account",
            &[&accounts],
        )
        .await?
        .get(0);
    let bytes = log_position(admin, admin).await?.0 - before;
    full_page_writes(admin, true).await?;
    Ok(bytes / u128::try_from(folded)?)
}

/// Place of `post()`, uniform, among the measured.
const UNIFORM: usize = 1;

/// Every contender's cost in each round.
async fn rounds(cloud: &Cloud, admin: &Client, measured: &[&Contender], checkpoint: bool) -> Outcome<Vec<Vec<Cost>>> {
    let mut clients = Vec::new();
    for contender in measured {
        let client = connect(cloud, contender, None).await?;
        repeat(contender, &client, 50).await?;
        clients.push(client);
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for (contender, client) in measured.iter().zip(&clients) {
            if checkpoint {
                admin.batch_execute("CHECKPOINT").await?;
            }
            round.push(cost(admin, contender, client).await?);
        }
        rounds.push(round);
    }
    Ok(rounds)
}

async fn cost(admin: &Client, contender: &Contender, client: &Client) -> Outcome<Cost> {
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let (wal, images) = log_position(admin, client).await?;
    let cpu = cpu_time(pid)?;
    repeat(contender, client, BATCH).await?;
    let cpu = cpu_time(pid)?.saturating_sub(cpu);
    let (wal_after, images_after) = log_position(admin, client).await?;
    Ok(Cost {
        wal_bytes: wal_after - wal,
        images: images_after - images,
        cpu,
    })
}

/// Bytes ever written to the log, and full-page images counted, once `client` has reported its own.
async fn log_position(admin: &Client, client: &Client) -> Outcome<(u128, u128)> {
    client.query_one("SELECT pg_stat_force_next_flush()", &[]).await?;
    let row = admin
        .query_one(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::text, wal_fpi::text FROM pg_stat_wal",
            &[],
        )
        .await?;
    Ok((row.get::<_, &str>(0).parse()?, row.get::<_, &str>(1).parse()?))
}

/// Round trips of a hundred authorizations, counted on the wire.
async fn round_trips(cloud: &Cloud, contender: &Contender) -> Outcome<u128> {
    LocalSet::new()
        .run_until(async {
            let relay = Relay::before(&cloud.postgres.address).await?;
            let client = connect(cloud, contender, Some(&relay)).await?;
            let before = relay.counted();
            repeat(contender, &client, ROUND_TRIPS_OF).await?;
            Ok(relay.counted() - before)
        })
        .await
}

async fn connect(cloud: &Cloud, contender: &Contender, relay: Option<&Relay>) -> Outcome<Client> {
    let address = relay.map_or(&cloud.postgres.address, |relay| &relay.address);
    cloud.connect(address, cloud.user_of(contender.lane)).await
}

async fn repeat(contender: &Contender, client: &Client, times: u32) -> Outcome<()> {
    for _ in 0..times {
        contender.once(client).await?;
    }
    Ok(())
}

/// Switches full-page images on or off for the whole server, and waits until it is so.
async fn full_page_writes(admin: &Client, on: bool) -> Outcome<()> {
    admin
        .batch_execute(&format!("ALTER SYSTEM SET full_page_writes = {on}"))
        .await?;
    admin.batch_execute("SELECT pg_reload_conf()").await?;
    // Reloading is a signal that each process heeds in its own time, and nothing tells when all have. The checkpointer
    // takes it over when it wakes up; a checkpoint wakes it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(admin.batch_execute("CHECKPOINT").await?)
}
