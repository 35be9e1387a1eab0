//! A proxy before the gate's table that knows the four writes to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::script::{Exchange, Fault, Order, Script, Step};
use crate::http::{self, Hangup};

type Answer = Result<Response<Bytes>, Hangup>;

/// One of the gate's four writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateCall {
    /// `PutItem`.
    Claim,
    /// `UpdateItem` that sets the status to PROCESSING and leaves the owner.
    Start,
    /// `UpdateItem` that sets the owner.
    TakeOver,
    /// `UpdateItem` that sets the status to COMPLETE.
    Complete,
}

impl GateCall {
    /// Recognises a call by its `x-amz-target` and by what its update expression assigns; a read is none of them. Values that
    /// only a condition names do not count: a takeover may well compare the status with COMPLETE.
    #[must_use]
    pub fn of(target: &str, body: &[u8]) -> Option<Self> {
        let operation = target.rsplit('.').next()?;
        let body: Value = serde_json::from_slice(body).ok()?;
        match operation {
            "PutItem" => Some(Self::Claim),
            "UpdateItem" => match assigned(&body, "status") {
                Some("COMPLETE") => Some(Self::Complete),
                _ if assigned(&body, "owner").is_some() => Some(Self::TakeOver),
                Some("PROCESSING") => Some(Self::Start),
                _ => None,
            },
            _ => None,
        }
    }

    /// The step of the money path that the call is.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Claim => Step::Claim,
            Self::Start => Step::Start,
            Self::TakeOver => Step::TakeOver,
            Self::Complete => Step::Complete,
        }
    }
}

