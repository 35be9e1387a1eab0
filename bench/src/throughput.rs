//! Operations a second at several numbers of connections, each contender beside the others in every round.

use std::rc::Rc;
use std::time::Duration;

use tokio_postgres::Client;

use crate::Outcome;
use crate::aims::{Aims, percent};
use crate::cloud::Cloud;
use crate::contender::{Contender, Contenders, Lane};
use crate::measure::{Lap, lap, median};
use crate::scene::Scene;

const CONNECTIONS: [usize; 3] = [1, 8, 32];
const ROUNDS: usize = 11;
const LAP: Duration = Duration::from_millis(500);
/// Connections fill their caches in an unmeasured round, which must reach every one of them.
const WARM_UP: Duration = Duration::from_millis(300);

/// The connections of one level, by lane.
struct Lanes {
    poster: Vec<Rc<Client>>,
    pooled: Vec<Rc<Client>>,
    superuser: Vec<Rc<Client>>,
}

impl Lanes {
    async fn open(cloud: &Cloud, count: usize) -> Outcome<Self> {
        let mut lanes = Self {
            poster: Vec::new(),
            pooled: Vec::new(),
            superuser: Vec::new(),
        };
        for _ in 0..count {
            lanes.poster.push(Rc::new(cloud.direct("poster").await?));
            lanes
                .pooled
                .push(Rc::new(cloud.connect(&cloud.pgbouncer, "poster").await?));
            lanes.superuser.push(Rc::new(cloud.superuser().await?));
        }
        Ok(lanes)
    }

    fn of(&self, contender: &Contender) -> &[Rc<Client>] {
        match contender.lane {
            Lane::Poster => &self.poster,
            Lane::Pooled => &self.pooled,
            Lane::Superuser => &self.superuser,
        }
    }
}

/// Measures and prints every level; leaves what the aims ask for in `aims`.
pub async fn run(cloud: &Cloud, scene: &Scene, aims: &mut Aims) -> Outcome<()> {
    println!("Throughput: {ROUNDS} interleaved rounds of {LAP:?} each; ratios are medians of the rounds' ratios");
    println!(
        "{:>5}  {:<34}{:>10}{:>15}{:>18}",
        "conns", "", "ops/s", "of bare", "of post() uniform"
    );
    let contenders = Contenders::of(scene);
    for connections in CONNECTIONS {
        let lanes = Lanes::open(cloud, connections).await?;
        let laps = rounds(&contenders, &lanes).await?;
        let all = contenders.all();
        let ratio = |of: usize, to: usize| median(laps.iter().map(|round| round[of].permille_of(round[to])).collect());
        for (index, contender) in all.iter().enumerate() {
            let rate = median(laps.iter().map(|round| round[index].rate()).collect());
            let (bare, uniform) = (percent(ratio(index, BARE)), percent(ratio(index, UNIFORM)));
            println!(
                "{connections:>5}  {:<34}{rate:>10}{bare:>15}{uniform:>18}",
                contender.name
            );
        }
        println!();
        aims.of_bare(connections, ratio(UNIFORM, BARE));
        aims.hot_of_uniform(connections, ratio(HOT_CREDITED, UNIFORM));
    }
    Ok(())
}

/// Places in `Contenders::all`.
const BARE: usize = 0;
const UNIFORM: usize = 1;
const HOT_CREDITED: usize = 2;

/// The laps of each round, in the order of `Contenders::all`. Every round begins with another contender, so that none
/// always runs in the wake of the same neighbour.
async fn rounds(contenders: &Contenders, lanes: &Lanes) -> Outcome<Vec<Vec<Lap>>> {
    let all = contenders.all();
    for contender in all {
        lap(contender, lanes.of(contender), WARM_UP).await?;
    }
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let mut laps = vec![None; all.len()];
        for turn in 0..all.len() {
            let index = (round + turn) % all.len();
            laps[index] = Some(lap(all[index], lanes.of(all[index]), LAP).await?);
        }
        rounds.push(laps.into_iter().flatten().collect());
    }
    Ok(rounds)
}
