//! The Lambda function `erase-pii`: called by the gateway, by the queue of requests, by the clock, and by hand.

use adapters::erasures::Erasures;
use adapters::ledger::Ledger;
use adapters::{environment, log};
use erase_pii::{Call, carry_out, routes};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let audit = Ledger::at(&environment::Database::from_environment()?);
    let erasures = &Erasures::open(environment::Erasing::from_environment()?, audit).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let LambdaEvent { payload, context } = event;
        match Call::read(&payload)? {
            Call::Request => {
                let request: LambdaRequest = serde_json::from_str(payload.get())?;
                let answering = async |request| Ok::<_, Error>(routes::handle(erasures, request).await);
                let mut gateway = Adapter::from(service_fn(answering));
                let answer = gateway.call(LambdaEvent::new(request, context)).await?;
                Ok::<Value, Error>(serde_json::to_value(answer)?)
            }
            Call::Queue(batch) => {
                let again = carry_out::batch(erasures, &batch, context.deadline()).await;
                Ok(serde_json::to_value(again)?)
            }
            Call::Clock(look) => carry_out::standing_still(erasures, look, context.deadline()).await,
            Call::Hand(wanted) => carry_out::by_hand(erasures, wanted, context.deadline()).await,
        }
    }))
    .await
}
