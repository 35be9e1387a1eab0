//! The ledger: it commits one call at a time. These are the conditions that the SQL has to check, and its rows.

use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Action, Resolution, Step, Undo};

use crate::state::{Call, Decision, Event, REFUSED, State};
use crate::world::{Switch, World};

impl World {
    /// One commit.
    pub fn deliver(self, state: &State, call: Call) -> Vec<(Event, State)> {
        let mut after = *state;
        let mut refused = None;
        match call {
            Call::Post(step) => {
                let may = self.may_step(state, step);
                if may && state.row(step).is_none() {
                    let mut instead = *state;
                    instead.set(step, REFUSED);
                    refused = Some((Event::Refused(step), instead));
                }
                self.post(&mut after, step, may);
            }
            Call::Verify(answer) => {
                let first = state.row(Step::Verify).is_none() && self.may_step(state, Step::Verify);
                let replaces = self.is(Switch::LastAnswerWins) && state.row(Step::Verify) != Some(StepOutcome::Burnt);
                if first || replaces {
                    after.set(Step::Verify, answer);
                }
            }
            Call::Burn => self.burn_unless_switched(&mut after),
            Call::Undo(undo) => self.post(&mut after, undo, self.may_undo(state, undo)),
            Call::Limbo => {
                self.burn_unless_switched(&mut after);
                after.limbo |= self.has_failed_for_good(&after)
                    && Undo::ALL.into_iter().any(|undo| after.stands(undo))
                    && !after.is_being_released();
            }
            Call::Resolve(resolution) => self.post(&mut after, resolution, self.may_resolve(state, resolution)),
        }
        refused.into_iter().chain([(Event::Delivered(call), after)]).collect()
    }

    fn post(self, after: &mut State, action: impl Into<Action>, may: bool) {
        let action = action.into();
        let first = may && after.row(action).is_none();
        let again = self.is(Switch::NoStepKey) && after.is_posted(action);
        if first || again {
            after.set(action, StepOutcome::Posted);
        }
    }

    fn burn_unless_switched(self, after: &mut State) {
        if !self.is(Switch::NoBurning) {
            self.burn(after);
        }
    }

    pub fn burn(self, after: &mut State) {
        for step in self.steps() {
            if after.row(step).is_none() {
                after.set(step, StepOutcome::Burnt);
            }
        }
    }

    fn may_step(self, state: &State, step: Step) -> bool {
        let before_succeeded = self
            .steps()
            .take_while(|it| *it != step)
            .all(|it| state.row(it).is_some_and(StepOutcome::succeeded));
        let nothing_burnt = self.steps().all(|it| state.row(it) != Some(StepOutcome::Burnt));
        self.is(Switch::PlansAreTrusted) || before_succeeded && nothing_burnt
    }

    fn has_failed_for_good(self, state: &State) -> bool {
        let all_taken = self.steps().all(|step| state.row(step).is_some());
        let all_succeeded = self
            .steps()
            .all(|step| state.row(step).is_some_and(StepOutcome::succeeded));
        (all_taken || self.is(Switch::NoBurning)) && !all_succeeded
    }

    fn may_undo(self, state: &State, undo: Undo) -> bool {
        let newest = Undo::ALL.into_iter().find(|it| state.stands(*it)) == Some(undo);
        let in_turn =
            self.has_failed_for_good(state) && (newest || self.is(Switch::OldestFirst) && state.is_posted(undo.step()));
        let allowed = !state.is_being_released() && (!state.limbo || state.decision == Some(Decision::Refund));
        (in_turn || self.is(Switch::PlansAreTrusted)) && (allowed || self.is(Switch::RefundAndReleaseTogether))
    }

    fn may_resolve(self, state: &State, resolution: Resolution) -> bool {
        let decided = state.limbo && state.decision == Some(Decision::Release);
        let money_is_there = match resolution {
            Resolution::Release => state.stands(Undo::Hold) && !state.stands(Undo::Release),
            Resolution::CollectFee => {
                self.has_fee && (state.stands(Undo::Release) || state.is_posted(Resolution::Release))
            }
        };
        decided && self.has_failed_for_good(state) && (money_is_there || self.is(Switch::RefundAndReleaseTogether))
    }
}
