//! Breadth first through every state, then backwards from every end.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::settlement::log::StepLog;

use crate::invariants::{Violation, broken_between, broken_in, is_terminal};
use crate::state::{Event, State};
use crate::world::World;

pub struct Explored {
    world: World,
    pub states: Vec<State>,
    pub terminal: usize,
    pub violations: BTreeSet<Violation>,
    /// How the first violation came about: one of the shortest courses.
    pub first_course: Vec<Event>,
}

impl Explored {
    pub fn logs(&self) -> HashSet<StepLog> {
        let rows: HashMap<_, _> = self.states.iter().map(|state| (state.rows, state)).collect();
        rows.into_values().map(|state| self.world.log(state).unwrap()).collect()
    }
}

/// States that break an invariant are not followed any further.
pub fn explore(world: World) -> Explored {
    let mut states = vec![State::START];
    let mut places = HashMap::from([(State::START, 0)]);
    let mut edges: Vec<(usize, usize)> = Vec::new();
    let mut came_by: Vec<Option<(usize, Event)>> = vec![None];
    let mut violations = BTreeSet::new();
    let mut first_course = Vec::new();
    let mut terminal = Vec::new();

    let mut place = 0;
    while let Some(state) = states.get(place).copied() {
        for (event, after) in world.successors(&state) {
            if after == state {
                continue;
            }
            let mut broken = broken_between(world, &state, &after);
            let known = places.get(&after).copied();
            if known.is_none() {
                broken.append(&mut broken_in(world, &after));
            }
            if !broken.is_empty() {
                if violations.is_empty() {
                    first_course = course(&came_by, place).into_iter().chain([event]).collect();
                }
                violations.append(&mut broken);
                continue;
            }
            let target = known.unwrap_or_else(|| {
                places.insert(after, states.len());
                states.push(after);
                came_by.push(Some((place, event)));
                states.len() - 1
            });
            edges.push((place, target));
        }
        if is_terminal(world, &state) {
            terminal.push(place);
        }
        place += 1;
    }
    if violations.is_empty() && reaching(&terminal, &edges, states.len()) < states.len() {
        violations.insert(Violation::DeadEnd);
    }
    Explored {
        world,
        terminal: terminal.len(),
        states,
        violations,
        first_course,
    }
}

fn course(came_by: &[Option<(usize, Event)>], mut place: usize) -> Vec<Event> {
    let mut course = Vec::new();
    while let Some((before, event)) = came_by[place] {
        course.push(event);
        place = before;
    }
    course.reverse();
    course
}

/// How many states have a way to an end.
fn reaching(ends: &[usize], edges: &[(usize, usize)], states: usize) -> usize {
    let mut sources = vec![Vec::new(); states];
    for (source, target) in edges {
        sources[*target].push(*source);
    }
    let mut seen: HashSet<usize> = ends.iter().copied().collect();
    let mut unvisited = ends.to_vec();
    while let Some(place) = unvisited.pop() {
        unvisited.extend(sources[place].iter().copied().filter(|source| seen.insert(*source)));
    }
    seen.len()
}
