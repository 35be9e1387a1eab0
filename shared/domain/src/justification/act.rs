//! The acts that have to be justified.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An act that decides something, as the audit names it (`ledger.weight_of`). Looking at something is none.
///
/// The terms of a statement are, of a proposal, `release` or `refund`; of an approval, the proposal's number; of an
/// assignment, whom it is given to; of a lift, since when the halt has held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// An event goes out once more.
    DeadLetterReplayed,
    /// An event is given up.
    DeadLetterDiscarded,
    /// A settlement waits for people.
    SettlementStopped,
    /// One person says what should become of it.
    ResolutionProposed,
    /// Another one agrees.
    ResolutionApproved,
    /// An account moves no money any more.
    AccountFrozen,
    /// It does again.
    AccountUnfrozen,
    /// A merchant's money, or all, stands still.
    PostingsHalted,
    /// It moves again.
    PostingsResumed,
    /// Somebody is to look into a break.
    BreakAssigned,
    /// A break is explained.
    BreakResolved,
    /// Data is to be erased.
    ErasureAsked,
    /// A hold is to be set.
    HoldAsked,
    /// What came of that.
    HoldSet,
    /// A hold is to be lifted.
    HoldLiftAsked,
    /// What came of that.
    HoldLifted,
}

/// The name is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an act that is justified")]
pub struct UnknownAct;

impl Act {
    /// Every one.
    pub const ALL: [Self; 16] = [
        Self::DeadLetterReplayed,
        Self::DeadLetterDiscarded,
        Self::SettlementStopped,
        Self::ResolutionProposed,
        Self::ResolutionApproved,
        Self::AccountFrozen,
        Self::AccountUnfrozen,
        Self::PostingsHalted,
        Self::PostingsResumed,
        Self::BreakAssigned,
        Self::BreakResolved,
        Self::ErasureAsked,
        Self::HoldAsked,
        Self::HoldSet,
        Self::HoldLiftAsked,
        Self::HoldLifted,
    ];

    /// The name in the audit and in a statement.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetterReplayed => "dead_letter_replayed",
            Self::DeadLetterDiscarded => "dead_letter_discarded",
            Self::SettlementStopped => "settlement_stopped",
            Self::ResolutionProposed => "resolution_proposed",
            Self::ResolutionApproved => "resolution_approved",
            Self::AccountFrozen => "account_frozen",
            Self::AccountUnfrozen => "account_unfrozen",
            Self::PostingsHalted => "postings_halted",
            Self::PostingsResumed => "postings_resumed",
            Self::BreakAssigned => "break_assigned",
            Self::BreakResolved => "break_resolved",
            Self::ErasureAsked => "erasure_asked",
            Self::HoldAsked => "hold_asked",
            Self::HoldSet => "hold_set",
            Self::HoldLiftAsked => "hold_lift_asked",
            Self::HoldLifted => "hold_lifted",
        }
    }

    /// Whether all it does is to keep money where it is, until another act lets it go: it does not wait for a signature that
    /// cannot be had. Stopping a settlement is none of these, for it cannot be taken back.
    #[must_use]
    pub const fn only_stops(self) -> bool {
        matches!(self, Self::AccountFrozen | Self::PostingsHalted)
    }
}

impl FromStr for Act {
    type Err = UnknownAct;

    fn from_str(name: &str) -> Result<Self, UnknownAct> {
        Self::ALL.into_iter().find(|act| act.as_str() == name).ok_or(UnknownAct)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
