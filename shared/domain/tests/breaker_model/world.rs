//! What can happen next, and what must never.

use domain::breaker::change::Change;
use domain::breaker::{Ask, Breaker, Counts, Ended, Permit, Settings, Standing};

use crate::state::{CALLERS, Caller, State};

/// A guard that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    EpochIsNotNamed,
    LimitIsNotCommitted,
    OpeningEndsPermits,
    ResultsCountWhileOpen,
    ResultsNeedNoPermit,
    TheLivingAreSwept,
    CallsOutlastPermits,
    NobodySweeps,
}
use Switch::*;

/// What a guard prevents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// More calls on their way than there may be.
    TooManyCalls,
    /// A probe, and another call beside it.
    TwoProbes,
    /// A permit was entered while the record said open.
    PermittedWhileOpen,
    /// A permit was entered after as many failures as make it open.
    PermittedInSpiteOfFailures,
    /// A result of another period changed the record.
    LateResultCounted,
    /// No way leads back to a healthy endpoint that is called.
    DeadEnd,
}
use Violation::*;

type Successor = (State, Vec<Violation>);

#[derive(Clone, Copy, Debug)]
pub struct World {
    pub settings: Settings,
    pub switch: Option<Switch>,
}

impl World {
    /// Every state that can be next, with what broke on the way.
    pub fn successors(&self, state: &State) -> Vec<Successor> {
        let mut next: Vec<_> = (0..CALLERS).flat_map(|place| self.of_caller(state, place)).collect();
        let no_call_reaches_its_end = state.calling().all(|permit| permit.until_ms > 1);
        if no_call_reaches_its_end || self.switch == Some(CallsOutlastPermits) {
            next.push((state.clone().told_from(&self.settings, 1), Vec::new()));
        }
        // One success is as good as any number, against so few failures.
        let enough = Counts { served: 1, failed: 3 };
        let counts = |state: &State| state.record.window.counts(&self.settings, 0);
        next.retain(|(state, _)| counts(state).served <= enough.served && counts(state).failed <= enough.failed);
        next
    }

    pub fn broken_in(&self, state: &State) -> Vec<Violation> {
        let calls = state.calling().count();
        let mut broken = Vec::new();
        if calls > self.settings.in_flight {
            broken.push(TooManyCalls);
        }
        if calls > 1 && state.calling().any(|permit| permit.is_probe) {
            broken.push(TwoProbes);
        }
        broken
    }

    fn of_caller(&self, state: &State, place: usize) -> Vec<Successor> {
        let with = |caller: Caller| {
            let mut after = state.clone();
            after.callers[place] = caller;
            (after.told_from(&self.settings, 0), Vec::new())
        };
        match &state.callers[place] {
            Caller::Idle => self.decided(&state.record, state).map(with).into_iter().collect(),
            Caller::Calling(permit) => {
                let ends = [Ended::Served, Ended::Failed];
                let ended = ends.map(|ended| with(Caller::Writing(permit.clone().end(ended, &self.settings, 0), None)));
                ended.into_iter().chain([with(Caller::Idle)]).collect()
            }
            Caller::Writing(change, permit) => {
                let landed = self.applied(change, &state.record);
                let mut next = vec![with(Caller::Idle)];
                // It lands, and its caller dies; or its store is going to try once more.
                for caller in [Caller::Idle, state.callers[place].clone()] {
                    next.extend(
                        landed
                            .clone()
                            .map(|record| self.written(state, place, change, record, caller)),
                    );
                }
                next.push(self.answered(state, place, change, permit.as_ref(), landed));
                next
            }
        }
    }

    /// What a caller sets out to write, who sees this record. `None`: it is refused.
    fn decided(&self, record: &Breaker, state: &State) -> Option<Caller> {
        let mut seen = record.clone();
        if self.switch == Some(TheLivingAreSwept) {
            seen.calls.values_mut().for_each(|until| *until = 0);
        }
        match seen.ask(&self.settings, state.clone().new_owner(), 0) {
            Ask::Enter(permit, change) => Some(Caller::Writing(change, Some(permit))),
            Ask::First(Change::Sweep { .. }) if self.switch == Some(NobodySweeps) => None,
            Ask::First(change) => Some(Caller::Writing(change, None)),
            Ask::Refused(_) => None,
        }
    }

