//! Access tokens: real ones from the local cloud's issuer, and forgeries of them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::cloud::Cloud;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A merchant's own accounts and payments.
    Merchant,
    /// The onboarding of merchants.
    Platform,
    /// What could not be announced.
    Operator,
}

impl Scope {
    /// The scope as it stands in the token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merchant => "onceledger/merchant",
            Self::Platform => "onceledger/platform",
            Self::Operator => "onceledger/operator",
        }
    }
}

/// A token of a merchant's own account.
pub async fn merchant(cloud: &Cloud, tenant: Uuid) -> String {
    mint(cloud, &["merchant", &tenant.to_string()]).await
}

/// Tokens of so many new merchants' accounts, each with its tenant. Much faster than one after the other.
pub async fn fresh(cloud: &Cloud, count: usize) -> Vec<(Uuid, String)> {
    let minted = mint(cloud, &["fresh", &count.to_string()]).await;
    let pair = |line: &str| {
        let (tenant, token) = line.split_once(' ')?;
        Some((tenant.parse().ok()?, token.to_owned()))
    };
    minted
        .lines()
        .map(|line| pair(line).expect("a line is a tenant and its token"))
        .collect()
}

/// A token of the platform's account. It has no tenant.
pub async fn platform(cloud: &Cloud) -> String {
    mint(cloud, &["platform"]).await
}

/// A token of the operator of that name. It has no tenant; its `sub` is the same for the same name.
pub async fn operator(cloud: &Cloud, name: &str) -> String {
    mint(cloud, &["operator", name]).await
}

/// A token of a merchant's scope whose account names no tenant.
pub async fn tenantless(cloud: &Cloud) -> String {
    mint(cloud, &["tenantless"]).await
}

/// A merchant's token that was good a moment ago.
pub async fn expired(cloud: &Cloud, tenant: Uuid) -> String {
    let token = mint(cloud, &["brief", &tenant.to_string()]).await;
    // It lasts one second; `exp` is in whole seconds.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    token
}

/// Has the issuer sign a token: `merchant <tenant>`, `platform`, `operator <name>`, `tenantless`, `fresh <count>`, or
/// `brief <tenant>` for one that lasts a second.
async fn mint(cloud: &Cloud, account: &[&str]) -> String {
    let Some((program, arguments)) = cloud.mint_token.split_first() else {
        panic!("the state file does not say how to mint a token");
    };
    let minted = Command::new(program)
        .args(arguments)
        .args(account)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .await
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let complaint = String::from_utf8_lossy(&minted.stderr);
    assert!(minted.status.success(), "no token for {account:?}: {complaint}");
    String::from_utf8(minted.stdout)
        .expect("a token is text")
        .trim()
        .to_owned()
}

/// The same claims under `alg: none`, without a signature.
#[must_use]
pub fn alg_none(token: &str) -> String {
    let [_, claims, _] = parts(token);
    format!("{}.{claims}.", encode(&json!({"alg": "none", "typ": "JWT"})))
}

/// The same header and claims, without a signature.
#[must_use]
pub fn unsigned(token: &str) -> String {
    let [header, claims, _] = parts(token);
    format!("{header}.{claims}.")
}

/// One claim changed under the old signature.
#[must_use]
pub fn tampered(token: &str, claim: &str, value: &str) -> String {
    let [header, _, signature] = parts(token);
    let mut claims = claims(token);
    claims[claim] = value.into();
    format!("{header}.{}.{signature}", encode(&claims))
}

/// What a token says.
#[must_use]
pub fn claims(token: &str) -> Value {
    let [_, claims, _] = parts(token);
    let decoded = URL_SAFE_NO_PAD.decode(claims).expect("claims are base64url");
    serde_json::from_slice(&decoded).expect("claims are JSON")
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("a signed token has three parts")
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
