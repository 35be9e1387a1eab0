//! The ledger's and the poller's figures, measured side by side in one run on the PostgreSQL that `ONCELEDGER_CLOUD` describes.
//!
//! A machine's speed changes from minute to minute, so no figure stands alone: contenders take turns in short rounds
//! and each is compared with its neighbour of the same round. The database is written to and left full: it must be
//! one that is thrown away afterwards.

#![allow(clippy::disallowed_types, reason = "serde's derived code names floats")]

mod aims;
mod announcing;
mod balance_read;
mod cloud;
mod contender;
mod cost;
mod measure;
mod relay;
mod scene;
mod throughput;

use std::env;
use std::error::Error;

use aims::Aims;
use cloud::Cloud;
use scene::Scene;

/// What went wrong, told to whoever ran the bench.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [announcing::POLLER, seconds] = arguments[..] {
        return announcing::poll(seconds.parse()?).await;
    }
    // Without a word, everything.
    let asked = |part: &str| arguments.is_empty() || arguments.contains(&part);
    let cloud = Cloud::from_environment()?;
    let scene = Scene::set(&cloud).await?;
    print_settings(&cloud).await?;

    let mut aims = Aims::default();
    if asked("throughput") {
        throughput::run(&cloud, &scene, &mut aims).await?;
    }
    if asked("cost") {
        // Accounts of its own: where a tail has grown long a posting also folds it, and a byte would depend on the rounds before.
        cost::run(&cloud, &Scene::set(&cloud).await?, &mut aims).await?;
    }
    if asked("balance") {
        balance_read::run(&cloud, &scene, &mut aims).await?;
    }
    if asked("announcing") {
        announcing::run(&cloud, &scene, &mut aims).await?;
    }
    println!("{aims}");
    Ok(())
}

/// What the figures depend on most, as the server has it.
async fn print_settings(cloud: &Cloud) -> Outcome<()> {
    let settings = [
        "server_version",
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "wal_level",
        "shared_buffers",
        "max_wal_size",
        "data_checksums",
    ];
    let client = cloud.superuser().await?;
    let mut shown = Vec::new();
    for name in settings {
        let value: String = client.query_one(&format!("SHOW {name}"), &[]).await?.get(0);
        shown.push(format!("{name} {value}"));
    }
    println!("PostgreSQL: {}", shown.join(", "));
    println!(
        "{} CPUs, shared by server and bench\n",
        std::thread::available_parallelism()?
    );
    Ok(())
}
