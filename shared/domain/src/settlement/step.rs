//! The actions of a settlement, under the names that the ledger and the state machines know them by.

use std::fmt;
use std::str::FromStr;

/// A forward step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The buyer's money goes to escrow.
    Hold,
    /// The provider's word on the merchant is recorded. Moves nothing.
    Verify,
    /// The money goes from escrow to the merchant.
    Release,
    /// The fee goes from the merchant to the platform. A fee of zero has no such step.
    CollectFee,
}

/// The reverse of a step that moved money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undo {
    /// Of [`Step::CollectFee`]. While that is the last step, whatever has posted it is settled, and nobody plans this.
    CollectFee,
    /// Of [`Step::Release`].
    Release,
    /// Of [`Step::Hold`].
    Hold,
}

/// What posts when people decide to release a settlement in limbo. The keys of its steps stay burnt, so it has keys of
/// its own. A decision to refund posts the ordinary undos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// In place of [`Step::Release`].
    Release,
    /// In place of [`Step::CollectFee`].
    CollectFee,
}

/// Whatever has a row, and so a ledger key, of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Forward.
    Step(Step),
    /// Backward.
    Undo(Undo),
    /// Out of limbo.
    Resolve(Resolution),
}

/// Whose account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Who pays.
    Buyer,
    /// Where the money waits.
    Escrow,
    /// Who is paid.
    Merchant,
    /// Who takes the fee.
    Platform,
}

/// Which of a settlement's two sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sum {
    /// What the buyer pays.
    Amount,
    /// What the platform takes of it.
    Fee,
}

/// The one debit and the one credit of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leg {
    /// Who is debited.
    pub from: Party,
    /// Who is credited.
    pub to: Party,
    /// How much.
    pub sum: Sum,
}

/// The name of no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown settlement step {0:?}")]
pub struct UnknownAction(String);

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Verify, Self::Release, Self::CollectFee];

    /// The name in the ledger and in the state machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Verify => "verify",
            Self::Release => "release",
            Self::CollectFee => "collect_fee",
        }
    }
}

impl Undo {
    /// Every undo, newest first: the order in which they are carried out. The other way round, escrow would pay the
    /// buyer back with money that it does not have yet.
    pub const ALL: [Self; 3] = [Self::CollectFee, Self::Release, Self::Hold];

    /// What it undoes.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::CollectFee => Step::CollectFee,
            Self::Release => Step::Release,
            Self::Hold => Step::Hold,
        }
    }

    /// The name in the ledger and in the state machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CollectFee => "undo_collect_fee",
            Self::Release => "undo_release",
            Self::Hold => "undo_hold",
        }
    }
}

impl Resolution {
    /// Every posting of a resolution, in order.
    pub const ALL: [Self; 2] = [Self::Release, Self::CollectFee];

    /// What it stands in for.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Release => Step::Release,
            Self::CollectFee => Step::CollectFee,
        }
    }

    /// The name in the ledger and in the state machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Release => "resolve_release",
            Self::CollectFee => "resolve_fee",
        }
    }
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::Step(Step::Hold),
        Self::Step(Step::Verify),
        Self::Step(Step::Release),
        Self::Step(Step::CollectFee),
        Self::Undo(Undo::CollectFee),
        Self::Undo(Undo::Release),
        Self::Undo(Undo::Hold),
        Self::Resolve(Resolution::Release),
        Self::Resolve(Resolution::CollectFee),
    ];

    /// The name in the ledger. It enters the action's key: renaming one would give old settlements new keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Step(step) => step.as_str(),
            Self::Undo(undo) => undo.as_str(),
            Self::Resolve(resolution) => resolution.as_str(),
        }
    }

    /// Whether it moves the fee: there is no such row in a settlement without one.
    #[must_use]
    pub fn is_of_fee(self) -> bool {
        self.leg().is_some_and(|leg| leg.sum == Sum::Fee)
    }

    /// The money it moves when it is posted; `None` for a verification.
    #[must_use]
    pub const fn leg(self) -> Option<Leg> {
        let step = match self {
            Self::Step(step) => step,
            Self::Undo(undo) => undo.step(),
            Self::Resolve(resolution) => resolution.step(),
        };
        let (from, to, sum) = match step {
            Step::Hold => (Party::Buyer, Party::Escrow, Sum::Amount),
            Step::Verify => return None,
            Step::Release => (Party::Escrow, Party::Merchant, Sum::Amount),
            Step::CollectFee => (Party::Merchant, Party::Platform, Sum::Fee),
        };
        Some(match self {
            Self::Step(_) | Self::Resolve(_) => Leg { from, to, sum },
            Self::Undo(_) => Leg {
                from: to,
                to: from,
                sum,
            },
        })
    }
}

impl From<Step> for Action {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

impl From<Undo> for Action {
    fn from(undo: Undo) -> Self {
        Self::Undo(undo)
    }
}

impl From<Resolution> for Action {
    fn from(resolution: Resolution) -> Self {
        Self::Resolve(resolution)
    }
}

named!(Step, UnknownAction);
named!(Undo, UnknownAction);
named!(Resolution, UnknownAction);
named!(Action, UnknownAction);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_reads_back_what_it_writes_and_nothing_else() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        for name in ["", "Hold", "collect-fee", "undo_verify", "resolve_refund"] {
            assert_eq!(name.parse::<Action>(), Err(UnknownAction(name.to_owned())));
        }
        assert_eq!("undo_hold".parse::<Step>(), Err(UnknownAction("undo_hold".to_owned())));
    }

    #[test]
    fn every_action_is_listed_once() {
        let steps = Step::ALL.map(Action::from).into_iter();
        let others = Undo::ALL.map(Action::from).into_iter();
        let listed = steps.chain(others).chain(Resolution::ALL.map(Action::from));
        assert_eq!(listed.collect::<Vec<_>>(), Action::ALL);
    }

    #[test]
    fn what_a_step_moves_its_undo_moves_back() {
        for undo in Undo::ALL {
            let (forward, back) = (
                Action::from(undo.step()).leg().unwrap(),
                Action::from(undo).leg().unwrap(),
            );
            assert_eq!((forward.from, forward.to, forward.sum), (back.to, back.from, back.sum));
        }
    }

    #[test]
    fn every_step_that_moves_money_has_an_undo() {
        for step in Step::ALL {
            let undone = Undo::ALL.iter().any(|undo| undo.step() == step);
            assert_eq!(Action::from(step).leg().is_some(), undone, "{step}");
        }
    }
}
