//! Headroom of the announcing: the real poller's loop in a process of its own, through `PgBouncer`, against a bus that
//! answers in 20 ms.

use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

use adapters::environment;
use outbox_poll::Poller;
use tests::bus::StubBus;
use tokio::process::{Child, Command};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::Outcome;
use crate::aims::{Aims, percent};
use crate::cloud::Cloud;
use crate::measure::{median, permille};
use crate::scene::{Scene, fresh_key};

/// The argument that makes this program the poller instead of the bench.
pub const POLLER: &str = "poller";

/// How long the stub bus takes to answer.
const BUS_ANSWERS_IN: Duration = Duration::from_millis(20);
/// Rows of one round at full tilt.
const BACKLOG: usize = 30_000;
const ROUNDS: usize = 3;
/// What the poller takes at a time, which the statements alone take too.
const BATCH: i32 = 500;
/// The steady stream: rows a second, written in twenty parts, for a minute.
const PER_SECOND: usize = 1000;
const PARTS: usize = 20;
const STEADY: Duration = Duration::from_mins(1);

/// Runs the poller for `seconds`, configured by its environment as the function is.
pub async fn poll(seconds: u64) -> Outcome<()> {
    let poller = Poller::open(
        &environment::Database::from_environment()?,
        &environment::Announcing::from_environment()?,
    )
    .await;
    outbox_poll::handle(&poller, SystemTime::now() + Duration::from_secs(seconds)).await?;
    Ok(())
}

/// Measures and prints; leaves what the aims ask for in `aims`.
pub async fn run(cloud: &Cloud, scene: &Scene, aims: &mut Aims) -> Outcome<()> {
    let admin = cloud.superuser().await?;
    // What was posted so far is not part of this.
    admin.execute("DELETE FROM ledger.outbox", &[]).await?;
    let bus = StubElsewhere::start()?;
    full_tilt(cloud, scene, &admin, &bus, aims).await?;
    steady(cloud, scene, &admin, &bus, aims).await
}

async fn full_tilt(cloud: &Cloud, scene: &Scene, admin: &Client, bus: &StubElsewhere, aims: &mut Aims) -> Outcome<()> {
    println!(
        "Announcing: {ROUNDS} interleaved rounds of {BACKLOG} rows, the bus answers in {} ms",
        BUS_ANSWERS_IN.as_millis()
    );
    let (mut announced, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        write(admin, scene, BACKLOG).await?;
        admin.batch_execute("VACUUM ANALYZE ledger.outbox").await?;
        let began = Instant::now();
        statements_alone(cloud).await?;
        alone.push(rate(BACKLOG, began.elapsed()));

        write(admin, scene, BACKLOG).await?;
        admin.batch_execute("VACUUM ANALYZE ledger.outbox").await?;
        let mut poller = start_poller(cloud, bus, 120)?;
        until_leased(admin).await?;
        let began = Instant::now();
        until_empty(admin, &mut poller).await?;
        announced.push(rate(BACKLOG, began.elapsed()));
        poller.kill().await?;
    }
    let (announced, alone) = (median(announced), median(alone));
    println!("{announced:>8} rows/s  by the poller");
    println!(
        "{alone:>8} rows/s  its statements alone, one batch after the other; the poller does {} of that\n",
        percent(permille(announced, alone))
    );
    aims.announced(announced);
    Ok(())
}

/// A row is written with its intent and not posted: this is about what comes after.
async fn steady(cloud: &Cloud, scene: &Scene, admin: &Client, bus: &StubElsewhere, aims: &mut Aims) -> Outcome<()> {
    let mut poller = start_poller(cloud, bus, 2 * STEADY.as_secs())?;
    let writer = cloud.superuser().await?;
    let began = Instant::now();
    let (mut written, mut ages, mut waiting) = (0, Vec::new(), Vec::new());
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(PARTS)?);
    while began.elapsed() < STEADY {
        tick.tick().await;
        write(&writer, scene, PER_SECOND / PARTS).await?;
        written += PER_SECOND / PARTS;
        if written % PER_SECOND == 0 {
            let row = admin
                .query_one(
                    "SELECT coalesce((extract(epoch FROM clock_timestamp() - min(written_at)) * 1000)::bigint, 0), count(*) FROM ledger.outbox",
                    &[],
                )
                .await?;
            ages.push(u128::try_from(row.get::<_, i64>(0))?);
            waiting.push(u128::try_from(row.get::<_, i64>(1))?);
        }
    }
    let rate = rate(written, began.elapsed());
    until_empty(admin, &mut poller).await?;
    poller.kill().await?;
    let sizes = admin
        .query_one(
            "SELECT pg_table_size('ledger.outbox') / 1024, pg_indexes_size('ledger.outbox') / 1024",
            &[],
        )
        .await?;
    let most = ages.iter().copied().max().unwrap_or_default();
    println!(
        "Steady stream: {rate} rows/s written for {} s, looked at every second",
        STEADY.as_secs()
    );
    println!("  oldest waiting: median {} ms, most {most} ms", median(ages));
    println!(
        "  rows waiting: median {}, most {}",
        median(waiting.clone()),
        waiting.into_iter().max().unwrap_or_default()
    );
    println!(
        "  the outbox afterwards: table {} kB, index {} kB\n",
        sizes.get::<_, i64>(0),
        sizes.get::<_, i64>(1)
    );
    aims.backlog(most);
    Ok(())
}

