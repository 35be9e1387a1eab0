//! The Lambda function `analytics`.

use adapters::archive::Archive;
use adapters::consumed::Consumed;
use adapters::{environment, log};
use analytics::Analytics;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let analytics = &Analytics {
        consumed: Consumed::open("analytics", environment::Consumed::from_environment()?).await,
        archive: Archive::open(environment::archive_bucket()?).await,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, Error>(analytics.handle(&event.payload).await)
    }))
    .await
}
