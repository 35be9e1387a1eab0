//! The Lambda function `fold-balances`.

use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        fold_balances::handle(ledger).await.map_err(Error::from)
    }))
    .await
}
