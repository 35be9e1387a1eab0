//! How a settlement stands, in one word.

use std::fmt;
use std::str::FromStr;

/// The status of a settlement. All but two follow from its log ([`super::plan::status`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing was done yet.
    Accepted,
    /// The money is in escrow.
    Held,
    /// Never of the log: its verification waits for the provider to come back.
    Parked,
    /// The merchant is approved.
    Verified,
    /// The money is with the merchant; the fee is still to be collected.
    Released,
    /// All is done. Final.
    Settled,
    /// It failed, and what was done of it is being undone.
    Compensating,
    /// All that was done of it is undone. Final.
    Compensated,
    /// Never of the log: undoing kept failing, and people decide.
    Limbo,
}

/// The ledger holds a status that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown settlement status {0:?}")]
pub struct UnknownStatus(String);

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::Held,
        Self::Parked,
        Self::Verified,
        Self::Released,
        Self::Settled,
        Self::Compensating,
        Self::Compensated,
        Self::Limbo,
    ];

    /// The name the ledger stores and the client is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Parked => "parked",
            Self::Verified => "verified",
            Self::Released => "released",
            Self::Settled => "settled",
            Self::Compensating => "compensating",
            Self::Compensated => "compensated",
            Self::Limbo => "limbo",
        }
    }

    /// Whether nothing will ever be posted for it again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Settled | Self::Compensated => true,
            Self::Accepted
            | Self::Held
            | Self::Parked
            | Self::Verified
            | Self::Released
            | Self::Compensating
            | Self::Limbo => false,
        }
    }
}

named!(Status, UnknownStatus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_what_it_writes_and_nothing_else() {
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert_eq!("LIMBO".parse::<Status>(), Err(UnknownStatus("LIMBO".to_owned())));
    }
}
