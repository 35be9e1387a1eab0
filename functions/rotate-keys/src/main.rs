//! The Lambda function `rotate-keys`.

use adapters::vault::Vault;
use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use rotate_keys::Asked;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let vault = &Vault::open(environment::Vault::from_environment()?).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Asked>| {
        rotate_keys::handle(vault, event.payload, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
