//! The Lambda function `resolve-limbo`.

use adapters::executions::Executions;
use adapters::justifier::Justifier;
use adapters::ledger::Ledger;
use adapters::tokens::Tokens;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};
use resolve_limbo::Resolving;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let resolving = &Resolving {
        ledger: Ledger::at(&environment::Database::from_environment()?),
        justifier: Justifier::open(environment::audit_key()?).await,
        tokens: Tokens::open(environment::tokens_table()?).await,
        executions: Executions::open().await,
    };
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(resolve_limbo::handle(resolving, request).await)
    }))
    .await
}
