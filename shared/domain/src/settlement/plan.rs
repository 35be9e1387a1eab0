//! From the log of a settlement to what is next. Total, and of the log alone: nobody need remember how far it had come.
//!
//! A plan may be stale when it is carried out. That is harmless: the commit checks the same conditions again, and they
//! only ever become true, but for the key that is free and the choice between refund and release.

use super::log::StepLog;
use super::status::Status;
use super::step::{Resolution, Step, Undo};

/// What an execution does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Carry out this step.
    Step(Step),
    /// Nothing: all is done.
    Settled,
    /// It can no longer settle by its steps.
    Compensate,
}

/// What compensation does next, and a resolution as refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextUndo {
    /// Take the keys of all steps that have none, in one commit.
    Burn,
    /// Undo this: the newest posting that stands.
    Undo(Undo),
    /// Nothing: all is undone.
    Compensated,
    /// Nothing: every step had succeeded before its key could be burnt.
    Settled,
    /// Nothing: people have decided to release it, and have begun.
    Released,
}

/// What a resolution as release does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextRelease {
    /// Take the keys of all steps that have none, in one commit.
    Burn,
    /// Post this.
    Post(Resolution),
    /// Nothing: all is done.
    Settled,
    /// Nothing: the buyer has the money. The decision came too late.
    Compensated,
}

/// The next step, or the end of the way forward.
#[must_use]
pub fn next_step(log: &StepLog) -> Next {
    if is_resolved(log) {
        Next::Settled
    } else if log.has_failed() {
        Next::Compensate
    } else {
        log.free().next().map_or(Next::Settled, Next::Step)
    }
}

/// The next undo of a settlement that is to be given up, whatever has become of it meanwhile.
#[must_use]
pub fn next_undo(log: &StepLog) -> NextUndo {
    if log.free().next().is_some() {
        NextUndo::Burn
    } else if !log.has_failed() || is_resolved(log) {
        NextUndo::Settled
    } else if is_being_released(log) {
        NextUndo::Released
    } else {
        newest_standing(log).map_or(NextUndo::Compensated, NextUndo::Undo)
    }
}

/// The next posting of a settlement that people have decided to release.
#[must_use]
pub fn next_release(log: &StepLog) -> NextRelease {
    match next_undo(log) {
        NextUndo::Burn => NextRelease::Burn,
        NextUndo::Settled => NextRelease::Settled,
        NextUndo::Compensated => NextRelease::Compensated,
        // The fee is last, and it is not posted: that would be settled.
        NextUndo::Released | NextUndo::Undo(Undo::CollectFee | Undo::Release) => {
            NextRelease::Post(Resolution::CollectFee)
        }
        NextUndo::Undo(Undo::Hold) => NextRelease::Post(Resolution::Release),
    }
}

/// The status, as far as the log knows it: never [`Status::Parked`] or [`Status::Limbo`], which stand beside it.
#[must_use]
pub fn status(log: &StepLog) -> Status {
    match next_step(log) {
        Next::Settled => Status::Settled,
        Next::Step(Step::Hold) => Status::Accepted,
        Next::Step(Step::Verify) => Status::Held,
        Next::Step(Step::Release) => Status::Verified,
        Next::Step(Step::CollectFee) => Status::Released,
        Next::Compensate => match next_undo(log) {
            NextUndo::Burn | NextUndo::Undo(_) => Status::Compensating,
            NextUndo::Compensated => Status::Compensated,
            NextUndo::Released => Status::Released,
            NextUndo::Settled => Status::Settled,
        },
    }
}

fn newest_standing(log: &StepLog) -> Option<Undo> {
    Undo::ALL.into_iter().find(|&undo| log.stands(undo))
}

fn is_being_released(log: &StepLog) -> bool {
    Resolution::ALL.into_iter().any(|posted| log.outcome(posted).is_some())
}

fn is_resolved(log: &StepLog) -> bool {
    log.outcome(log.last_resolution()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `tests/settlement_model.rs` explores, for reading: how each kind of log goes on.
    #[test]
    fn every_kind_of_log_has_its_plan_and_its_status() {
        let failed = "hold=posted verify=approved release=posted collect_fee=account_unknown";
        let undone = &format!("{failed} undo_release=posted");
        let table: [(&str, Next, NextUndo, NextRelease, Status); 12] = [
            (
                "",
                Next::Step(Step::Hold),
                NextUndo::Burn,
                NextRelease::Burn,
                Status::Accepted,
            ),
            (
                "hold=posted",
                Next::Step(Step::Verify),
                NextUndo::Burn,
                NextRelease::Burn,
                Status::Held,
            ),
            (
                "hold=posted verify=approved",
                Next::Step(Step::Release),
                NextUndo::Burn,
                NextRelease::Burn,
                Status::Verified,
            ),
            (
                "hold=posted verify=approved release=posted",
                Next::Step(Step::CollectFee),
                NextUndo::Burn,
                NextRelease::Burn,
                Status::Released,
            ),
            (
                "hold=posted verify=approved release=posted collect_fee=posted",
                Next::Settled,
                NextUndo::Settled,
                NextRelease::Settled,
                Status::Settled,
            ),
            (
                "hold=posted verify=rejected",
                Next::Compensate,
                NextUndo::Burn,
                NextRelease::Burn,
                Status::Compensating,
            ),
            (
                "hold=insufficient_funds verify=burnt release=burnt collect_fee=burnt",
                Next::Compensate,
                NextUndo::Compensated,
                NextRelease::Compensated,
                Status::Compensated,
            ),
            (
                failed,
                Next::Compensate,
                NextUndo::Undo(Undo::Release),
                NextRelease::Post(Resolution::CollectFee),
                Status::Compensating,
            ),
            (
                undone,
                Next::Compensate,
                NextUndo::Undo(Undo::Hold),
                NextRelease::Post(Resolution::Release),
                Status::Compensating,
            ),
            (
                &format!("{undone} undo_hold=posted"),
                Next::Compensate,
                NextUndo::Compensated,
                NextRelease::Compensated,
                Status::Compensated,
            ),
            (
                &format!("{undone} resolve_release=posted"),
                Next::Compensate,
                NextUndo::Released,
                NextRelease::Post(Resolution::CollectFee),
                Status::Released,
            ),
            (
                &format!("{undone} resolve_release=posted resolve_fee=posted"),
                Next::Settled,
                NextUndo::Settled,
                NextRelease::Settled,
                Status::Settled,
            ),
        ];
        for (rows, step, undo, release, word) in table {
            let log = StepLog::of(true, rows).unwrap();
            let plans = (next_step(&log), next_undo(&log), next_release(&log), status(&log));
            assert_eq!(plans, (step, undo, release, word), "{rows}");
        }
    }

    #[test]
    fn without_a_fee_the_release_is_the_last_step() {
        let released = StepLog::of(false, "hold=posted verify=approved release=posted").unwrap();
        assert_eq!(
            (next_step(&released), status(&released)),
            (Next::Settled, Status::Settled)
        );
        let resolved = "hold=posted verify=rejected release=burnt resolve_release=posted";
        let resolved = StepLog::of(false, resolved).unwrap();
        assert_eq!(
            (next_release(&resolved), status(&resolved)),
            (NextRelease::Settled, Status::Settled)
        );
    }
}
