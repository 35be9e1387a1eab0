//! The Lambda function `outbox-poll`.

use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use outbox_poll::Poller;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let (database, announcing) = (
        environment::Database::from_environment()?,
        environment::Announcing::from_environment()?,
    );
    let poller = &Poller::open(&database, &announcing).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        outbox_poll::handle(poller, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
