//! Breaks: where a file and the ledger differ, one by one, until people have resolved them.

use std::fmt;
use std::str::FromStr;

use super::line::{Defect, Line};
use super::matching::Row;

/// Where a file and the ledger differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// A line could not be read.
    Unreadable {
        /// Its number.
        line: i32,
        /// Why.
        defect: Defect,
    },
    /// The ledger holds no such transaction among what the mapping covers.
    MissingHere {
        /// Its number.
        line: i32,
        /// What it says.
        theirs: Line,
    },
    /// Neither this file nor an earlier one of this provider has a transaction of the period.
    MissingThere {
        /// What the ledger holds.
        ours: Row,
    },
    /// Another amount, in the same currency.
    AmountDiffers(Differs),
    /// Another currency, whatever the amount.
    CurrencyDiffers(Differs),
    /// Another line says so already, of this file or of an earlier one of this provider that was matched.
    Duplicate {
        /// Its number.
        line: i32,
        /// What it says.
        theirs: Line,
        /// What the ledger holds, if it holds such a transaction.
        ours: Option<Row>,
    },
}

/// A line and the transaction it names say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// The line's number.
    pub line: i32,
    /// What it says.
    pub theirs: Line,
    /// What the ledger holds.
    pub ours: Row,
}

/// The kind of a [`Break`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakKind {
    /// See [`Break::Unreadable`].
    Unreadable,
    /// See [`Break::MissingHere`].
    MissingHere,
    /// See [`Break::MissingThere`].
    MissingThere,
    /// See [`Break::AmountDiffers`].
    AmountDiffers,
    /// See [`Break::CurrencyDiffers`].
    CurrencyDiffers,
    /// See [`Break::Duplicate`].
    Duplicate,
}

/// The ledger holds a kind of break that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBreak;

impl Break {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> BreakKind {
        match self {
            Self::Unreadable { .. } => BreakKind::Unreadable,
            Self::MissingHere { .. } => BreakKind::MissingHere,
            Self::MissingThere { .. } => BreakKind::MissingThere,
            Self::AmountDiffers(_) => BreakKind::AmountDiffers,
            Self::CurrencyDiffers(_) => BreakKind::CurrencyDiffers,
            Self::Duplicate { .. } => BreakKind::Duplicate,
        }
    }

    /// The number of the line it is about; `None` for what is missing there.
    #[must_use]
    pub const fn line(&self) -> Option<i32> {
        match self {
            Self::Unreadable { line, .. }
            | Self::MissingHere { line, .. }
            | Self::Duplicate { line, .. }
            | Self::AmountDiffers(Differs { line, .. })
            | Self::CurrencyDiffers(Differs { line, .. }) => Some(*line),
            Self::MissingThere { .. } => None,
        }
    }

    /// What the file says, as far as it could be read.
    #[must_use]
    pub const fn theirs(&self) -> Option<&Line> {
        match self {
            Self::MissingHere { theirs, .. }
            | Self::Duplicate { theirs, .. }
            | Self::AmountDiffers(Differs { theirs, .. })
            | Self::CurrencyDiffers(Differs { theirs, .. }) => Some(theirs),
            Self::Unreadable { .. } | Self::MissingThere { .. } => None,
        }
    }

    /// What the ledger holds.
    #[must_use]
    pub const fn ours(&self) -> Option<&Row> {
        match self {
            Self::MissingThere { ours }
            | Self::AmountDiffers(Differs { ours, .. })
            | Self::CurrencyDiffers(Differs { ours, .. }) => Some(ours),
            Self::Duplicate { ours, .. } => ours.as_ref(),
            Self::Unreadable { .. } | Self::MissingHere { .. } => None,
        }
    }

    /// Why a line could not be read.
    #[must_use]
    pub const fn defect(&self) -> Option<Defect> {
        match self {
            Self::Unreadable { defect, .. } => Some(*defect),
            Self::MissingHere { .. }
            | Self::MissingThere { .. }
            | Self::AmountDiffers(_)
            | Self::CurrencyDiffers(_)
            | Self::Duplicate { .. } => None,
        }
    }
}

impl BreakKind {
    /// Every kind there is.
    pub const ALL: [Self; 6] = [
        Self::Unreadable,
        Self::MissingHere,
        Self::MissingThere,
        Self::AmountDiffers,
        Self::CurrencyDiffers,
        Self::Duplicate,
    ];

    /// The name in the ledger and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::AmountDiffers => "amount_differs",
            Self::CurrencyDiffers => "currency_differs",
            Self::Duplicate => "duplicate",
        }
    }
}

impl FromStr for BreakKind {
    type Err = UnknownBreak;

    fn from_str(name: &str) -> Result<Self, UnknownBreak> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or(UnknownBreak)
    }
}

impl fmt::Display for BreakKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
