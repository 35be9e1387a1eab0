//! Who signs why a privileged act is done, before the ledger is asked to do it.

use std::time::Duration;

use domain::justification::{Justification, Statement};
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use tokio::time::timeout;

use crate::signer::{Signer, SignerError};

/// How long a signature may take, from the first attempt to the last. Connecting to the ledger and its answer may take 6.5 seconds
/// more, of which no act of this kind has fewer than ten.
const WITHIN: Duration = Duration::from_secs(3);

/// No signature can be had, so that nothing may be done. By name.
#[derive(Debug, thiserror::Error)]
#[error("a justification was not signed: {0}")]
pub struct NotSigned(String);

impl From<SignerError> for NotSigned {
    fn from(error: SignerError) -> Self {
        Self(error.to_string())
    }
}

/// The key that justifications are signed with.
#[derive(Debug)]
pub struct Justifier {
    signer: Signer,
}

impl Justifier {
    /// Signs with the key of that id or ARN. Connects to nothing yet.
    pub async fn open(key: String) -> Self {
        Self {
            signer: Signer::open(key).await,
        }
    }

    /// Signs a statement. One that only stops money is passed on as it is if that fails: the audit has it marked by that.
    ///
    /// # Errors
    /// [`NotSigned`]: nothing was done, and nothing may be.
    pub async fn justify(&self, statement: &Statement) -> Result<Justification, NotSigned> {
        let signed = match timeout(WITHIN, self.signer.sign(&statement.text())).await {
            Ok(signed) => signed.map_err(NotSigned::from),
            Err(_) => Err(NotSigned("no answer in time".to_owned())),
        };
        match signed {
            Ok(signature) => Ok(Justification::signed(statement, signature)),
            Err(error) if statement.act.only_stops() => {
                tracing::error!(audit.act = %statement.act, %error, "done without a signature");
                Ok(Justification::unsigned(statement))
            }
            Err(error) => Err(error),
        }
    }
}

/// What a route says when nothing could be signed.
impl From<NotSigned> for ProblemBody {
    fn from(error: NotSigned) -> Self {
        tracing::error!(%error, "an act was refused");
        Problem::JustificationNotSigned.into()
    }
}
