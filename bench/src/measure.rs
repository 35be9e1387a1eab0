//! Laps, medians and ratios, in whole numbers: the workspace has no floats, and permille are fine enough.

use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::task::LocalSet;
use tokio_postgres::Client;

use crate::Outcome;
use crate::contender::Contender;

/// What one contender did in one round.
#[derive(Clone, Copy)]
pub struct Lap {
    pub operations: u128,
    pub elapsed: Duration,
}

impl Lap {
    /// Operations a second.
    pub fn rate(self) -> u128 {
        self.operations * 1_000_000_000 / self.elapsed.as_nanos().max(1)
    }

    /// This lap's rate in thousandths of the other's.
    pub fn permille_of(self, other: Self) -> u128 {
        permille(
            self.operations * other.elapsed.as_nanos(),
            other.operations * self.elapsed.as_nanos(),
        )
    }
}

/// `part` in thousandths of `whole`.
pub fn permille(part: u128, whole: u128) -> u128 {
    part * 1000 / whole.max(1)
}

/// The middle one; 0 of nothing.
pub fn median(mut values: Vec<u128>) -> u128 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Lets every client work for `span`, side by side; what has begun by then is finished and counted.
pub async fn lap(contender: &Contender, clients: &[Rc<Client>], span: Duration) -> Outcome<Lap> {
    let began = Instant::now();
    let mut workers = JoinSet::new();
    let local = LocalSet::new();
    for client in clients {
        let (contender, client) = (contender.clone(), Rc::clone(client));
        workers.spawn_local_on(
            async move {
                let mut done = 0;
                while began.elapsed() < span {
                    contender.once(&client).await?;
                    done += 1;
                }
                Outcome::Ok(done)
            },
            &local,
        );
    }
    let operations = local
        .run_until(async move {
            let mut operations: u128 = 0;
            while let Some(done) = workers.join_next().await {
                operations += done??;
            }
            Outcome::Ok(operations)
        })
        .await?;
    Ok(Lap {
        operations,
        elapsed: began.elapsed(),
    })
}

/// CPU time the server process `pid` has used, user and system. `/proc` counts it in hundredths of a second.
pub fn cpu_time(pid: i32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name may hold anything; after its parenthesis the fields are regular.
    let (_, fields) = stat.rsplit_once(')').ok_or("unreadable /proc/pid/stat")?;
    let ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
