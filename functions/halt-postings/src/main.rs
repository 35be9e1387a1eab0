//! The Lambda function `halt-postings`.

use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    let justifier = &Justifier::open(environment::audit_key()?).await;
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(halt_postings::handle(ledger, justifier, request).await)
    }))
    .await
}
