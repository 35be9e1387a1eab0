//! How the vault fails, and what the client and the log are told of it.

use domain::erasure::Whom;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;

use super::Whose;
use super::seal::NoRandomness;
use crate::metrics::{self, Unit};

/// The vault failed. Nothing in it is personal, nor of a key.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A part of it, and what that said, by name. A write may have landed; sent again, it does no harm.
    #[error("{0} failed: {1}")]
    Unavailable(&'static str, String),
    /// Others wrote the same each time.
    #[error("others were always first")]
    Contended,
    /// A part of it is not as this version writes it.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// Something that no erasure leaves, and whose it is.
    #[error("{0} of {1} is there in spite of the erasure")]
    NotErased(&'static str, Whom),
    /// Tampered with, moved, or under a key that is gone.
    #[error("{0} does not open")]
    DoesNotOpen(&'static str),
    /// See [`NoRandomness`].
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl VaultError {
    /// What a route says when the vault fails it, and the log with whose data it was.
    #[must_use]
    pub fn told(self, Whose { tenant, customer }: Whose) -> ProblemBody {
        match self {
            Self::Unavailable(..) | Self::Contended => {
                tracing::warn!(tenant.id = %tenant, customer.id = %customer, error = %self, "the vault failed a request");
                Problem::VaultUnavailable.into()
            }
            Self::Unreadable(_) | Self::NotErased(..) | Self::DoesNotOpen(_) | Self::NoRandomness(_) => {
                tracing::error!(tenant.id = %tenant, customer.id = %customer, error = %self, "the vault cannot be read");
                metrics::emit(&[("VaultDoesNotOpen", Unit::Count, 1)]);
                Problem::Internal.into()
            }
        }
    }
}
