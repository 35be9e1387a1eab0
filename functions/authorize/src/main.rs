//! The Lambda function `authorize`.

use adapters::gate::Gate;
use adapters::ledger::Ledger;
use adapters::once::Once;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let gate = Gate::open(environment::Gate::from_environment()?).await;
    let ledger = Ledger::at(&environment::Database::from_environment()?);
    let (once, fees) = (&Once::new(gate, ledger), &environment::fees()?);
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(authorize::handle(once, fees, request).await)
    }))
    .await
}
