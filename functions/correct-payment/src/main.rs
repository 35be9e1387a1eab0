//! The Lambda function `correct-payment`.

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
    let once = &Once::new(gate, ledger);
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(correct_payment::handle(once, request).await)
    }))
    .await
}
