//! A proxy before the Data API.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use tokio::task::JoinSet;

use super::dynamodb::forward;
use crate::cloud::Cloud;
use crate::http::{self, Hangup};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, and so does its answer.
    Pass,
    /// The service carries it out; the connection is closed without the answer.
    DropAnswer,
    /// The service never sees it: 503.
    Refuse,
    /// The service never sees it, and nobody hears of it.
    Hold,
}

/// Stands where `AWS_ENDPOINT_URL` leads, until dropped.
#[derive(Debug)]
pub struct DataApiProxy {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

impl DataApiProxy {
    /// Asks `decide` about each call: the how manieth it is, from 0, and its operation, such as `CommitTransaction`.
    pub async fn start<D>(cloud: &Cloud, decide: D) -> Self
    where
        D: Fn(usize, &str) -> Fate + Clone + Send + Sync + 'static,
    {
        let (listener, port) = http::listen().await;
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let upstream = cloud.aws.endpoint.trim_start_matches("http://").trim_end_matches('/');
        let (upstream, journal) = (Arc::<str>::from(upstream), Arc::clone(&seen));
        let server = http::serve(listener, move |request: Request<Bytes>| {
            let operation = request.uri().path().trim_matches('/').to_owned();
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let fate = decide(journal.len(), &operation);
            journal.push(operation);
            let upstream = Arc::clone(&upstream);
            async move {
                match fate {
                    Fate::Pass => forward(&upstream, request).await,
                    Fate::DropAnswer => {
                        forward(&upstream, request).await?;
                        Err(Hangup)
                    }
                    Fate::Refuse => {
                        let unavailable = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
                        let said =
                            Bytes::from_static(br#"{"__type":"ServiceUnavailableError","message":"on purpose"}"#);
                        unavailable.body(said).map_err(|_| Hangup)
                    }
                    Fate::Hold => std::future::pending().await,
                }
            }
        });
        Self {
            port,
            seen,
            _server: server,
        }
    }

    /// The address to give to whoever calls.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The operations that were called, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
