//! A merchant with customers, and what lies in the vault of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use crate::api::merchant::Merchant;

pub const CUSTOMER: &str = "/v1/customers/{customer_id}";
pub const ACCOUNT: &str = "PUT /v1/customers/{customer_id}/accounts/{account_id}";

pub type Item = HashMap<String, AttributeValue>;

/// A tenant whom nobody has met, in the vault of a running cloud.
pub struct Scene {
    pub cloud: Cloud,
    pub tenant: Uuid,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// One of the vault's two tables.
#[derive(Clone, Copy, Debug)]
pub enum Table {
    Records,
    Keys,
}

impl Scene {
    /// The tenant needs no account: those who link some onboard a merchant.
    pub fn new() -> Self {
        Self::of(Uuid::new_v4())
    }

    pub fn of(tenant: Uuid) -> Self {
        let cloud = Cloud::running();
        Self {
            dynamodb: cloud.dynamodb(),
            tenant,
            cloud,
        }
    }

    /// A process of its own, which keeps keys as long as the deployed one.
    pub async fn function(&self) -> Function {
        Function::of(&self.cloud, "keep-customers").start().await.unwrap()
    }

    /// The event of a request by this tenant.
    pub fn request(&self, method: &str, customer: Uuid) -> ApiRequest {
        ApiRequest::to(&format!("{method} {CUSTOMER}"))
            .path("customer_id", customer)
            .from_tenant(self.tenant, Scope::Merchant)
    }

    pub async fn keep(&self, function: &Function, customer: Uuid, body: &Value) -> ApiResponse {
        function.call(&self.request("PUT", customer).json(body)).await.unwrap()
    }

    pub async fn show(&self, function: &Function, customer: Uuid) -> ApiResponse {
        function.call(&self.request("GET", customer)).await.unwrap()
    }

    /// What the route shows of somebody who must be there.
    pub async fn shown(&self, function: &Function, customer: Uuid) -> Value {
        let shown = self.show(function, customer).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.json()
    }

    pub fn table(&self, table: Table) -> &str {
        match table {
            Table::Records => self.cloud.resource("Customers"),
            Table::Keys => self.cloud.resource("CustomerKeys"),
        }
    }

    /// An item as it lies there.
    pub async fn item(&self, table: Table, sort: &str) -> Option<Item> {
        let key = self.key(sort);
        let got = self
            .dynamodb
            .get_item()
            .table_name(self.table(table))
            .set_key(Some(key))
            .send();
        got.await.unwrap().item
    }

    /// The record, or the key, of a customer who is there.
    pub async fn of_customer(&self, table: Table, customer: Uuid) -> Item {
        let item = self.item(table, &format!("customer#{customer}")).await;
        item.unwrap_or_else(|| panic!("{table:?} has nothing of {customer}"))
    }

    /// Puts an item as it is given, under the key it names.
    pub async fn put(&self, table: Table, item: Item) {
        let put = self
            .dynamodb
            .put_item()
            .table_name(self.table(table))
            .set_item(Some(item));
        put.send().await.unwrap();
    }

    pub async fn delete(&self, table: Table, sort: &str) {
        let key = self.key(sort);
        let deleted = self
            .dynamodb
            .delete_item()
            .table_name(self.table(table))
            .set_key(Some(key))
            .send();
        deleted.await.unwrap();
    }

    /// Erases a customer's key as erasure does: the id stays taken.
    pub async fn erase_key(&self, customer: Uuid) {
        let updated = self
            .dynamodb
            .update_item()
            .table_name(self.table(Table::Keys))
            .set_key(Some(self.key(&format!("customer#{customer}"))))
            .update_expression("SET #state = :erased REMOVE #wrapped, accounts, tenant_key")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#wrapped", "wrapped")
            .expression_attribute_values(":erased", AttributeValue::S("erased".to_owned()));
        updated.send().await.unwrap();
    }

    /// All items of a table, of whatever tenant.
    pub async fn scan(&self, table: Table) -> Vec<Item> {
        let pages = self
            .dynamodb
            .scan()
            .table_name(self.table(table))
            .consistent_read(true)
            .into_paginator()
            .items();
        pages.send().collect::<Result<_, _>>().await.unwrap()
    }

    /// The name of the tenant's secret.
    pub fn secret(&self) -> String {
        let prefix = &self.cloud.function("keep-customers").environment["TENANT_KEYS"];
        format!("{prefix}/{}", self.tenant)
    }

    /// The tenant's keys as the secret has them, and how many versions of it can be asked for.
    pub async fn ring(&self) -> (Value, u64) {
        let script = r#"
secrets = client("secretsmanager")
ring = json.loads(secrets.get_secret_value(SecretId=given)["SecretString"])
told = [ring, len(secrets.list_secret_version_ids(SecretId=given)["Versions"])]
"#;
        let told = self.cloud.ask(script, &json!(self.secret())).await;
        (told[0].clone(), told[1].as_u64().unwrap())
    }

    fn key(&self, sort: &str) -> Item {
        [("pk", format!("tenant#{}", self.tenant)), ("sk", sort.to_owned())]
            .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
            .into()
    }
}

/// A link of an account to a customer.
pub fn linking(customer: Uuid, account: Uuid) -> ApiRequest {
    ApiRequest::to(ACCOUNT)
        .path("customer_id", customer)
        .path("account_id", account)
}

/// What is known of somebody, all of it named by `word`.
pub fn person(word: &str) -> Value {
    json!({
        "name": format!("{word} Lovelace"),
        "email": format!("{word}@example.com"),
        "phone": "+442079460958",
        "address": {
            "lines": [format!("{word} House"), "St James's Square"], "city": format!("{word}ton"),
            "postal_code": "SW1Y 4JH", "region": null, "country": "GB",
        },
        "details": {"size": word},
    })
}

/// A person as the route shows one.
pub fn document(customer: Uuid, person: &Value, version: u64, accounts: &[Uuid], shown: &Value) -> Value {
    let mut document = person.clone();
    document["id"] = json!(customer);
    document["object"] = json!("customer");
    document["version"] = json!(version);
    document["accounts"] = json!(accounts);
    document["updated_at"] = shown["updated_at"].clone();
    document
}

/// A request over HTTP, by the deployed function in its role.
pub fn over_http(method: &str, customer: Uuid) -> ApiRequest {
    ApiRequest::to(&format!("{method} {CUSTOMER}")).path("customer_id", customer)
}

/// A merchant who has made a customer over HTTP.
pub async fn with_customer(cloud: &Cloud) -> (Merchant, Uuid) {
    let (us, customer) = (Merchant::onboard(cloud).await, Uuid::new_v4());
    let made = us.send(&over_http("PUT", customer).json(&person("Ada"))).await;
    assert_eq!(made.status, 201, "{made:?}");
    (us, customer)
}
