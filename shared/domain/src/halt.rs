//! Whose postings an operator halts: those of one merchant, or everybody's.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::ids::{NotAnId, TenantId};

/// Whose postings a halt is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody's. The ledger knows it as the house's own id, [`TenantId::PLATFORM`].
    All,
    /// One merchant's.
    Merchant(TenantId),
}

/// A halt that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Since when nothing moves, to the microsecond: no two halts of a scope have one time, so whoever lifts names it by this.
    pub since: OffsetDateTime,
    /// The ARN of the operator who halted it.
    pub halted_by: String,
    /// In that person's words.
    pub reason: String,
}

/// The text is neither `all` nor a merchant's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither all nor a merchant's id")]
pub struct NotAScope;

impl Scope {
    const ALL: &str = "all";

    /// The id that the ledger keeps a halt under.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::All => TenantId::PLATFORM.uuid(),
            Self::Merchant(tenant) => tenant.uuid(),
        }
    }
}

/// As the ledger keeps it.
impl From<Uuid> for Scope {
    fn from(id: Uuid) -> Self {
        match TenantId::from(id) {
            TenantId::PLATFORM => Self::All,
            tenant => Self::Merchant(tenant),
        }
    }
}

impl FromStr for Scope {
    type Err = NotAScope;

    /// Everybody is halted by name only: no id that somebody pastes may come to mean it.
    fn from_str(text: &str) -> Result<Self, NotAScope> {
        if text == Self::ALL {
            return Ok(Self::All);
        }
        let tenant = text.parse().map_err(|NotAnId| NotAScope)?;
        if tenant == TenantId::PLATFORM {
            Err(NotAScope)
        } else {
            Ok(Self::Merchant(tenant))
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(Self::ALL),
            Self::Merchant(tenant) => tenant.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MERCHANT: &str = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";

    #[test]
    fn a_scope_reads_back_what_it_writes_and_what_the_ledger_keeps() {
        for text in ["all", MERCHANT] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(Scope::from(scope.uuid()), scope);
        }
    }

    #[test]
    fn everybody_is_halted_by_no_other_name() {
        let house = TenantId::PLATFORM.to_string();
        for text in ["ALL", "", "*", "everybody", "0192f0c1", house.as_str()] {
            assert_eq!(text.parse::<Scope>(), Err(NotAScope), "{text}");
        }
    }
}
