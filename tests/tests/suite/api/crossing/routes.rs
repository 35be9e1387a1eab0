//! The routes as they are deployed.

use serde::Deserialize;
use serde_json::json;
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

const LISTING: &str = r#"
gateway = client("apigatewayv2")
(api,) = [each for each in gateway.get_apis()["Items"] if each["Name"].startswith("onceledger-")]
told = [
    {"key": route["RouteKey"], "scopes": route.get("AuthorizationScopes") or [], "authorization": route.get("AuthorizationType")}
    for route in gateway.get_routes(ApiId=api["ApiId"])["Items"]
]
"#;

#[derive(Debug, Deserialize)]
pub struct Route {
    /// `METHOD /path`
    pub key: String,
    scopes: Vec<String>,
    authorization: Option<String>,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// Who has a token of this scope.
    Scope(&'a str),
    /// Who signs.
    Signer,
}

impl Route {
    /// All of them.
    pub async fn all(cloud: &Cloud) -> Vec<Self> {
        let routes: Vec<Self> = serde_json::from_value(cloud.ask(LISTING, &json!(null)).await).unwrap();
        assert!(routes.len() > 30, "{routes:?}");
        routes
    }

    /// Panics if it is open to everybody, or to several.
    pub fn who(&self) -> Who<'_> {
        match (self.authorization.as_deref(), self.scopes.as_slice()) {
            (Some("JWT"), [scope]) => Who::Scope(scope),
            (Some("AWS_IAM"), []) => Who::Signer,
            other => panic!("{}: {other:?}", self.key),
        }
    }

    /// A request that finds nothing. What the gateway refuses, no function looks at.
    pub fn request(&self) -> ApiRequest {
        let parameters = self.key.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let request = ApiRequest::to(&self.key).key(Uuid::new_v4());
        let request = parameters.fold(request, |request, name| request.path(name, Uuid::new_v4()));
        if self.key.starts_with("GET ") {
            request
        } else {
            request.json(&json!({}))
        }
    }
}
