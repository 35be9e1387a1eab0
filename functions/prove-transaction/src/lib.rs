//! `GET /v1/payments/{payment_id}/proof`: what shows to somebody without the ledger that a transaction stands in the sealed books.

use adapters::digest::{Digest, DigestError, Proved};
use adapters::http::{self, Success};
use adapters::ledger::Ledger;
use adapters::metrics::{self, Unit};
use domain::problem::Problem;
use lambda_http::{Body, Request, Response};

/// Answers 200 with the proof (`domain::digest::proof`) of any transaction of the tenant's that moved money; 404 if it has none of
/// that id, 409 `not-sealed-yet` until the next seal.
pub async fn handle(ledger: &Ledger, digest: &Digest, request: Request) -> Response<Body> {
    http::answer(request, async |call| {
        let leaf = ledger.leaf(call.tenant()?, call.id("payment_id")?).await?;
        let leaf = leaf.ok_or(Problem::NotFound)?;
        match digest.prove(&leaf).await.map_err(|error| problem(&error))? {
            Proved::Sealed(proof) => Ok(Success::rendered(200, proof.document())),
            Proved::NotYet => Err(Problem::NotSealedYet.into()),
            Proved::Differs => {
                metrics::emit(&[("ProofsThatDoNotHold", Unit::Count, 1)]);
                tracing::error!(transaction.id = %leaf.transaction_id, "a transaction is not what was sealed");
                Err(Problem::Internal.into())
            }
        }
    })
    .await
}

/// Nothing moves here, so that whatever the bucket does can be asked for again.
fn problem(error: &DigestError) -> Problem {
    tracing::error!(%error, "a proof could not be made");
    Problem::LedgerUnavailable
}
