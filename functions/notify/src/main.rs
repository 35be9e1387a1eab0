//! The Lambda function `notify`.

use adapters::consumed::Consumed;
use adapters::contacts::Contacts;
use adapters::mail::Ses;
use adapters::{environment, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use notify::Notifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let notifier = &Notifier {
        consumed: Consumed::open("notify", environment::Consumed::from_environment()?).await,
        contacts: Contacts::open(environment::contacts_table()?).await,
        mailer: Ses::from(environment::mail_from()?).await,
    };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, Error>(notifier.handle(event.payload).await)
    }))
    .await
}
