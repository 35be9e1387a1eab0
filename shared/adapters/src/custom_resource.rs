//! What CloudFormation asks of a custom resource's function, and the answer it waits for.
//!
//! Format: the CloudFormation User Guide, "Custom resource request objects" and "response objects". The answer goes to an address that is
//! signed for it; an answer that gets lost holds up the deployment until the resource's `ServiceTimeout`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request as HttpRequest, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long one attempt to deliver an answer may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause before the second attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// How much of a reason is sent, in characters: an answer has 4,096 bytes at most.
const REASON: usize = 800;

/// What is to become of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// It is new.
    Create,
    /// Its properties have changed, or are put back by a deployment that is rolled back.
    Update,
    /// It goes, or was never made whole.
    Delete,
}

/// What CloudFormation asks. Not printable: whoever knows the address can answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What is to become of the resource.
    pub request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    #[serde(rename = "RequestId")]
    id: String,
    stack_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
}

/// The answer could not be delivered. CloudFormation will take the resource for failed.
#[derive(Debug, thiserror::Error)]
#[error("CloudFormation could not be told: {0}")]
pub struct Undelivered(String);

impl Request {
    /// The answer: the resource's attributes, or why it failed. `id` is the resource's if it has none yet.
    #[must_use]
    pub fn answer(&self, id: &str, outcome: Result<Value, String>) -> Value {
        let (status, reason, data) = match outcome {
            Ok(data) => ("SUCCESS", String::new(), data),
            Err(reason) => ("FAILED", reason.chars().take(REASON).collect(), json!({})),
        };
        json!({
            "Status": status,
            "Reason": reason,
            "PhysicalResourceId": self.physical_resource_id.as_deref().unwrap_or(id),
            "StackId": self.stack_id,
            "RequestId": self.id,
            "LogicalResourceId": self.logical_resource_id,
            "Data": data,
        })
    }
}

/// Who delivers answers.
#[derive(Clone, Debug)]
pub struct Answers {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Answers {
    /// Trusts the system's roots. Does not connect yet.
    ///
    /// # Errors
    /// The system has no roots.
    pub fn open() -> io::Result<Self> {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring)?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self { client })
    }

    /// Delivers an answer, and tries again until `until`.
    ///
    /// # Errors
    /// [`Undelivered`]
    pub async fn deliver(&self, request: &Request, answer: &Value, until: Instant) -> Result<(), Undelivered> {
        let to: Uri = request
            .response_url
            .parse()
            .map_err(|_| Undelivered("its address is none".to_owned()))?;
        if !is_protected(&to) {
            return Err(Undelivered(
                "its address is neither https nor on this machine".to_owned(),
            ));
        }
        let body = Bytes::from(answer.to_string());
        let mut pause = PAUSE;
        loop {
            let attempt = tokio::time::timeout_at(until.min(Instant::now() + ATTEMPT), self.put(&to, body.clone()));
            let why = match attempt.await {
                Ok(Ok(200..=299)) => return Ok(()),
                Ok(Ok(status)) => format!("it answered {status}"),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it did not answer in time".to_owned(),
            };
            tracing::warn!(error = why, "an answer was not delivered");
            if Instant::now() + pause >= until {
                return Err(Undelivered(why));
            }
            // Nobody else answers CloudFormation, and asked at once again it would refuse again.
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn put(&self, to: &Uri, body: Bytes) -> Result<u16, hyper_util::client::legacy::Error> {
        // Without a content type: the signature in the address is of none.
        let mut request = HttpRequest::new(Full::from(body));
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = to.clone();
        let response = self.client.request(request).await?;
        Ok(response.status().as_u16())
    }
}

fn is_protected(address: &Uri) -> bool {
    let is_here = matches!(address.host(), Some("localhost" | "127.0.0.1"));
    address.scheme_str() == Some("https") || is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: Option<&str>) -> Request {
        let asked = json!({
            "RequestType": "Update", "ResponseURL": "https://answers.example/?signature=1", "RequestId": "r", "StackId": "s",
            "LogicalResourceId": "l", "ResourceType": "Custom::Any", "PhysicalResourceId": id, "ResourceProperties": {"ServiceToken": "t"},
        });
        serde_json::from_value(asked).unwrap()
    }

    #[test]
    fn a_resource_keeps_its_id_and_has_one_if_it_was_never_made() {
        let made = request(Some("mine")).answer("first", Ok(json!({"Last": "x"})));
        assert_eq!(
            made,
            json!({
                "Status": "SUCCESS", "Reason": "", "PhysicalResourceId": "mine", "StackId": "s", "RequestId": "r",
                "LogicalResourceId": "l", "Data": {"Last": "x"},
            })
        );
        assert_eq!(
            request(None).answer("first", Ok(json!({})))["PhysicalResourceId"],
            "first"
        );
    }

    #[test]
    fn however_long_a_reason_is_the_answer_is_short_enough() {
        let failed = request(None).answer("first", Err("\u{1f512}".repeat(5000)));
        assert_eq!(failed["Status"], "FAILED");
        assert!(failed.to_string().len() <= 4096, "{}", failed.to_string().len());
    }

    #[test]
    fn an_answer_goes_over_tls_or_stays_on_this_machine() {
        for (address, protected) in [
            ("https://answers.example/?signature=1", true),
            ("http://localhost:4566/answer", true),
            ("http://127.0.0.1:4566/answer", true),
            ("http://answers.example/", false),
            ("http://127.0.0.1.example/", false),
        ] {
            assert_eq!(is_protected(&address.parse().unwrap()), protected, "{address}");
        }
    }
}
