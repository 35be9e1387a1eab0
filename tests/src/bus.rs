//! An event bus and a queue that a test controls, speaking AWS JSON as EventBridge and SQS do.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::http::{self, Hangup};

/// How long a test waits for something to reach the bus or the queue.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the bus or the queue does with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Takes every entry.
    Accept,
    /// Takes the entries with `None`, and refuses the others by this code each.
    Entries(Vec<Option<&'static str>>),
    /// Refuses the call, with this status and code.
    Refuse(u16, &'static str),
    /// Takes every entry and answers for one fewer.
    AcceptAndAnswerFewer,
    /// Takes every entry; the answer never comes.
    AcceptAndHang,
    /// Takes nothing; no answer comes.
    Hang,
}

type Behaviour = dyn Fn(&[Value]) -> Answer + Send + Sync;

/// What reached the bus and the queue so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Calls of `PutEvents`, as they came.
    pub calls: usize,
    /// The entries that the bus took, in that order.
    pub accepted: Vec<Value>,
    /// Calls to the queue, as they came.
    pub queue_calls: usize,
    /// The messages that the queue took.
    pub messages: Vec<Value>,
}

/// The bus and the queue.
#[derive(Debug)]
pub struct StubBus {
    port: u16,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

struct Desk {
    bus: Mutex<Arc<Behaviour>>,
    queue: Mutex<Answer>,
    describe: Mutex<Answer>,
    delay: Mutex<Duration>,
    seen: watch::Sender<Seen>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl StubBus {
    /// Listens on a free loopback port until dropped, and takes everything.
    pub async fn start() -> Self {
        let desk = Arc::new(Desk {
            bus: Mutex::new(Arc::new(|_: &[Value]| Answer::Accept)),
            queue: Mutex::new(Answer::Accept),
            describe: Mutex::new(Answer::Accept),
            delay: Mutex::new(Duration::ZERO),
            seen: watch::Sender::new(Seen::default()),
        });
        let (listener, port) = http::listen().await;
        let server = http::serve(listener, {
            let desk = Arc::clone(&desk);
            move |request| {
                let desk = Arc::clone(&desk);
                async move { desk.answer(request).await }
            }
        });
        Self {
            port,
            desk,
            _server: server,
        }
    }

    /// The value of `AWS_ENDPOINT_URL_EVENTBRIDGE` and `AWS_ENDPOINT_URL_SQS`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, does with each call what `behaviour` says of its entries' details.
    pub fn behave(&self, behaviour: impl Fn(&[Value]) -> Answer + Send + Sync + 'static) {
        *locked(&self.desk.bus) = Arc::new(behaviour);
    }

    /// From now on, does this with each call to the queue.
    pub fn queue(&self, answer: Answer) {
        *locked(&self.desk.queue) = answer;
    }

    /// From now on, does this with each `DescribeEventBus`. `PutEvents` takes everything all the same, as the service's
    /// does.
    pub fn describe(&self, answer: Answer) {
        *locked(&self.desk.describe) = answer;
    }

    /// How long each call to the bus takes, of either kind.
    pub fn set_delay(&self, delay: Duration) {
        *locked(&self.desk.delay) = delay;
    }

    /// What reached it so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.desk.seen.borrow().clone()
    }

    /// Waits until what reached it satisfies `enough`.
    pub async fn sees(&self, enough: impl Fn(&Seen) -> bool) {
        let mut seen = self.desk.seen.subscribe();
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|seen| enough(seen))).await;
        assert!(
            waited.is_ok(),
            "it was not to be within {PATIENCE:?}: {}",
            summary(&self.seen())
        );
    }
}

fn summary(seen: &Seen) -> String {
    let (calls, accepted) = (seen.calls, seen.accepted.len());
    let (queue_calls, messages) = (seen.queue_calls, seen.messages.len());
    format!("{calls} calls, {accepted} accepted; {queue_calls} calls to the queue, {messages} taken")
}

