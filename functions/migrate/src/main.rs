//! The Lambda function `migrate`.

use adapters::custom_resource::{Answers, Request};
use adapters::data_api::DataApi;
use adapters::{environment, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let api = &DataApi::open(environment::Migrating::from_environment()?).await;
    let (answers, migrations) = (&Answers::open()?, &migrate::migrations());
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Request>| {
        migrate::handle(api, answers, migrations, &event.payload, event.context.deadline())
            .await
            .map_err(Error::from)
    }))
    .await
}
