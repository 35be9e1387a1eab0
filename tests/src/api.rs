//! A request to the API, as an HTTP call or as the event that the gateway would make of it, and the answer to either.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Cloud;
use crate::signature::Keys;
use crate::token::Scope;

/// A request to one route.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    method: String,
    route: String,
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    claims: BTreeMap<String, String>,
    signer: Option<String>,
    body: Option<String>,
}

impl ApiRequest {
    /// Starts from a route key: `GET /v1/accounts/{account_id}`.
    #[must_use]
    pub fn to(route_key: &str) -> Self {
        let (method, route) = route_key.split_once(' ').expect("a route key is `METHOD /path`");
        Self {
            method: method.to_owned(),
            route: route.to_owned(),
            path: BTreeMap::new(),
            query: Vec::new(),
            headers: BTreeMap::new(),
            claims: BTreeMap::new(),
            signer: None,
            body: None,
        }
    }

    /// Claims that the gateway verified. Only the event carries them; over HTTP the token does.
    #[must_use]
    pub fn from_tenant(self, tenant: Uuid, scope: Scope) -> Self {
        self.claim("tenant_id", &tenant.to_string())
            .claim("scope", scope.as_str())
    }

    /// One verified claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: &str) -> Self {
        self.claims.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The ARN that signed, as the gateway verified. Only the event carries it, in place of a token's claims.
    #[must_use]
    pub fn signed_by(mut self, arn: &str) -> Self {
        self.signer = Some(arn.to_owned());
        self
    }

    /// Fills a `{parameter}` of the route.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl ToString) -> Self {
        self.path.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds a query parameter. Neither name nor value is escaped.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_string());
        self
    }

    /// Sets `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: impl ToString) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets a body of any type, which `content-type` should name.
    #[must_use]
    pub fn text(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").text(&body.to_string())
    }

    /// The API Gateway proxy event, payload format 2.0.
    #[must_use]
    pub fn event(&self) -> Value {
        let path = self.raw_path();
        let route_key = format!("{} {}", self.method, self.route);
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970");
        let mut headers = self.headers.clone();
        headers
            .entry("host".to_owned())
            .or_insert_with(|| "api.test".to_owned());
        let mut event = json!({
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": path,
            "rawQueryString": self.raw_query(),
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "api",
                "authorizer": self.authorizer(),
                "domainName": "api.test",
                "domainPrefix": "api",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "tests",
                },
                "requestId": Uuid::new_v4(),
                "routeKey": route_key,
                "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            },
            "isBase64Encoded": false,
        });
        // The gateway leaves out what a request does not have.
        if !self.path.is_empty() {
            event["pathParameters"] = json!(self.path);
        }
        if !self.query.is_empty() {
            let query: BTreeMap<_, _> = self.query.iter().cloned().collect();
            event["queryStringParameters"] = json!(query);
        }
        if let Some(body) = &self.body {
            event["body"] = json!(body);
        }
        event
    }

    fn authorizer(&self) -> Value {
        match &self.signer {
            None => json!({"jwt": {"claims": self.claims, "scopes": null}}),
            Some(arn) => json!({"iam": {
                "accessKey": "ASIAIOSFODNN7EXAMPLE",
                "accountId": "000000000000",
                "callerId": "AIDACKCEVSQ6C2EXAMPLE",
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": arn,
                "userId": "AIDACKCEVSQ6C2EXAMPLE",
            }}),
        }
    }

    /// Calls the deployed API; without a token the call carries no `Authorization`.
    ///
    /// # Errors
    /// When no HTTP answer came.
    pub async fn send(&self, cloud: &Cloud, token: Option<&str>) -> Result<ApiResponse, reqwest::Error> {
        let bearer = token.map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        self.send_with(cloud, bearer).await
    }

    /// Calls the deployed API, signed with these keys.
    ///
    /// # Errors
    /// When no HTTP answer came.
    pub async fn send_signed(&self, cloud: &Cloud, keys: &Keys) -> Result<ApiResponse, reqwest::Error> {
        let body = self.body.as_deref().unwrap_or_default();
        let signature = keys.sign(&cloud.aws.region, &self.method, &self.url(cloud), &self.headers, body);
        self.send_with(cloud, signature).await
    }

    async fn send_with(
        &self,
        cloud: &Cloud,
        more: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ApiResponse, reqwest::Error> {
        let method = self.method.parse().expect("a route key starts with a method");
        let mut request = reqwest::Client::new().request(method, self.url(cloud));
        for (name, value) in self.headers.clone().into_iter().chain(more) {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await?;
        let headers = response.headers().iter();
        Ok(ApiResponse {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body: response.bytes().await?.to_vec(),
        })
    }

    fn url(&self, cloud: &Cloud) -> String {
        let url = format!("{}{}", cloud.api_url, self.raw_path());
        if self.query.is_empty() {
            url
        } else {
            format!("{url}?{}", self.raw_query())
        }
    }

    fn raw_path(&self) -> String {
        let fill = |path: String, (name, value): (&String, &String)| path.replace(&format!("{{{name}}}"), value);
        self.path.iter().fold(self.route.clone(), fill)
    }

    fn raw_query(&self) -> String {
        let pairs: Vec<_> = self
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }
}

/// What the caller of the API gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    /// HTTP status code.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes, decoded if the function encoded them.
    pub body: Vec<u8>,
}

impl ApiResponse {
    /// One header, named in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The slug at the end of a problem's type: `in-progress`.
    #[must_use]
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:onceledger:problem:").unwrap_or(kind).to_owned()
    }

    /// Reads the proxy answer a function gave to an event.
    #[must_use]
    pub fn from_function(answer: Value) -> Self {
        let shown = answer.to_string();
        let proxy: Proxy =
            serde_json::from_value(answer).unwrap_or_else(|error| panic!("not a proxy answer ({error}): {shown}"));
        let body = proxy.body.unwrap_or_default();
        let mut headers = BTreeMap::new();
        for (name, values) in proxy.multi_value_headers {
            headers.insert(name.to_ascii_lowercase(), values.join(", "));
        }
        for (name, value) in proxy.headers {
            headers.insert(name.to_ascii_lowercase(), value);
        }
        Self {
            status: proxy.status_code,
            headers,
            body: if proxy.is_base64_encoded {
                STANDARD.decode(body).expect("an encoded body is base64")
            } else {
                body.into_bytes()
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proxy {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}