impl Desk {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Hangup> {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        match target {
            Some("AWSEvents.PutEvents") => self.put_events(&body).await,
            Some("AWSEvents.DescribeEventBus") => {
                let answer = locked(&self.describe).clone();
                self.take_its_time().await;
                end(&answer, &json!({ "Name": body["Name"] })).await
            }
            Some("AmazonSQS.SendMessageBatch") => self.send_messages(&body).await,
            _ => Ok(refusal(400, "UnknownOperationException")),
        }
    }

    /// Is as slow as the test wants a bus to be, that something may happen meanwhile.
    async fn take_its_time(&self) {
        let delay = *locked(&self.delay);
        tokio::time::sleep(delay).await;
    }

    async fn put_events(&self, body: &Value) -> Result<Response<Bytes>, Hangup> {
        let entries = list(&body["Entries"]);
        let details: Vec<Value> = entries
            .iter()
            .map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap_or_default()).unwrap_or_default())
            .collect();
        let behaviour = Arc::clone(&locked(&self.bus));
        let answer = behaviour(&details);
        let codes = codes(&answer, entries.len());
        let taken = entries.iter().zip(&codes).filter(|(_, code)| code.is_none());
        let taken: Vec<_> = taken.map(|(entry, _)| entry.clone()).collect();
        self.take_its_time().await;
        self.seen.send_modify(|seen| {
            seen.calls += 1;
            seen.accepted.extend(taken);
        });
        let mut results: Vec<_> = codes
            .iter()
            .map(|code| match code {
                None => json!({ "EventId": "of the bus's own" }),
                Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "on purpose" }),
            })
            .collect();
        if answer == Answer::AcceptAndAnswerFewer {
            results.pop();
        }
        let failed = codes.iter().flatten().count();
        end(&answer, &json!({ "FailedEntryCount": failed, "Entries": results })).await
    }

    async fn send_messages(&self, body: &Value) -> Result<Response<Bytes>, Hangup> {
        let entries = list(&body["Entries"]);
        let answer = locked(&self.queue).clone();
        let (mut successful, mut failed, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for (entry, code) in entries.iter().zip(codes(&answer, entries.len())) {
            let id = &entry["Id"];
            if let Some(code) = code {
                failed.push(json!({ "Id": id, "Code": code, "SenderFault": false }));
            } else {
                taken.push(serde_json::from_str(entry["MessageBody"].as_str().unwrap_or_default()).unwrap_or_default());
                successful.push(json!({ "Id": id, "MessageId": id, "MD5OfMessageBody": "" }));
            }
        }
        self.seen.send_modify(|seen| {
            seen.queue_calls += 1;
            seen.messages.extend(taken);
        });
        end(&answer, &json!({ "Successful": successful, "Failed": failed })).await
    }
}

/// What becomes of each entry: `None` is taken.
fn codes(answer: &Answer, entries: usize) -> Vec<Option<&'static str>> {
    match answer {
        Answer::Accept | Answer::AcceptAndAnswerFewer | Answer::AcceptAndHang => vec![None; entries],
        Answer::Entries(codes) => codes.clone(),
        Answer::Refuse(..) | Answer::Hang => vec![Some(""); entries],
    }
}

async fn end(answer: &Answer, results: &Value) -> Result<Response<Bytes>, Hangup> {
    match answer {
        Answer::Accept | Answer::AcceptAndAnswerFewer | Answer::Entries(_) => Ok(json_answer(200, results)),
        Answer::Refuse(status, code) => Ok(refusal(*status, code)),
        Answer::AcceptAndHang | Answer::Hang => std::future::pending().await,
    }
}

fn refusal(status: u16, code: &str) -> Response<Bytes> {
    json_answer(status, &json!({ "__type": code, "message": "on purpose" }))
}

fn json_answer(status: u16, body: &Value) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).expect("a test names a real status");
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.1");
    answer
        .body(body.to_string().into())
        .expect("a status and a body make a response")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
