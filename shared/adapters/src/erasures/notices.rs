//! What is told on the bus about erasures: that one was asked for, which is what has it carried out, and that one is done.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use domain::erasure::Asked;
use domain::ids::ErasureId;
use serde_json::{Value, json};

use super::{COMPLETED, ErasureError, REQUESTED, SOURCE};
use crate::aws;

pub(super) struct Notices {
    client: Client,
    bus: String,
}

impl Notices {
    pub(super) async fn open(bus: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(3)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            bus,
        }
    }

    /// Tells that it was asked for. Told again, it is looked at again.
    pub(super) async fn requested(&self, id: ErasureId, asked: &Asked) -> Result<(), ErasureError> {
        let mut detail = about(id, asked);
        detail["reason"] = json!(asked.reason);
        detail["asked_by"] = json!(asked.by);
        self.put(REQUESTED, &detail).await
    }

    /// Tells that it is done and certified. May be told twice.
    pub(super) async fn completed(&self, id: ErasureId, asked: &Asked, sha256: &str) -> Result<(), ErasureError> {
        let mut detail = about(id, asked);
        detail["certificate_sha256"] = json!(sha256);
        self.put(COMPLETED, &detail).await
    }

    async fn put(&self, kind: &str, detail: &Value) -> Result<(), ErasureError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(kind)
            .detail(detail.to_string())
            .build();
        let put = self.client.put_events().entries(entry).send().await;
        let put = put.map_err(|error| ErasureError::Unavailable("the bus", aws::error_name(&error)))?;
        // Accepted is what the bus gave an id of its own.
        match put.entries() {
            [entry] if entry.event_id().is_some() && entry.error_code().is_none() => Ok(()),
            [entry, ..] => {
                let code = entry.error_code().unwrap_or("NotAccepted").to_owned();
                Err(ErasureError::Unavailable("the bus", code))
            }
            [] => Err(ErasureError::Unavailable("the bus", "NoAnswer".to_owned())),
        }
    }
}

/// What stands in every notice. A tenant's names no customer.
fn about(id: ErasureId, asked: &Asked) -> Value {
    let mut detail = json!({
        "erasure_id": id,
        "scope": asked.whom.scope().as_str(),
        "tenant_id": asked.whom.tenant,
    });
    if let Some(customer) = asked.whom.customer {
        detail["customer_id"] = json!(customer);
    }
    detail
}
