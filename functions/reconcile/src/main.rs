//! The Lambda function `reconcile`.

use adapters::log;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use reconcile::Reconciler;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let reconciler = &Reconciler::from_environment().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        reconcile::handle(reconciler, &event.payload, event.context.deadline()).await
    }))
    .await
}
