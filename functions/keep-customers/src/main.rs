//! The Lambda function `keep-customers`.

use adapters::ledger::Ledger;
use adapters::vault::Vault;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    let vault = &Vault::open(environment::Vault::from_environment()?).await;
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(keep_customers::handle(ledger, vault, request).await)
    }))
    .await
}
