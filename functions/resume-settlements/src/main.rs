//! The Lambda function `resume-settlements`.

use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use resume_settlements::Resumer;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let (database, machine) = (
        environment::Database::from_environment()?,
        environment::long_machine_arn()?,
    );
    let resumer = &Resumer::open(&database, machine).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        resume_settlements::handle(resumer, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
