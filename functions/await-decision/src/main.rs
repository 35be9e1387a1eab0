//! The Lambda function `await-decision`.

use adapters::executions::Executions;
use adapters::ledger::Ledger;
use adapters::tokens::Tokens;
use adapters::{environment, log};
use await_decision::Waiting;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let (database, table) = (environment::Database::from_environment()?, environment::tokens_table()?);
    let waiting = &Waiting {
        ledger: Ledger::at(&database),
        tokens: Tokens::open(table).await,
        executions: Executions::open().await,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        await_decision::handle(waiting, &event.payload, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
