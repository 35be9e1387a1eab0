//! The Lambda function `prove-transaction`.

use adapters::digest::Digest;
use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    let digest = &Digest::open(environment::digest_bucket()?, environment::digest_key()?).await;
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(prove_transaction::handle(ledger, digest, request).await)
    }))
    .await
}
