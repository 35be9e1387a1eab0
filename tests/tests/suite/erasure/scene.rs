//! Somebody who erases, and what is kept and certified.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::erasure::certificate::{Certificate, Certified};
use domain::signature::PublicKey;
use serde_json::{Value, json};
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use tests::token::Scope;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::api::merchant::Merchant;
use crate::buckets::s3;
use crate::vault::scene::{Scene, Table, linking, person};

pub const ADA: &str = "arn:aws:iam::123456789012:user/ada";
pub const ERASURES: &str = "POST /v1/compliance/erasures";
pub const ERASURE: &str = "GET /v1/compliance/erasures/{erasure_id}";
pub const WHY: &str = "asked for by letter";

const PUBLIC_KEY: &str = r#"
import base64
told = base64.b64encode(client("kms").get_public_key(KeyId=given)["PublicKey"]).decode()
"#;

const SECRETS: &str = r#"
told = [each["Name"] for page in client("secretsmanager").get_paginator("list_secrets").paginate() for each in page["SecretList"]]
"#;

/// A merchant with customers, and who erases them: processes of the test's own, bound by no role.
pub struct Office {
    pub cloud: Cloud,
    pub merchant: Merchant,
    pub vault: Scene,
    /// `keep-customers`, warm.
    pub keeper: Function,
    /// `erase-pii`
    pub eraser: Function,
}

impl Office {
    pub async fn open() -> Self {
        Self::with(&[]).await
    }

    /// Both functions with these variables as they are given.
    pub async fn with(settings: &[(&str, String)]) -> Self {
        let cloud = Cloud::running();
        let merchant = Merchant::onboard(&cloud).await;
        let function = |name| {
            let setup = Function::of(&cloud, name);
            let set = |setup: Setup, (name, value): &(&str, String)| setup.set(name, value);
            settings.iter().fold(setup, set).start()
        };
        Self {
            vault: Scene::of(merchant.tenant),
            keeper: function("keep-customers").await.unwrap(),
            eraser: function("erase-pii").await.unwrap(),
            merchant,
            cloud,
        }
    }

    pub fn tenant(&self) -> Uuid {
        self.merchant.tenant
    }

    /// A new customer, who has an account.
    pub async fn customer(&self, word: &str) -> (Uuid, Uuid) {
        let customer = Uuid::new_v4();
        // On a busy machine the vault may ask for patience.
        let told = person(word);
        let keep =
            async || Some(self.vault.keep(&self.keeper, customer, &told).await).filter(|kept| kept.status != 503);
        let kept = until(keep, || "nobody was stored".to_owned()).await;
        assert!([200, 201].contains(&kept.status), "{kept:?}");
        let account = self.merchant.open(&json!({"kind": "buyer", "currency": "EUR"})).await;
        let link = linking(customer, account).from_tenant(self.tenant(), Scope::Merchant);
        let link = async || Some(self.keeper.call(&link).await.unwrap()).filter(|linked| linked.status != 503);
        let linked = until(link, || "no account was linked".to_owned()).await;
        assert_eq!(linked.status, 200, "{linked:?}");
        (customer, account)
    }

    /// What the vault answers about a customer: its status.
    pub async fn status(&self, customer: Uuid) -> u16 {
        self.vault.show(&self.keeper, customer).await.status
    }

    /// Carries out what an event asks for; the message is dealt with.
    pub async fn erase(&self, erasure: Uuid, customer: Option<Uuid>) {
        let answer = self.eraser.invoke(&event(erasure, self.tenant(), customer)).await;
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    }

    /// An erasure as it is shown.
    pub async fn erasure(&self, erasure: Uuid) -> Value {
        let shown = self.ask(ApiRequest::to(ERASURE).path("erasure_id", erasure)).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.json()
    }

    /// A request that Ada signed.
    pub async fn ask(&self, request: ApiRequest) -> ApiResponse {
        self.eraser.call(&request.signed_by(ADA)).await.unwrap()
    }

    /// All versions of a certificate that are kept.
    pub async fn kept(&self, erasure: Uuid) -> Vec<Vec<u8>> {
        kept(&self.cloud, erasure).await
    }

    /// The only certificate of an erasure, checked with the public key.
    pub async fn certificate(&self, erasure: Uuid) -> Certificate {
        let kept = self.kept(erasure).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        let certified = Certified::read(&kept[0]).unwrap();
        certified.open(&public_key(&self.cloud).await).unwrap()
    }

