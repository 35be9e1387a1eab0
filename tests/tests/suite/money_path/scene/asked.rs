//! What is asked for under the key: a payment, or a part of one back.

use serde_json::{Value, json};
use tests::api::ApiRequest;
use uuid::Uuid;

use super::{AMOUNT, Scene};

#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// A payment, of `authorize`.
    Payment,
    /// A refund of a part of this payment, of `correct-payment`.
    Refund { payment: Uuid },
}

impl Scene {
    /// The buyer has paid all it had, and is about to be refunded a tenth of it. The till can give back more than once.
    pub async fn refunding() -> Self {
        let mut scene = Self::affordable().await;
        let mut body = scene.body();
        body["amount"] = json!(scene.funds);
        let paid = scene.authorize().await.call(&scene.request(&body)).await.unwrap();
        assert_eq!(paid.status, 201, "{paid:?}");
        let payment = paid.json()["id"].as_str().unwrap().parse().unwrap();
        scene.asked = Asked::Refund { payment };
        (scene.source, scene.destination) = (scene.destination, scene.source);
        scene.key = Uuid::now_v7();
        scene
    }
}

impl Asked {
    /// The function that is asked.
    pub const fn function(self) -> &'static str {
        match self {
            Self::Payment => "authorize",
            Self::Refund { .. } => "correct-payment",
        }
    }

    /// What the ledger knows it by.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund { .. } => "refund",
        }
    }

    /// The request, without tenant, key and body.
    pub fn request(self) -> ApiRequest {
        match self {
            Self::Payment => ApiRequest::to("POST /v1/payments"),
            Self::Refund { payment } => {
                ApiRequest::to("POST /v1/payments/{payment_id}/refunds").path("payment_id", payment)
            }
        }
    }

    /// The body; a refund takes the accounts from its payment.
    pub fn body(self, source: Uuid, destination: Uuid) -> Value {
        let noted = json!({"zone": "b", "order": "1"});
        match self {
            Self::Payment => json!({
                "source": source, "destination": destination, "amount": AMOUNT, "currency": "EUR",
                "description": "Two espressi", "metadata": noted,
            }),
            Self::Refund { .. } => json!({"amount": AMOUNT, "description": "Two espressi", "metadata": noted}),
        }
    }
}
