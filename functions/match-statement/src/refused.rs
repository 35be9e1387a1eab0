//! Why a file was not taken. Nothing of it was, so that it may come again as it is or mended.

use adapters::delivery::NotOurs;
use adapters::ledger::LedgerError;
use adapters::statement_files::FilesError;
use domain::statement::file::NoStatement;
use domain::statement::mapping::MappingError;
use domain::statement::name::Misnamed;
use lambda_runtime::Diagnostic;

use crate::{MOST_BREAKS, ROUNDS, rows};

/// Why a file was not taken. Its words are for the log, and for whoever called by hand.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The queue told of something else.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// It lies in another bucket.
    #[error("the object lies in another bucket")]
    Elsewhere,
    /// Its name says neither whose it is nor which days it is about.
    #[error(transparent)]
    Misnamed(#[from] Misnamed),
    /// Its provider has no mapping, or it cannot be had.
    #[error("the provider's mapping: {0}")]
    NoMapping(FilesError),
    /// The mapping cannot be used.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The mapping says that it is another provider's.
    #[error("the mapping is another provider's")]
    OtherProvider,
    /// The file cannot be had.
    #[error("the file: {0}")]
    Files(#[from] FilesError),
    /// It is no statement by its mapping.
    #[error(transparent)]
    NoStatement(#[from] NoStatement),
    /// The ledger holds more of its period than a file can tell of.
    #[error("the mapping covers more than {} transactions of the period", rows::MOST)]
    TooManyRows,
    /// The wrong file, or the wrong mapping.
    #[error("{0} breaks, more than {MOST_BREAKS}: is this the right file, and the right mapping?")]
    TooManyBreaks(usize),
    /// Other files of the same provider were faster, each time.
    #[error("other files of this provider were faster, {ROUNDS} times")]
    Overtaken,
    /// The ledger failed. By the name `statement_too_early` the period is not over.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An answer cannot be rendered.
    #[error("an answer cannot be rendered: {0}")]
    Answer(#[from] serde_json::Error),
}

impl From<Refused> for Diagnostic {
    fn from(refused: Refused) -> Self {
        Self {
            error_type: "Refused".to_owned(),
            error_message: refused.to_string(),
        }
    }
}
