//! The Lambda function `wake-parked`.

use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use wake_parked::Waker;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let (breaker, waking) = (
        environment::Breaker::from_environment()?,
        environment::Waking::from_environment()?,
    );
    let waker = &Waker::open(&breaker, &waking).await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        wake_parked::handle(waker, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
