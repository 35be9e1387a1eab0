//! The Lambda function `settle-step`.

use adapters::breaker::{self, Breaker};
use adapters::kyc::{Guarded, Provider};
use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use settle_step::Steps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let database = environment::Database::from_environment()?;
    let (kyc, guard) = (
        environment::Kyc::from_environment()?,
        environment::Breaker::from_environment()?,
    );
    let settings = breaker::settings(&guard, kyc.timeout)?;
    let breaker = Breaker::open(&guard, &kyc.origin.to_string(), settings).await;
    let steps = &Steps {
        ledger: Ledger::at(&database),
        kyc: Guarded::new(Provider::open(&kyc)?, breaker),
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        settle_step::handle(steps, &event.payload, event.context.deadline())
            .await
            .map_err(Diagnostic::from)
    }))
    .await
}
