//! The Lambda function `compensate`.

use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        compensate::handle(ledger, &event.payload, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