    /// The write lands or fails, and its caller learns which.
    fn answered(
        &self,
        state: &State,
        place: usize,
        change: &Change,
        permit: Option<&Permit>,
        landed: Option<Breaker>,
    ) -> Successor {
        let has_landed = landed.is_some();
        let record = landed.unwrap_or_else(|| state.record.clone());
        let is_in = permit.filter(|permit| has_landed || record.calls.contains_key(&permit.owner));
        let caller = match is_in {
            Some(permit) if permit.until_ms > 0 => Caller::Calling(permit.clone()),
            // Too late to call: the permit ends by itself.
            Some(_) => Caller::Idle,
            None => self.going_on(change, has_landed, &record),
        };
        if has_landed {
            self.written(state, place, change, record, caller)
        } else {
            let mut after = state.clone();
            after.callers[place] = caller;
            (after.told_from(&self.settings, 0), Vec::new())
        }
    }

    /// After a result, its caller sees to the opening, or gives back a permit that counts for nothing. After anything
    /// else it asks again, which is to begin anew.
    fn going_on(&self, change: &Change, has_landed: bool, record: &Breaker) -> Caller {
        let next = match change {
            Change::Count { owner, .. } if !has_landed => Some(Change::Sweep { dead: vec![*owner] }),
            Change::Count { .. } => record.due(&self.settings, 0),
            Change::Admit { .. }
            | Change::Sweep { .. }
            | Change::Open { .. }
            | Change::Close { .. }
            | Change::Reopen { .. } => None,
        };
        next.map_or(Caller::Idle, |next| Caller::Writing(next, None))
    }

    fn broken_by_permitting(&self, record: &Breaker) -> Vec<Violation> {
        let mut broken = Vec::new();
        if record.standing(0) == Standing::Open {
            broken.push(PermittedWhileOpen);
        }
        if record.due(&self.settings, 0).is_some() {
            broken.push(PermittedInSpiteOfFailures);
        }
        broken
    }

    /// The state after `change` made `record` of the record.
    fn written(&self, state: &State, place: usize, change: &Change, record: Breaker, caller: Caller) -> Successor {
        let mut after = state.clone();
        after.record = record;
        after.callers[place] = caller;
        let mut broken = Vec::new();
        match change {
            Change::Admit { owner, .. } => {
                broken = self.broken_by_permitting(&state.record);
                after.of_this_period.push(*owner);
            }
            Change::Sweep { .. } => (),
            Change::Open { .. } => after.of_this_period.clear(),
            Change::Count { owner, .. } | Change::Close { owner } | Change::Reopen { owner, .. } => {
                if !state.of_this_period.contains(owner) {
                    broken.push(LateResultCounted);
                }
                if !matches!(change, Change::Count { .. }) {
                    after.of_this_period.clear();
                }
            }
        }
        (after.told_from(&self.settings, 0), broken)
    }

    /// As the store applies it, but for the guard that is taken away.
    fn applied(&self, change: &Change, record: &Breaker) -> Option<Breaker> {
        let mut change = change.clone();
        match (self.switch, &mut change) {
            (Some(EpochIsNotNamed), Change::Admit { epoch, .. }) => *epoch = record.epoch,
            (Some(LimitIsNotCommitted), Change::Admit { limit, .. }) => *limit = usize::MAX,
            (Some(OpeningEndsPermits), Change::Open { .. }) => {
                let mut after = change.applied_to(record)?;
                after.calls.clear();
                return Some(after);
            }
            (Some(ResultsCountWhileOpen), Change::Count { .. }) => {
                let mut record = record.clone();
                let open_until_ms = record.open_until_ms.take();
                return change
                    .applied_to(&record)
                    .map(|after| Breaker { open_until_ms, ..after });
            }
            (
                Some(ResultsNeedNoPermit),
                Change::Count { owner, .. } | Change::Close { owner } | Change::Reopen { owner, .. },
            ) => {
                let mut record = record.clone();
                record.calls.entry(*owner).or_default();
                return change.applied_to(&record);
            }
            _ => (),
        }
        change.applied_to(record)
    }
}
