//! A deployed function that does what a test says: its bootstrap (`src/bin/relay.rs`) forwards every invocation to a
//! server in the test's process, and does with it what that says.

use std::fmt;
use std::future::Future;

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::http::{self, Hangup};

/// What becomes of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The function answers so.
    Answer(Value),
    /// The function reports this error: `{"errorType", "errorMessage"}`.
    Failure(Value),
    /// The function's process ends.
    Crash,
    /// The function says nothing until its time is over.
    Silence,
}

impl Reply {
    /// A failure by this name.
    #[must_use]
    pub fn failure(name: &str) -> Self {
        Self::Failure(json!({ "errorType": name, "errorMessage": "as the test wants it" }))
    }
}

/// Where the invocations arrive, until dropped.
pub struct Relay {
    port: u16,
    _server: JoinSet<()>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Relay {
    /// Asks `decide` about every invocation: which function, and its event.
    pub async fn start<D, F>(decide: D) -> Self
    where
        D: Fn(String, Value) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let (listener, port) = http::listen().await;
        let server = http::serve(listener, move |request: Request<Bytes>| {
            let function = request.uri().path().trim_matches('/').to_owned();
            let event = serde_json::from_slice(request.body()).unwrap_or_default();
            let decided = decide(function, event);
            async move { reply(decided.await).await }
        });
        Self { port, _server: server }
    }

    /// The value of `RELAY_URL` in the environment of the function of that name.
    #[must_use]
    pub fn url(&self, function: &str) -> String {
        format!("http://127.0.0.1:{}/{function}", self.port)
    }
}

async fn reply(reply: Reply) -> Result<Response<Bytes>, Hangup> {
    let (status, body) = match reply {
        Reply::Answer(answer) => (StatusCode::OK, answer.to_string()),
        Reply::Failure(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        Reply::Crash => (StatusCode::GONE, String::new()),
        Reply::Silence => std::future::pending().await,
    };
    Response::builder().status(status).body(body.into()).map_err(|_| Hangup)
}