    /// Insists that nothing is left of an erased customer but the mark and the fingerprints.
    pub async fn is_gone(&self, customer: Uuid, account: Uuid) {
        assert_eq!(self.status(customer).await, 410);
        assert!(
            self.vault
                .item(Table::Records, &format!("customer#{customer}"))
                .await
                .is_none()
        );
        assert!(
            self.vault
                .item(Table::Keys, &format!("account#{account}"))
                .await
                .is_none()
        );
        let key = self.vault.of_customer(Table::Keys, customer).await;
        let left: BTreeSet<_> = key.keys().map(String::as_str).collect();
        let marks = [
            "pk",
            "sk",
            "state",
            "generation",
            "wrapped_sha256",
            "sealed_sha256",
            "erasure",
            "erased_at",
        ];
        assert_eq!(left, marks.into());
    }
}

/// All versions of a certificate, newest first, and of nothing that lies beside it.
pub async fn kept(cloud: &Cloud, erasure: Uuid) -> Vec<Vec<u8>> {
    let (s3, bucket) = (s3(cloud), cloud.resource("Certificates"));
    let key = format!("certificates/{erasure}.json");
    let listed = s3
        .list_object_versions()
        .bucket(bucket)
        .prefix(&key)
        .send()
        .await
        .unwrap();
    let mut kept = Vec::new();
    for version in listed.versions().iter().filter(|version| version.key() == Some(&key)) {
        let object = s3.get_object().bucket(bucket).key(&key);
        let object = object.version_id(version.version_id().unwrap()).send().await.unwrap();
        kept.push(object.body.collect().await.unwrap().to_vec());
    }
    kept
}

/// The public half of the key of certificates, as it is published.
pub async fn public_key(cloud: &Cloud) -> PublicKey {
    static KEY: OnceCell<PublicKey> = OnceCell::const_new();
    let ask = || public_key_of(cloud, cloud.resource("CertificateKey"));
    KEY.get_or_init(ask).await.clone()
}

/// That of any key.
pub async fn public_key_of(cloud: &Cloud, key: &str) -> PublicKey {
    let told = cloud.ask(PUBLIC_KEY, &json!(key)).await;
    PublicKey::from_der(&STANDARD.decode(told.as_str().unwrap()).unwrap()).unwrap()
}

/// The names of all secrets.
pub async fn secrets(cloud: &Cloud) -> Vec<String> {
    serde_json::from_value(cloud.ask(SECRETS, &json!(null)).await).unwrap()
}

/// What is asked for, as a request's body. No customer: the tenant.
pub fn wanted(tenant: Uuid, customer: Option<Uuid>) -> Value {
    match customer {
        Some(customer) => json!({"scope": "subject", "tenant_id": tenant, "customer_id": customer, "reason": WHY}),
        None => json!({"scope": "tenant", "tenant_id": tenant, "reason": WHY}),
    }
}

/// The same as the queue hands it out.
pub fn event(erasure: Uuid, tenant: Uuid, customer: Option<Uuid>) -> Value {
    let mut detail = wanted(tenant, customer);
    detail["erasure_id"] = json!(erasure);
    detail["asked_by"] = json!(ADA);
    delivered(&detail)
}

/// A detail as the bus and the queue wrap it.
pub fn delivered(detail: &Value) -> Value {
    let body = json!({
        "version": "0", "id": Uuid::new_v4(), "detail-type": "compliance.erasure-requested",
        "source": "onceledger.compliance", "account": "123456789012", "detail": detail,
    });
    json!({"Records": [{"messageId": "1", "receiptHandle": "1", "body": body.to_string(), "eventSource": "aws:sqs"}]})
}

/// What the audit holds of an erasure or a hold: act and outcome, oldest first.
pub async fn audited(cloud: &Cloud, words: impl ToString) -> Vec<(String, String)> {
    let sql = "SELECT act, outcome FROM ledger.audit WHERE subject LIKE '%' || $1 || '%' ORDER BY id";
    let auditor = cloud.as_role("auditor").await;
    let rows = auditor.query(sql, &[&words.to_string()]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

pub fn acts(acts: &[(&str, &str)]) -> Vec<(String, String)> {
    acts.iter()
        .map(|(act, outcome)| ((*act).to_owned(), (*outcome).to_owned()))
        .collect()
}
