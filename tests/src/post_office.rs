//! A mail service that a test controls, speaking Amazon SES v2's REST.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::http::{self, Hangup};
use crate::patience::until;

/// What the post office does with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Take,
    /// Takes it, and says so two seconds later.
    TakeSlowly,
    /// Takes it, and never says so.
    TakeInSilence,
    /// Takes nothing; the answer has this status and error code, and repeats the address as SES does.
    Refuse(u16, &'static str),
}

/// A mail service for `AWS_ENDPOINT_URL_SESV2`.
#[derive(Debug)]
pub struct PostOffice {
    port: u16,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Desk {
    manner: Mutex<Manner>,
    taken: Mutex<Vec<Value>>,
    refused: AtomicUsize,
}

impl PostOffice {
    /// Listens on a free loopback port until dropped, and takes every mail.
    pub async fn open() -> Self {
        let (listener, port) = http::listen().await;
        let desk = Arc::new(Desk {
            manner: Mutex::new(Manner::Take),
            taken: Mutex::default(),
            refused: AtomicUsize::new(0),
        });
        let server = http::serve(listener, {
            let desk = Arc::clone(&desk);
            move |request| {
                let desk = Arc::clone(&desk);
                async move { desk.answer(&request).await }
            }
        });
        Self {
            port,
            desk,
            _server: server,
        }
    }

    /// The address to give the function.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, mail is treated so.
    pub fn set(&self, manner: Manner) {
        *self.desk.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Every mail that was taken, as `SendEmail` describes it.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        self.desk.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a mail was refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.desk.refused.load(Ordering::SeqCst)
    }

    /// Waits until this many mails were taken.
    pub async fn takes(&self, count: usize) {
        let enough = || async { (self.taken().len() >= count).then_some(()) };
        until(enough, || format!("{count} mails; only {:?}", self.taken())).await;
    }

    /// Waits until mail was refused this often.
    pub async fn refuses(&self, count: usize) {
        let enough = || async { (self.refused() >= count).then_some(()) };
        until(enough, || format!("{count} refusals; only {}", self.refused())).await;
    }
}

impl Desk {
    async fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Hangup> {
        let mail: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if request.uri().path() != "/v2/email/outbound-emails" {
            return Ok(respond(StatusCode::NOT_FOUND, "NotFoundException", json!({})));
        }
        let manner = *self.manner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Manner::Refuse(status, code) = manner {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let status = StatusCode::from_u16(status).expect("a status of HTTP");
            let message = format!("Not for {}", mail["Destination"]["ToAddresses"]);
            return Ok(respond(status, code, json!({ "message": message })));
        }
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        match manner {
            // Time to do something meanwhile, and less than its sender is patient.
            Manner::TakeSlowly => tokio::time::sleep(Duration::from_secs(2)).await,
            Manner::TakeInSilence => std::future::pending().await,
            Manner::Take | Manner::Refuse(..) => (),
        }
        Ok(respond(StatusCode::OK, "", json!({"MessageId": "1"})))
    }
}

fn respond(status: StatusCode, code: &str, body: Value) -> Response<Bytes> {
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-amzn-errortype", code)
        .body(body.to_string().into());
    answer.expect("a status, two headers and a body make a response")
}
