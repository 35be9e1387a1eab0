//! The Lambda function `onboard-merchant`.

use adapters::contacts::Contacts;
use adapters::ledger::Ledger;
use adapters::{environment, log};
use lambda_http::{Error, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::to_stdout();
    let ledger = &Ledger::at(&environment::Database::from_environment()?);
    let contacts = &Contacts::open(environment::contacts_table()?).await;
    lambda_http::run(service_fn(async |request| {
        Ok::<_, Error>(onboard_merchant::handle(ledger, contacts, request).await)
    }))
    .await
}
