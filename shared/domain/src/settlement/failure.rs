//! Why a task of a state machine failed: the error names that `statemachines/` matches.

use std::fmt;

/// The name of a failure. What is not listed here, such as a time-out or a crash, is the runtime's to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepFailure {
    /// The ledger certainly did not do it, and may well do it later.
    LedgerUnavailable,
    /// The ledger may have done it: asking again tells.
    OutcomeUnknown,
    /// The provider gave no answer that counts.
    KycUnavailable,
    /// The tenant has no such settlement.
    SettlementUnknown,
    /// Anything else: what will not pass by itself.
    Defect,
}

impl StepFailure {
    /// Every failure there is.
    pub const ALL: [Self; 5] = [
        Self::LedgerUnavailable,
        Self::OutcomeUnknown,
        Self::KycUnavailable,
        Self::SettlementUnknown,
        Self::Defect,
    ];

    /// The name, as Lambda reports it and the state machines match it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LedgerUnavailable => "LedgerUnavailable",
            Self::OutcomeUnknown => "OutcomeUnknown",
            Self::KycUnavailable => "KycUnavailable",
            Self::SettlementUnknown => "SettlementUnknown",
            Self::Defect => "Defect",
        }
    }

    /// Whether it says nothing about the settlement itself. Such a failure never makes one fail, nor stop in limbo: whoever
    /// asks again later finds it as it was.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        match self {
            Self::LedgerUnavailable | Self::OutcomeUnknown | Self::KycUnavailable => true,
            Self::SettlementUnknown | Self::Defect => false,
        }
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
