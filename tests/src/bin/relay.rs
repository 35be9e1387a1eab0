//! The bootstrap of a function that a test decides for: see [`tests::relay`]. It goes by `AWS_LAMBDA_RUNTIME_API` and
//! `RELAY_URL`.

use std::env;
use std::error::Error;

use reqwest::{Client, StatusCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = format!(
        "http://{}/2018-06-01/runtime/invocation",
        env::var("AWS_LAMBDA_RUNTIME_API")?
    );
    let test = env::var("RELAY_URL")?;
    let client = Client::builder().no_proxy().build()?;
    loop {
        let next = client.get(format!("{runtime}/next")).send().await?;
        let id = next
            .headers()
            .get("lambda-runtime-aws-request-id")
            .ok_or("no request id")?;
        let id = id.to_str()?.to_owned();
        let reply = client.post(&test).body(next.bytes().await?).send().await?;
        let end = match reply.status() {
            StatusCode::OK => "response",
            StatusCode::INTERNAL_SERVER_ERROR => "error",
            other => return Err(format!("told to end: {other}").into()),
        };
        let said = client.post(format!("{runtime}/{id}/{end}"));
        said.body(reply.bytes().await?).send().await?;
    }
}
