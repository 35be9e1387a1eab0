//! Knowing the merchant, out through the provider's HTTPS API.
//!
//! The client is hyper's own: it follows no redirection and knows no proxy, because it has no code for either. It
//! reaches one origin, which the environment names. A connection serves one call, and no call is repeated here, so the
//! provider gets exactly as many as the breaker lets pass.

use std::future::Future;
use std::io;
use std::time::Duration;

use domain::kyc::{Answer, MAX_ANSWER_BYTES, MEDIA_TYPE, Unavailable, Verdict, Verification};
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tracing::info;

use crate::breaker::{Breaker, NoCall};
use crate::{environment, tls};

/// How long a connection may take, TLS not included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Head of an answer, and what is read ahead of its body, in bytes.
const READ_AHEAD: usize = 16 * 1024;
/// Where the provider takes questions.
const PATH: &str = "/v1/verifications";

/// Whatever verifies merchants.
pub trait Kyc {
    /// Asks once. Never fails: what cannot be had is [`Verdict::Unavailable`].
    fn verify(&self, question: &Verification) -> impl Future<Output = Verdict> + Send;
}

/// The provider.
#[derive(Clone, Debug)]
pub struct Provider {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    timeout: Duration,
}

impl Provider {
    /// The provider of this environment, trusted by the system's roots. Does not connect yet.
    ///
    /// # Errors
    /// The system has no roots.
    pub fn open(config: &environment::Kyc) -> io::Result<Self> {
        let tls = tls::client()?.with_native_roots()?.with_no_client_auth();
        Ok(Self::with(config, tls))
    }

    /// The provider, trusted by these roots alone.
    ///
    /// # Errors
    /// There is no protocol version to speak.
    pub fn trusting(config: &environment::Kyc, roots: RootCertStore) -> io::Result<Self> {
        let tls = tls::client()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self::with(config, tls))
    }

    fn with(config: &environment::Kyc, tls: ClientConfig) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls);
        let tls = if config.origin.is_https() {
            tls.https_only()
        } else {
            tls.https_or_http()
        };
        let client = Client::builder(TokioExecutor::new())
            // A kept connection may have died unseen, and trying again on another would be a second call.
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .http1_max_buf_size(READ_AHEAD)
            .build(tls.enable_http1().wrap_connector(tcp));
        Self {
            client,
            url: config.origin.with_path(PATH),
            timeout: config.timeout,
        }
    }

    async fn ask(&self, question: &Verification) -> Result<Verdict, Unavailable> {
        let mut request = Request::new(Full::from(question.body()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let key = format!("\"{}\"", question.reference)
            .parse()
            .map_err(|_| Unavailable::Unreachable)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert("idempotency-key", key);
        let response = self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                Unavailable::Unreachable
            } else {
                Unavailable::Lost
            }
        })?;
        let (head, body) = response.into_parts();
        // Nobody reads the body of an answer that is none.
        let body = if head.status == StatusCode::OK {
            read(body).await?
        } else {
            Bytes::new()
        };
        Ok(question.verdict(&Answer {
            status: head.status.as_u16(),
            media_type: media_type(&head.headers),
            body: &body,
        }))
    }
}

impl Kyc for Provider {
    async fn verify(&self, question: &Verification) -> Verdict {
        let asked = tokio::time::timeout(self.timeout, self.ask(question)).await;
        asked
            .unwrap_or(Err(Unavailable::TimedOut))
            .unwrap_or_else(Verdict::Unavailable)
    }
}

/// The one media type of an answer; `None` also if there are several.
fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    types
        .next()
        .filter(|_| types.next().is_none())
        .map(HeaderValue::as_bytes)
}

async fn read(body: Incoming) -> Result<Bytes, Unavailable> {
    let read = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
    read.map(Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            Unavailable::TooLong
        } else {
            Unavailable::Lost
        }
    })
}

/// A provider behind its breaker.
#[derive(Clone, Debug)]
pub struct Guarded<K> {
    provider: K,
    breaker: Breaker,
}

impl<K> Guarded<K> {
    /// Asks `provider` only if `breaker` allows it.
    pub const fn new(provider: K, breaker: Breaker) -> Self {
        Self { provider, breaker }
    }
}

impl<K: Kyc + Sync> Kyc for Guarded<K> {
    async fn verify(&self, question: &Verification) -> Verdict {
        let entered = match self.breaker.enter().await {
            Ok(entered) => entered,
            Err(NoCall::Refused(refused)) => return Verdict::Unavailable(refused.into()),
            Err(NoCall::Unreachable(_)) => return Verdict::Unavailable(Unavailable::BreakerUnreachable),
        };
        let asked = tokio::time::timeout_at(entered.deadline, self.provider.verify(question)).await;
        let verdict = asked.unwrap_or(Verdict::Unavailable(Unavailable::TimedOut));
        info!(kyc.reference = %question.reference, kyc.verdict = %verdict, "asked");
        self.breaker.leave(entered, verdict.ended()).await;
        verdict
    }
}
