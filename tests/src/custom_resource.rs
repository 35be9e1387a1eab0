//! CloudFormation, as the function of a custom resource meets it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::http::{self, Hangup};

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It is taken.
    Take,
    /// It is refused, as when its address is too old.
    Refuse,
    /// Nobody says anything to it.
    Ignore,
}

/// Where answers arrive, until dropped.
#[derive(Debug)]
pub struct CloudFormation {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    answers: Arc<Mutex<Vec<Value>>>,
    _server: JoinSet<()>,
}

impl CloudFormation {
    /// Takes every answer.
    pub async fn start() -> Self {
        let (listener, port) = http::listen().await;
        let (manner, answers) = (Arc::new(Mutex::new(Manner::Take)), Arc::<Mutex<Vec<Value>>>::default());
        let server = http::serve(listener, {
            let (manner, answers) = (Arc::clone(&manner), Arc::clone(&answers));
            move |request: Request<Bytes>| {
                let manner = *manner.lock().unwrap_or_else(PoisonError::into_inner);
                // The signature of an address is of a PUT without a content type.
                let is_signed = request.method() == "PUT" && !request.headers().contains_key("content-type");
                if let Ok(answer) = serde_json::from_slice(request.body()) {
                    answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                }
                async move {
                    let status = match manner {
                        Manner::Take if is_signed => StatusCode::OK,
                        Manner::Take | Manner::Refuse => StatusCode::FORBIDDEN,
                        Manner::Ignore => std::future::pending().await,
                    };
                    Response::builder()
                        .status(status)
                        .body(Bytes::new())
                        .map_err(|_| Hangup)
                }
            }
        });
        Self {
            port,
            manner,
            answers,
            _server: server,
        }
    }

    /// What becomes of answers from now on.
    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// The answers that arrived, those too that were not taken.
    #[must_use]
    pub fn answers(&self) -> Vec<Value> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An event: `Create`, `Update` or `Delete`, of a resource called `Migrations`.
    #[must_use]
    pub fn event(&self, request_type: &str) -> Value {
        let mut event = json!({
            "RequestType": request_type,
            "ResponseURL": format!("http://127.0.0.1:{}/answers?Signature=of%2Fthis", self.port),
            "StackId": format!("arn:aws:cloudformation:eu-west-1:000000000000:stack/under-test/{}", Uuid::new_v4()),
            "RequestId": Uuid::new_v4(),
            "ResourceType": "Custom::Migrations",
            "LogicalResourceId": "Migrations",
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:eu-west-1:000000000000:function:under-test", "ServiceTimeout": "330"},
        });
        if request_type != "Create" {
            event["PhysicalResourceId"] = json!("migrations");
        }
        event
    }
}
