//! What a function shows the database instead of a password: a request to connect as its database role, signed with the keys
//! of its execution role (`SigV4`), whose policy has to allow `rds-db:connect` for that one.

use std::iter;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use hyper::Request;

use super::Failure;
use crate::environment::{Database, Iam};

/// How long a token opens connections: AWS takes none for longer. What it has opened stays open, and the next connection has
/// a token of its own.
const LIFETIME: Duration = Duration::from_mins(15);

/// A token, good from `now` on.
///
/// # Errors
/// There are no keys to sign with, or the names that the environment gave are none. Never says the token.
pub(super) async fn signed(iam: &Iam, database: &Database, now: SystemTime) -> Result<String, Failure> {
    let identity = iam.credentials.provide_credentials().await?.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&iam.region)
        .name("rds-db")
        .time(now)
        .settings(settings)
        .build()?;
    let (host, port, user) = (&database.host, database.port, &database.user);
    let url = format!("https://{host}:{port}/?Action=connect&DBUser={user}");
    let request = SignableRequest::new("GET", url.as_str(), iter::empty(), SignableBody::empty())?;
    let (instructions, _) = sign(request, &parameters.into())?.into_parts();
    let mut request = Request::get(&url).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let url = request.uri().to_string();
    Ok(url.strip_prefix("https://").unwrap_or(&url).to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use rustls::RootCertStore;

    use super::*;
    use crate::environment::Auth;

    /// What AWS's own generator of such tokens makes of the same: the example that its tests have.
    #[tokio::test]
    async fn a_token_is_what_awss_own_generator_makes() {
        let iam = Iam {
            region: "us-east-1".to_owned(),
            credentials: SharedCredentialsProvider::new(Credentials::new("akid", "secret", None, None, "test")),
            roots: Arc::new(RootCertStore::empty()),
        };
        let database = Database {
            host: "prod-instance.us-east-1.rds.amazonaws.com".to_owned(),
            port: 3306,
            name: "onceledger".to_owned(),
            user: "peccy".to_owned(),
            auth: Auth::Iam(iam.clone()),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(479_086);
        let token = signed(&iam, &database, now).await.unwrap();
        assert_eq!(
            token,
            "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request&X-Amz-Date=20240826T220000Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89"
        );
    }
}