/// The step that a call is, of the gate or of the vault.
fn step_of(target: &str, body: &[u8]) -> Option<Step> {
    if let Some(call) = GateCall::of(target, body) {
        return Some(call.step());
    }
    match target.rsplit('.').next()? {
        "TransactWriteItems" => Some(Step::Store),
        "CreateSecret" | "PutSecretValue" => Some(Step::Ring),
        "DeleteSecret" => Some(Step::Shred),
        "GetSecretValue" => Some(Step::ReadRing),
        "TransactGetItems" => {
            let body: Value = serde_json::from_slice(body).ok()?;
            let mut gets = body["TransactItems"].as_array()?.iter();
            gets.any(|get| get["Get"]["Key"]["sk"]["S"] == "tenant")
                .then_some(Step::LookAtTenant)
        }
        "UpdateItem" => {
            let body: Value = serde_json::from_slice(body).ok()?;
            let expression = body["UpdateExpression"].as_str()?;
            match expression.trim_start_matches("SET ") {
                assigned if assigned.starts_with("#wrapped") => Some(Step::Rewrap),
                assigned if assigned.starts_with("tenant_key") => Some(Step::Advance),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The string that an `UpdateItem` assigns to an attribute.
fn assigned<'body>(body: &'body Value, attribute: &str) -> Option<&'body str> {
    let expression = body["UpdateExpression"].as_str()?;
    expression.trim_start_matches("SET ").split(',').find_map(|assignment| {
        let (name, value) = assignment.split_once('=')?;
        let name = name.trim();
        let name = body["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
        // Another clause (REMOVE, ADD) may follow the last assignment.
        let value = value.split_whitespace().next()?;
        let value = body["ExpressionAttributeValues"][value]["S"].as_str()?;
        (name == attribute).then_some(value)
    })
}

/// A reverse proxy for `AWS_ENDPOINT_URL_DYNAMODB`. Headers pass as they are: the signature covers `Host`.
#[derive(Debug)]
pub struct DynamoProxy {
    port: u16,
    down: Arc<AtomicBool>,
    _server: JoinSet<()>,
}

impl DynamoProxy {
    /// Listens on a free loopback port until dropped; `upstream` is `host:port`.
    pub async fn start(upstream: &str, script: Script) -> Self {
        let (listener, port) = http::listen().await;
        let down = Arc::new(AtomicBool::new(false));
        let (upstream, out_of_order) = (Arc::<str>::from(upstream), Arc::clone(&down));
        let server = http::serve(listener, move |request| {
            let (upstream, script) = (Arc::clone(&upstream), script.clone());
            let down = out_of_order.load(Ordering::SeqCst);
            async move {
                if down {
                    return Err(Hangup);
                }
                // A task of its own outlives the connection: a held request goes on after its sender was killed.
                tokio::spawn(relay(upstream, script, request))
                    .await
                    .unwrap_or(Err(Hangup))
            }
        });
        Self {
            port,
            down,
            _server: server,
        }
    }

    /// The address to give the function.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// While down, every connection is closed without an answer.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

async fn relay(upstream: Arc<str>, script: Script, request: Request<Bytes>) -> Answer {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let is_transaction = target.contains(".Transact");
    let met = step_of(target, request.body()).and_then(|step| script.meet(step));
    let Some((fault, point)) = met else {
        return forward(&upstream, request).await;
    };
    let (answer, exchange) = match fault {
        Fault::HoldRequest => match point.hold().await {
            Order::Release => told(forward(&upstream, request).await),
            Order::Discard => (Err(Hangup), Exchange::NotForwarded),
        },
        Fault::HoldResponse => {
            let (answer, exchange) = told(forward(&upstream, request).await);
            match point.hold().await {
                Order::Release => (answer, exchange),
                Order::Discard => (Err(Hangup), exchange),
            }
        }
        Fault::DropResponse => (Err(Hangup), told(forward(&upstream, request).await).1),
        Fault::CutDuring => {
            tokio::spawn(async move { forward(&upstream, request).await });
            (Err(Hangup), Exchange::Unknown)
        }
        Fault::Refuse => (Ok(unavailable()), Exchange::NotForwarded),
        Fault::Conflict => (Ok(conflicting(is_transaction)), Exchange::NotForwarded),
    };
    point.end(exchange);
    answer
}

/// Sends a request on over a connection of its own.
pub(super) async fn forward(upstream: &str, request: Request<Bytes>) -> Answer {
    let stream = TcpStream::connect(upstream).await.map_err(|_| Hangup)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Hangup)?;
    let driver = tokio::spawn(connection);
    let (head, body) = sender
        .send_request(request.map(Full::new))
        .await
        .map_err(|_| Hangup)?
        .into_parts();
    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(head, body))
}

fn told(answer: Answer) -> (Answer, Exchange) {
    let exchange = match &answer {
        Ok(answer) if answer.status().is_success() => Exchange::Succeeded,
        Ok(answer) => Exchange::Failed(String::from_utf8_lossy(answer.body()).into_owned()),
        Err(Hangup) => Exchange::Unknown,
    };
    (answer, exchange)
}

fn unavailable() -> Response<Bytes> {
    let said = br#"{"__type":"ServiceUnavailable","message":"refused on purpose"}"#;
    refusal(StatusCode::SERVICE_UNAVAILABLE, said)
}

/// What DynamoDB says while a transaction is at the item that a request concerns.
fn conflicting(is_transaction: bool) -> Response<Bytes> {
    let said: &[u8] = if is_transaction {
        br#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message":"on purpose","CancellationReasons":[{"Code":"TransactionConflict","Message":"on purpose"},{"Code":"None"}]}"#
    } else {
        br#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"on purpose"}"#
    };
    refusal(StatusCode::BAD_REQUEST, said)
}

fn refusal(status: StatusCode, said: &'static [u8]) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Bytes::from_static(said))
        .expect("a status, a header and a body make a response")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;

    const UPDATE: &str = "DynamoDB_20120810.UpdateItem";

    fn update(expression: &str, status: &str) -> Vec<u8> {
        let update = json!({
            "UpdateExpression": expression,
            "ConditionExpression": "#o = :mine AND #s <> :complete",
            "ExpressionAttributeNames": {"#s": "status", "#o": "owner"},
            "ExpressionAttributeValues": {":s": {"S": status}, ":mine": {"S": "me"}, ":complete": {"S": "COMPLETE"}},
        });
        update.to_string().into_bytes()
    }

    #[test]
    fn a_call_is_known_by_what_it_assigns() {
        let start = update("SET #s = :s, lease_until = :l", "PROCESSING");
        let take_over = update("SET #o = :mine, #s = :s ADD attempt :one", "PENDING");
        let complete = update("SET response_body = :b, #s = :s REMOVE lease_until", "COMPLETE");
        assert_eq!(GateCall::of("DynamoDB_20120810.PutItem", b"{}"), Some(GateCall::Claim));
        assert_eq!(GateCall::of(UPDATE, &start), Some(GateCall::Start));
        assert_eq!(GateCall::of(UPDATE, &take_over), Some(GateCall::TakeOver));
        assert_eq!(GateCall::of(UPDATE, &complete), Some(GateCall::Complete));
        assert_eq!(GateCall::of("DynamoDB_20120810.GetItem", b"{}"), None);
    }

    /// A server that says of each request which `Host` it was for, and answers.
    async fn toy() -> (String, mpsc::UnboundedReceiver<String>, JoinSet<()>) {
        let (listener, port) = http::listen().await;
        let (seen, hosts) = mpsc::unbounded_channel();
        let server = http::serve(listener, move |request: Request<Bytes>| {
            let host = request.headers()["host"].to_str().expect("a host is text").to_owned();
            let _ = seen.send(host);
            async { Ok(Response::new(Bytes::from_static(b"done"))) }
        });
        (format!("127.0.0.1:{port}"), hosts, server)
    }

    fn claim(proxy: &DynamoProxy) -> impl Future<Output = reqwest::Result<reqwest::Response>> + use<> {
        reqwest::Client::new()
            .post(proxy.url())
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .header("host", "signed.example")
            .body("{}")
            .send()
    }

    #[tokio::test]
    async fn a_held_request_arrives_after_its_sender_is_gone() {
        let (upstream, mut hosts, _server) = toy().await;
        let script = Script::default();
        let proxy = DynamoProxy::start(&upstream, script.clone()).await;
        let point = script.arm_nth(Step::Claim, 2, Fault::HoldRequest);
        assert!(claim(&proxy).await.is_ok());
        assert_eq!(hosts.recv().await.as_deref(), Some("signed.example"));

        let sender = tokio::spawn(claim(&proxy));
        point.reached().await;
        sender.abort();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(hosts.try_recv().is_err(), "the server has not seen it yet");
        assert_eq!(point.release().await, Exchange::Succeeded);
        assert!(hosts.try_recv().is_ok());
        assert_eq!(script.journal(), [Step::Claim, Step::Claim]);
    }

    #[tokio::test]
    async fn an_answer_is_held_dropped_or_refused() {
        let (upstream, mut hosts, _server) = toy().await;
        let script = Script::default();
        let proxy = DynamoProxy::start(&upstream, script.clone()).await;

        let held = script.arm(Step::Claim, Fault::HoldResponse);
        let caller = tokio::spawn(claim(&proxy));
        held.reached().await;
        assert!(hosts.try_recv().is_ok() && !caller.is_finished());
        held.release().await;
        assert!(caller.await.expect("it ran").is_ok());

        script.arm(Step::Claim, Fault::DropResponse);
        assert!(claim(&proxy).await.is_err());
        assert!(hosts.try_recv().is_ok());

        script.arm(Step::Claim, Fault::Refuse);
        assert_eq!(claim(&proxy).await.expect("an answer").status(), 503);
        assert!(hosts.try_recv().is_err());
    }
}
