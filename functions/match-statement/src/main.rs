//! The Lambda function `match-statement`.

use adapters::ledger::Ledger;
use adapters::statement_files::StatementFiles;
use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use match_statement::Matcher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let matcher = &Matcher {
        ledger: Ledger::at(&environment::Database::from_environment()?),
        files: StatementFiles::open(environment::statements_bucket()?).await,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        matcher.handle(event.payload).await.map_err(Diagnostic::from)
    }))
    .await
}
