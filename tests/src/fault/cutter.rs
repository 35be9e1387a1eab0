//! A proxy before all of AWS that holds one call, whichever, so that the function can be killed there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::dynamodb::forward;
use crate::cloud::Cloud;
use crate::http::{self, Hangup};

/// When a call is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The service has not seen it.
    Before,
    /// The service has carried it out.
    After,
}

/// The proxy. The held call is never answered.
#[derive(Debug)]
pub struct Cutter {
    port: u16,
    reached: watch::Sender<bool>,
    _server: JoinSet<()>,
}

impl Cutter {
    /// Holds the nth call, counted from 0, of whatever service; lets all others pass.
    pub async fn start(cloud: &Cloud, nth: usize, cut: Cut) -> Self {
        let upstream = cloud.aws.endpoint.trim_start_matches("http://").trim_end_matches('/');
        let (upstream, calls) = (Arc::<str>::from(upstream), Arc::new(AtomicUsize::new(0)));
        let (listener, port) = http::listen().await;
        let reached = watch::Sender::new(false);
        let reach = reached.clone();
        let server = http::serve(listener, move |request| {
            let (upstream, reach) = (Arc::clone(&upstream), reach.clone());
            let is_held = calls.fetch_add(1, Ordering::SeqCst) == nth;
            async move {
                if is_held && cut == Cut::Before {
                    reach.send_replace(true);
                    std::future::pending::<()>().await;
                }
                // A task of its own outlives the connection of a function that is killed.
                let answer = tokio::spawn(async move { forward(&upstream, request).await }).await;
                if is_held {
                    reach.send_replace(true);
                    std::future::pending::<()>().await;
                }
                answer.unwrap_or(Err(Hangup))
            }
        });
        Self {
            port,
            reached,
            _server: server,
        }
    }

    /// The value of `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns when the call is held.
    pub async fn reached(&self) {
        let mut reached = self.reached.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = reached.wait_for(|reached| *reached).await;
    }
}
