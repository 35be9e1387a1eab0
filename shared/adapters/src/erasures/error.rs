//! How an erasure fails.

use domain::erasure::OutOfTurn;

use crate::justifier::NotSigned;
use crate::ledger::LedgerError;
use crate::signer::SignerError;
use crate::vault::VaultError;

/// Why an erasure did not go on. Carried out again, it goes on where it ended.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// A part of it, and what that said, by name.
    #[error("{0} failed: {1}")]
    Unavailable(&'static str, String),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The audit.
    #[error(transparent)]
    Audit(#[from] LedgerError),
    /// The key of certificates.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The key of justifications: what was asked for was not done.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// What is stored is not as this version writes it.
    #[error("{0} of an erasure cannot be read")]
    Unreadable(&'static str),
    /// A defect: a step that does not follow.
    #[error(transparent)]
    OutOfTurn(#[from] OutOfTurn),
    /// Under this id there is a certificate that says something else, or is not signed by our key.
    #[error("another certificate is kept under this erasure's id")]
    OtherCertificate,
    /// The service keeps copies of the table of keys: what was destroyed could come back from one.
    #[error("the table of keys has point-in-time recovery or a stream")]
    Copied,
    /// There is no such erasure.
    #[error("there is no such erasure")]
    NotAsked,
    /// Others were first each time.
    #[error("others were always first")]
    Contended,
}

impl ErasureError {
    /// Whether carrying it out again helps nothing by itself.
    #[must_use]
    pub fn is_defect(&self) -> bool {
        match self {
            Self::Unavailable(..) | Self::Contended | Self::Signer(_) | Self::NotSigned(_) => false,
            Self::Vault(error) => !matches!(error, VaultError::Unavailable(..) | VaultError::Contended),
            Self::Audit(error) => !error.passing(),
            Self::Unreadable(_) | Self::OutOfTurn(_) | Self::OtherCertificate | Self::Copied | Self::NotAsked => true,
        }
    }
}
