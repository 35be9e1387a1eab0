//! A table for breakers, and what stands in it.

use std::collections::HashMap;

use adapters::breaker::Breaker;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use domain::breaker::Settings;
use tests::cloud::Cloud;
use uuid::Uuid;

/// The test's own endpoint in a table of its own.
pub struct Table {
    pub client: Client,
    pub name: String,
    pub endpoint: String,
}

/// As deployed, with times for tests.
pub const SETTINGS: Settings = Settings {
    in_flight: 8,
    minimum: 4,
    failure_percent: 50,
    bucket_ms: 2_000,
    buckets: 30,
    open_ms: 8_000,
    lease_ms: 8_000,
};

impl Table {
    pub async fn new() -> Self {
        let client = Cloud::running().dynamodb();
        let name = format!("breakers-{}", Uuid::new_v4());
        let key = AttributeDefinition::builder()
            .attribute_name("pk")
            .attribute_type(ScalarAttributeType::S);
        let hash = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
        let made = client
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest);
        let made = made
            .attribute_definitions(key.build().unwrap())
            .key_schema(hash.build().unwrap());
        made.send().await.unwrap();
        let endpoint = "https://kyc.example".to_owned();
        Self { client, name, endpoint }
    }

    /// The breaker as one environment has it.
    pub fn breaker(&self, settings: Settings) -> Breaker {
        Breaker::at(Cloud::running().dynamodb(), &self.name, &self.endpoint, settings)
    }

    pub async fn item(&self) -> HashMap<String, AttributeValue> {
        let key = AttributeValue::S(self.endpoint.clone());
        let read = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", key)
            .consistent_read(true);
        read.send().await.unwrap().item.unwrap_or_default()
    }

    pub async fn is_open(&self) -> bool {
        self.item().await.contains_key("open_until")
    }

    /// Makes an open breaker half-open, or lets every permit end, without waiting for it.
    pub async fn end(&self, what: &str) {
        let mut item = self.item().await;
        let past = AttributeValue::N("1".to_owned());
        if let Some(AttributeValue::M(ends)) = item.get_mut(what) {
            for end in ends.values_mut() {
                *end = past.clone();
            }
        } else {
            item.insert(what.to_owned(), past);
        }
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        put.send().await.unwrap();
    }
}
