//! The Lambda Runtime API, for one function process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::http::{self, Hangup};

/// What a function said of one invocation: its answer, or the error it reported.
pub type Said = Result<Value, Value>;

/// A Runtime API that hands out the invocations a test queues.
#[derive(Debug)]
pub struct RuntimeApi {
    port: u16,
    queue: mpsc::UnboundedSender<Invocation>,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    deadline_ms: u128,
    event: Bytes,
}

#[derive(Debug)]
struct Desk {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    in_flight: Mutex<HashMap<String, oneshot::Sender<Said>>>,
    asked: watch::Sender<bool>,
}

impl RuntimeApi {
    /// Listens on a free loopback port until dropped.
    pub async fn start() -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            waiting: tokio::sync::Mutex::new(waiting),
            in_flight: Mutex::default(),
            asked: watch::Sender::new(false),
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
            queue,
            desk,
            _server: server,
        }
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns when the process has asked for its first invocation, that is, when its initialisation is over.
    pub async fn initialised(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.desk.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Queues an event whose deadline lies `within` from now.
    pub fn push(&self, event: &Value, within: Duration) -> oneshot::Receiver<Said> {
        let (answer, said) = oneshot::channel();
        let id = Uuid::new_v4().to_string();
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
        self.desk
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), answer);
        let deadline_ms = (now + within).as_millis();
        // The receiver lives as long as `self`.
        let _ = self.queue.send(Invocation {
            id,
            deadline_ms,
            event: event.to_string().into(),
        });
        said
    }
}

impl Desk {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Hangup> {
        let path: Vec<_> = request.uri().path().trim_matches('/').split('/').collect();
        let status = match (request.method(), path.as_slice()) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => {
                return self.next().await;
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.said(id, Ok(request.body()))
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => self.said(id, Err(request.body())),
            // The process prints the same and exits, which is what the test gets to see.
            (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => StatusCode::ACCEPTED,
            _ => StatusCode::NOT_FOUND,
        };
        let answer = Response::builder().status(status).body(Bytes::from_static(b"{}"));
        Ok(answer.expect("a status and a body make a response"))
    }

    async fn next(&self) -> Result<Response<Bytes>, Hangup> {
        self.asked.send_replace(true);
        let Some(invocation) = self.waiting.lock().await.recv().await else {
            return Err(Hangup);
        };
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", invocation.id)
            .header("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:local:000000000000:function:under-test",
            )
            .body(invocation.event);
        Ok(answer.expect("every header is plain text"))
    }

    fn said(&self, id: &str, said: Result<&Bytes, &Bytes>) -> StatusCode {
        let read = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let caller = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        match caller {
            Some(caller) => {
                // A test that gave up waiting has dropped its end.
                let _ = caller.send(said.map(read).map_err(read));
                StatusCode::ACCEPTED
            }
            None => StatusCode::NOT_FOUND,
        }
    }
}
