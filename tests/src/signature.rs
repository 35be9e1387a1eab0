//! AWS credentials of somebody, and requests signed with them (`SigV4`), as the gateway verifies them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde::Deserialize;

/// An access key and whose it is.
#[derive(Debug, Clone, Deserialize)]
pub struct Keys {
    /// The IAM user's, or the session's.
    pub arn: String,
    /// The key's id.
    pub access_key_id: String,
    /// What is signed with.
    pub secret_access_key: String,
    /// Goes with the key of a session.
    pub session_token: Option<String>,
}

impl Keys {
    /// The headers that sign a request to the gateway.
    pub(crate) fn sign(
        &self,
        region: &str,
        method: &str,
        url: &str,
        headers: &BTreeMap<String, String>,
        body: &str,
    ) -> Vec<(String, String)> {
        let session = self.session_token.clone();
        let identity = Credentials::new(&self.access_key_id, &self.secret_access_key, session, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("execute-api")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .expect("nothing is missing");
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new(method, url, headers, SignableBody::Bytes(body.as_bytes()));
        let request = request.expect("a request can be signed");
        let (signature, _) = sign(request, &parameters.into()).expect("it is signed").into_parts();
        let headers = signature.headers();
        headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}
