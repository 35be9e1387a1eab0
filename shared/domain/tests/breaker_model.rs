//! Every course a breaker can take with a few callers, explored state by state.
//!
//! Each caller reads the record, decides by `Breaker::ask`, and writes. **A write, once decided, may land now, later,
//! twice or never**, and a caller may die at any point; a call ends well, badly or with its caller, always before its
//! permit does. Clocks agree here; that they need not is what the margin of the lease is for. Each switch takes one
//! guard away, and the exploration must then find the harm by name.

#![allow(
    clippy::unwrap_used,
    reason = "a model that panics has found what it was looking for"
)]

#[path = "breaker_model/state.rs"]
mod state;
#[path = "breaker_model/world.rs"]
mod world;

use std::collections::{BTreeSet, HashMap};

use domain::breaker::Settings;
use state::State;
use world::Switch::{self, *};
use world::Violation::{self, *};
use world::World;

/// Small enough to be explored, large enough that a second call, failure, bucket or tick makes a difference.
const SETTINGS: Settings = Settings {
    in_flight: 2,
    minimum: 2,
    failure_percent: 50,
    bucket_ms: 1,
    buckets: 2,
    open_ms: 2,
    lease_ms: 2,
};

fn explored(settings: Settings, switch: Option<Switch>) -> (usize, BTreeSet<Violation>) {
    let world = World { settings, switch };
    let mut places = HashMap::from([(State::start(), 0)]);
    let mut states = vec![State::start()];
    let mut edges = Vec::new();
    let mut violations = BTreeSet::new();
    let mut place = 0;
    while let Some(state) = states.get(place).cloned() {
        for (after, broken) in world.successors(&state) {
            let broken = broken.into_iter().chain(world.broken_in(&after));
            let before = violations.len();
            violations.extend(broken);
            // What breaks an invariant is not followed any further.
            if violations.len() > before {
                continue;
            }
            let target = *places.entry(after).or_insert_with_key(|after| {
                states.push(after.clone());
                states.len() - 1
            });
            edges.push((place, target));
        }
        place += 1;
    }
    if violations.is_empty() && with_a_way_home(&states, &edges) < states.len() {
        violations.insert(DeadEnd);
    }
    println!("{switch:?}: {} states, {violations:?}", states.len());
    (states.len(), violations)
}

/// How many states have a way back to the start: closed, nobody on the way, nothing counted.
fn with_a_way_home(states: &[State], edges: &[(usize, usize)]) -> usize {
    let mut sources = vec![Vec::new(); states.len()];
    for (source, target) in edges {
        sources[*target].push(*source);
    }
    let mut reaching = vec![false; states.len()];
    reaching[0] = true;
    let mut unvisited = vec![0];
    while let Some(place) = unvisited.pop() {
        for &source in &sources[place] {
            if !std::mem::replace(&mut reaching[source], true) {
                unvisited.push(source);
            }
        }
    }
    reaching.into_iter().filter(|reaching| *reaching).count()
}

fn found(switch: Switch) -> BTreeSet<Violation> {
    explored(SETTINGS, Some(switch)).1
}

/// With two callers, only one call at a time can be exceeded.
fn found_beside_one(switch: Switch) -> BTreeSet<Violation> {
    let one = Settings {
        in_flight: 1,
        ..SETTINGS
    };
    explored(one, Some(switch)).1
}

#[test]
fn whatever_is_late_lost_repeated_or_dead_the_endpoint_is_spared() {
    assert_eq!(SETTINGS.checked(), Ok(SETTINGS));
    let (states, violations) = explored(SETTINGS, None);
    assert_eq!(violations, BTreeSet::new());
    assert!(states > 10_000, "the model has shrunk: {states} states");
}

#[test]
fn however_short_it_is_open_a_probe_is_alone() {
    let hasty = Settings { open_ms: 1, ..SETTINGS };
    assert_eq!(explored(hasty, None).1, BTreeSet::new());
}

#[test]
fn unless_an_entry_names_its_epoch_a_call_is_permitted_past_failures_and_while_open() {
    let found = found(EpochIsNotNamed);
    let expected = [PermittedInSpiteOfFailures, PermittedWhileOpen];
    assert!(found.is_superset(&expected.into()), "{found:?}");
}

#[test]
fn without_a_limit_in_the_commit_two_probe() {
    assert!(found_beside_one(LimitIsNotCommitted).contains(&TooManyCalls));
    let found = found(LimitIsNotCommitted);
    assert!(found.contains(&TwoProbes), "{found:?}");
}

/// An opening may be late: the while that it names is then over when it comes.
#[test]
fn if_opening_ends_permits_a_probe_meets_calls_from_before() {
    let found = found(OpeningEndsPermits);
    assert!(found.contains(&TwoProbes), "{found:?}");
}

#[test]
fn unless_results_need_their_permit_a_late_one_opens_or_closes() {
    let found = found(ResultsNeedNoPermit);
    assert!(found.contains(&LateResultCounted), "{found:?}");
}

#[test]
fn if_results_count_while_open_they_are_of_another_period() {
    let found = found(ResultsCountWhileOpen);
    assert!(found.contains(&LateResultCounted), "{found:?}");
}

#[test]
fn swept_before_their_time_permits_allow_too_many() {
    assert!(found_beside_one(TheLivingAreSwept).contains(&TooManyCalls));
    let found = found(TheLivingAreSwept);
    assert!(found.contains(&TwoProbes), "{found:?}");
}

#[test]
fn if_a_call_outlasts_its_permit_two_probe() {
    let found = found(CallsOutlastPermits);
    assert!(found.contains(&TwoProbes), "{found:?}");
}

#[test]
fn unless_the_dead_are_swept_nobody_ever_calls_again() {
    assert_eq!(found(NobodySweeps), [DeadEnd].into());
}