/// Intents and the rows that announce them.
async fn write(client: &Client, scene: &Scene, count: usize) -> Outcome<()> {
    let keys: Vec<Uuid> = (0..count).map(|_| fresh_key(scene.tenant)).collect();
    client
        .execute(
            "-- bench.announce
             WITH keys AS (
                 SELECT key FROM unnest($2::uuid[]) AS key
             ), intents AS (
                 INSERT INTO ledger.ledger_transactions
                        (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
                 SELECT key, $1, 'payment', sha256('bench'), 'posted', $3, $4, 5, 'EUR', '{}', 1 FROM keys
             )
             INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
             SELECT $1, key, 1, 'payment.posted.v1' FROM keys",
            &[&scene.tenant, &keys, &scene.hot_debited, &scene.hot_credited],
        )
        .await?;
    Ok(())
}

/// What the poller asks of the ledger, one batch after the other.
async fn statements_alone(cloud: &Cloud) -> Outcome<()> {
    let client = cloud.connect(&cloud.pgbouncer, "poller").await?;
    loop {
        let leased = client
            .query(
                "SELECT id FROM ledger.lease_outbox($1, $2, 30)",
                &[&Uuid::new_v4(), &BATCH],
            )
            .await?;
        if leased.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = leased.iter().map(|row| row.get(0)).collect();
        client.query("SELECT ledger.mark_published($1)", &[&ids]).await?;
    }
}

async fn until_leased(admin: &Client) -> Outcome<()> {
    let leased = "SELECT EXISTS (SELECT FROM ledger.outbox WHERE lease IS NOT NULL)";
    while !admin.query_one(leased, &[]).await?.get::<_, bool>(0) {
        // Asked again at once, it would take its turn from what is measured.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn until_empty(admin: &Client, poller: &mut Child) -> Outcome<()> {
    while admin
        .query_one("SELECT EXISTS (SELECT FROM ledger.outbox)", &[])
        .await?
        .get(0)
    {
        if let Some(ended) = poller.try_wait()? {
            return Err(format!("the poller ended before its work did: {ended}").into());
        }
        // As above; a round takes seconds, of which 10 ms too many are less than a hundredth.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn start_poller(cloud: &Cloud, bus: &StubElsewhere, seconds: u64) -> Outcome<Child> {
    Ok(Command::new(env::current_exe()?)
        .args([POLLER, &seconds.to_string()])
        .env("DATABASE_HOST", &cloud.pgbouncer.host)
        .env("DATABASE_PORT", cloud.pgbouncer.port.to_string())
        .env("DATABASE_NAME", &cloud.postgres.database)
        .env("DATABASE_USER", "poller")
        .env("DATABASE_AUTH", "loopback")
        .env("EVENT_BUS", "bench")
        .env("DEAD_LETTER_QUEUE_URL", format!("{}/bench", bus.url))
        .env("KEEP_PUBLISHED_HOURS", "1")
        .env("AWS_LAMBDA_FUNCTION_NAME", "outbox-poll")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("AWS_ENDPOINT_URL", &bus.url)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}

fn rate(rows: usize, elapsed: Duration) -> u128 {
    rows as u128 * 1_000_000_000 / elapsed.as_nanos().max(1)
}

/// The stub bus on a thread of its own, so that it does not wait for what is measured.
struct StubElsewhere {
    url: String,
}

impl StubElsewhere {
    fn start() -> Outcome<Self> {
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || -> Outcome<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let bus = StubBus::start().await;
                bus.set_delay(BUS_ANSWERS_IN);
                tell.send(bus.url())?;
                std::future::pending().await
            })
        });
        Ok(Self { url: told.recv()? })
    }
}
