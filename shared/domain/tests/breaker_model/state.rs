//! One state: the record and what its callers are about. All times are relative to now, all epochs to the record's, so
//! that states which differ in nothing else are one.

use domain::breaker::change::Change;
use domain::breaker::{Breaker, Permit, Settings};
use domain::ids::Owner;
use uuid::Uuid;

pub const CALLERS: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    Idle,
    /// Has decided; the write is on its way. With a permit, a call follows it.
    Writing(Change, Option<Permit>),
    Calling(Permit),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub record: Breaker,
    pub callers: [Caller; CALLERS],
    /// Whose permits were entered since the record last opened or closed. The breaker itself cannot know.
    pub of_this_period: Vec<Owner>,
}

impl State {
    pub fn start() -> Self {
        Self {
            record: Breaker::new(0),
            callers: [const { Caller::Idle }; CALLERS],
            of_this_period: Vec::new(),
        }
    }

    pub fn calling(&self) -> impl Iterator<Item = &Permit> {
        self.callers.iter().filter_map(|caller| match caller {
            Caller::Calling(permit) => Some(permit),
            Caller::Idle | Caller::Writing(..) => None,
        })
    }

    /// A token that nobody and nothing refers to: as good as one that was never used.
    pub fn new_owner(&mut self) -> Owner {
        let calls = self.record.calls.keys().copied();
        let used: Vec<_> = calls
            .chain(self.callers.iter_mut().flat_map(owners).map(|owner| *owner))
            .collect();
        (1..=u128::MAX).map(token).find(|owner| !used.contains(owner)).unwrap()
    }

    /// The same state with tokens that only say which is which.
    fn renamed(mut self) -> Self {
        let record = &mut self.record;
        for caller in &mut self.callers {
            if let Caller::Writing(Change::Sweep { dead }, _) = caller {
                // Who was swept already is never heard of again.
                dead.retain(|owner| record.calls.contains_key(owner));
                if dead.is_empty() {
                    *caller = Caller::Idle;
                }
            }
        }
        let mut named: Vec<Owner> = Vec::new();
        let mut calls: Vec<_> = std::mem::take(&mut record.calls).into_iter().collect();
        let mut name = |owner: Owner| {
            let place = named.iter().position(|known| *known == owner).unwrap_or_else(|| {
                named.push(owner);
                named.len() - 1
            });
            token(place as u128 + 1)
        };
        for owner in self.callers.iter_mut().flat_map(owners) {
            *owner = name(*owner);
        }
        calls.sort_by_key(|(_, until)| *until);
        record.calls = calls.into_iter().map(|(owner, until)| (name(owner), until)).collect();
        self.of_this_period.retain(|owner| named.contains(owner));
        for owner in &mut self.of_this_period {
            *owner = token(named.iter().position(|known| known == owner).unwrap() as u128 + 1);
        }
        self.of_this_period.sort_unstable();
        self.of_this_period.dedup();
        self
    }

    /// The same state, told from `now`: what is over is over, however long ago.
    pub fn told_from(mut self, settings: &Settings, now: i64) -> Self {
        let epoch = std::mem::take(&mut self.record.epoch);
        let relative = |time: &mut i64| *time = (*time - now).max(0);
        let counting = |bucket: i64| bucket > -settings.buckets;
        self.record.open_until_ms.iter_mut().for_each(relative);
        self.record.calls.values_mut().for_each(relative);
        let buckets = std::mem::take(&mut self.record.window.buckets).into_iter();
        self.record.window.buckets = buckets
            .map(|(bucket, counts)| (bucket - now, counts))
            .filter(|(bucket, _)| counting(*bucket))
            .collect();
        for caller in &mut self.callers {
            match caller {
                Caller::Idle => (),
                Caller::Calling(permit) => relative(&mut permit.until_ms),
                Caller::Writing(change, permit) => {
                    if let Some(permit) = permit {
                        relative(&mut permit.until_ms);
                    }
                    match change {
                        Change::Sweep { .. } | Change::Close { .. } => (),
                        Change::Reopen { until_ms, .. } => relative(until_ms),
                        Change::Count { bucket, .. } => *bucket = (*bucket - now).max(-settings.buckets),
                        Change::Open { epoch: named, until_ms }
                        | Change::Admit {
                            epoch: named, until_ms, ..
                        } => {
                            relative(until_ms);
                            // No epoch returns: one that is past is as good as any other that is.
                            *named = (*named - epoch).max(-1);
                        }
                    }
                }
            }
        }
        self.renamed()
    }
}

fn token(id: u128) -> Owner {
    Owner::from(Uuid::from_u128(id))
}

/// Every mention of a token.
fn owners(caller: &mut Caller) -> Vec<&mut Owner> {
    match caller {
        Caller::Idle => Vec::new(),
        Caller::Calling(permit) => vec![&mut permit.owner],
        Caller::Writing(change, permit) => {
            let mut found: Vec<_> = permit.iter_mut().map(|permit| &mut permit.owner).collect();
            match change {
                Change::Sweep { dead } => found.extend(dead),
                Change::Open { .. } => (),
                Change::Admit { owner, .. }
                | Change::Count { owner, .. }
                | Change::Close { owner }
                | Change::Reopen { owner, .. } => found.push(owner),
            }
            found
        }
    }
}
