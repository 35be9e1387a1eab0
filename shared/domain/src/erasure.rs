//! Erasing what the vault keeps of a person, or of all persons of a tenant: who asked for what, how far it has come, and
//! the [`certificate`] at its end.
//!
//! ```text
//! asked ─▶ erasing ─▶ erased ─▶ certified
//!   ├────▶ blocked        a legal hold: nothing was destroyed
//!   ├────▶ repeated       another erasure has destroyed it, or is at it
//!   └────▶ unknown        there was nobody
//! ```
//!
//! The step to `erasing` is the one point of no return: it destroys a person's key, or marks a tenant, whose key is destroyed
//! next, in one transaction with its own record. Every other step may run twice, late, or in two processes at once.

pub mod certificate;
mod count;
mod status;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::OffsetDateTime;

pub use self::count::{Count, Left};
pub use self::status::{Happened, OutOfTurn, Status};
use crate::digest::hash::Hash;
use crate::ids::{CustomerId, ErasureId, TenantId};

/// Whose data it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whom {
    /// The merchant that keeps it.
    pub tenant: TenantId,
    /// One of its customers; `None`: all of them, and the tenant's key.
    pub customer: Option<CustomerId>,
}

/// How much is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One person.
    Subject,
    /// All persons of a tenant, for ever.
    Tenant,
}

impl Scope {
    /// As it is stored and asked for.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Tenant => "tenant",
        }
    }
}

/// The text names no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope of an erasure")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        [Self::Subject, Self::Tenant]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

impl Whom {
    /// One person, or all of a tenant.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self.customer {
            Some(_) => Scope::Subject,
            None => Scope::Tenant,
        }
    }
}

/// As the audit names it: `customer <id> of tenant <id>`, or `tenant <id>`.
impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.customer {
            Some(customer) => write!(f, "customer {customer} of tenant {}", self.tenant),
            None => write!(f, "tenant {}", self.tenant),
        }
    }
}

/// What was asked for, by whom, when and why. It is kept for as long as the certificate, and so holds no personal data but
/// the name of who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose data.
    pub whom: Whom,
    /// The principal that signed the request, or that the event names.
    pub by: String,
    /// In that person's words.
    pub reason: String,
    /// When it was first recorded.
    pub at: OffsetDateTime,
}

/// A legal hold: what it is on cannot be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What it is on.
    pub whom: Whom,
    /// The principal that set it.
    pub by: String,
    /// In that person's words.
    pub reason: String,
    /// Since when.
    pub at: OffsetDateTime,
}

/// An erasure, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The key that it was asked for with.
    pub id: ErasureId,
    /// What was asked.
    pub asked: Asked,
    /// How far it has come.
    pub standing: Standing,
}

/// How far an erasure has come, and what is known by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was done yet.
    Asked,
    /// Nothing was destroyed, nor will be by this erasure: another must be asked for when the hold is lifted.
    Blocked(Hold),
    /// There is nobody of that id, or no such tenant, in the vault.
    Unknown,
    /// Another one destroys it, or has: there is one certificate, and it is that one's.
    Repeated {
        /// The other.
        of: ErasureId,
        /// Of a tenant: whatever came back of this customer and those before it is removed again.
        swept: Option<CustomerId>,
    },
    /// Nobody can be stored any more. Keys are being destroyed, and whatever they opened is being removed.
    Erasing {
        /// When the key above all others of it was destroyed: the person's, or the tenant's. `None`: a tenant's still stands.
        at: Option<OffsetDateTime>,
        /// Of a tenant: everything of this customer and those before it is removed.
        swept: Option<CustomerId>,
    },
    /// All is removed.
    Erased {
        /// When the keys were destroyed.
        at: OffsetDateTime,
        /// Of a tenant: what is counted so far of those who were erased.
        count: Count,
    },
    /// There is a certificate.
    Certified {
        /// When the keys were destroyed.
        at: OffsetDateTime,
        /// Of the certificate's document.
        sha256: Hash,
    },
}

impl Standing {
    /// The status that it is stored under.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Asked => Status::Asked,
            Self::Blocked(_) => Status::Blocked,
            Self::Unknown => Status::Unknown,
            Self::Repeated { .. } => Status::Repeated,
            Self::Erasing { .. } => Status::Erasing,
            Self::Erased { .. } => Status::Erased,
            Self::Certified { .. } => Status::Certified,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn whom_it_is_about_reads_in_the_audit() {
        let tenant = TenantId::from(Uuid::from_u128(1));
        let customer = Some(CustomerId::from(Uuid::from_u128(2)));
        let told = |customer| Whom { tenant, customer }.to_string();
        assert_eq!(told(None), format!("tenant {tenant}"));
        assert_eq!(
            told(customer),
            format!("customer {} of tenant {tenant}", Uuid::from_u128(2))
        );
    }

    #[test]
    fn a_scope_has_one_spelling() {
        for scope in [Scope::Subject, Scope::Tenant] {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        for text in ["", "Subject", "customer", "all"] {
            assert_eq!(text.parse::<Scope>(), Err(UnknownScope), "{text}");
        }
    }
}
