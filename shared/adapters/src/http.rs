//! HTTP in and out: what every route reads of a request, and the one place that answers.

pub mod page;

use std::future::Future;
use std::time::Instant;

use domain::answer::Answer;
use domain::ids::{ClientKey, TenantId};
use domain::justification::Asker;
use domain::principal::Principal;
use domain::problem::Problem;
use domain::problem_body::ProblemBody;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::http::{HeaderName, StatusCode, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use serde::Serialize;
use time::OffsetDateTime;

use crate::ledger::LedgerError;
use crate::once::{Origin, Reply};

/// The largest body that is read, in bytes.
pub const LARGEST_BODY: usize = 16 * 1024;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a route reads of a request.
#[derive(Debug)]
pub struct Call(Request);

impl Call {
    /// The tenant, from the verified token and from nowhere else.
    ///
    /// # Errors
    /// `tenant-missing`
    pub fn tenant(&self) -> Result<TenantId, Problem> {
        match self.claim("tenant_id").ok_or(Problem::TenantMissing)?.parse() {
            // The house's own accounts are no merchant's, whatever a token says.
            Ok(tenant) if tenant != TenantId::PLATFORM => Ok(tenant),
            Ok(_) | Err(_) => Err(Problem::TenantMissing),
        }
    }

    /// Whose token it is, as its issuer knows the bearer: `sub`, verified, for the audit.
    ///
    /// # Errors
    /// `actor-missing`
    pub fn actor(&self) -> Result<String, Problem> {
        let actor = self.claim("sub").filter(|actor| !actor.trim().is_empty());
        actor.map(str::to_owned).ok_or(Problem::ActorMissing)
    }

    /// Who signed the request with AWS credentials, as the gateway verified: an operator who can be held to account. Of a
    /// token nothing is taken for that.
    ///
    /// # Errors
    /// `actor-missing`
    pub fn operator(&self) -> Result<Principal, Problem> {
        let authorizer = self.context().and_then(|context| context.authorizer.as_ref());
        let arn = authorizer.and_then(|authorizer| authorizer.iam.as_ref()?.user_arn.as_deref());
        arn.and_then(|arn| arn.parse().ok()).ok_or(Problem::ActorMissing)
    }

    /// Who asks for something that has to be justified, by which request, and when.
    #[must_use]
    pub fn asked_by(&self, actor: &str) -> Asker {
        let request_id = self.context().and_then(|context| context.request_id.clone());
        Asker {
            actor: actor.to_owned(),
            request_id: request_id.unwrap_or_default(),
            at: OffsetDateTime::now_utc(),
        }
    }

    /// The client's key.
    ///
    /// # Errors
    /// `idempotency-key-missing`, `idempotency-key-malformed`; two of them are malformed too.
    pub fn idempotency_key(&self) -> Result<ClientKey, Problem> {
        let mut values = self.0.headers().get_all(IDEMPOTENCY_KEY).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(Problem::IdempotencyKeyMalformed);
        }
        let text = first.map(|value| value.to_str()).transpose();
        Ok(ClientKey::parse(text.map_err(|_| Problem::IdempotencyKeyMalformed)?)?)
    }

    /// The bytes of a JSON body.
    ///
    /// # Errors
    /// `unsupported-media-type`, `body-too-large`
    pub fn json(&self) -> Result<&[u8], Problem> {
        let media_type = self
            .0
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|value| value.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Problem::UnsupportedMediaType);
        }
        let body: &[u8] = self.0.body().as_ref();
        if body.len() > LARGEST_BODY {
            return Err(Problem::BodyTooLarge);
        }
        Ok(body)
    }

    /// An id in the path.
    ///
    /// # Errors
    /// `not-found`: what is no id names nothing.
    pub fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        let parameters = self.0.path_parameters_ref().ok_or(Problem::NotFound)?;
        parameters
            .first(name)
            .and_then(|text| text.parse().ok())
            .ok_or(Problem::NotFound)
    }

    /// Whether the route names something in its path.
    #[must_use]
    pub fn has_path_parameters(&self) -> bool {
        self.0
            .path_parameters_ref()
            .is_some_and(|parameters| !parameters.is_empty())
    }

    /// A parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.0.query_string_parameters_ref()?.first(name)
    }

    /// The route the gateway chose, such as `GET /v1/payments`.
    #[must_use]
    pub fn route(&self) -> &str {
        self.context()
            .and_then(|context| context.route_key.as_deref())
            .unwrap_or_default()
    }

    /// A claim of the token that the gateway verified.
    fn claim(&self, name: &str) -> Option<&str> {
        let jwt = self.context()?.authorizer.as_ref()?.jwt.as_ref()?;
        jwt.claims.get(name).map(String::as_str)
    }

    fn context(&self) -> Option<&ApiGatewayV2httpRequestContext> {
        match self.0.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => Some(context),
            Some(_) | None => None,
        }
    }
}

/// A success, not yet rendered.
#[derive(Clone, Debug)]
pub struct Success {
    answer: Answer,
    origin: Option<Origin>,
    replayed: bool,
    location: Option<String>,
}

impl Success {
    /// A JSON document.
    ///
    /// # Errors
    /// `internal`, should it not be one.
    pub fn json(status: u16, document: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(error = %error, "an answer cannot be rendered");
            Problem::Internal
        })?;
        Ok(Self::rendered(status, body))
    }

    /// A JSON document that was rendered already.
    #[must_use]
    pub fn rendered(status: u16, body: Vec<u8>) -> Self {
        let content_type = "application/json".to_owned();
        Self {
            answer: Answer {
                status,
                content_type,
                body,
            },
            origin: None,
            replayed: false,
            location: None,
        }
    }

    /// The same, with where to look what became of it.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// The same, marked as the repetition of an earlier answer if it is one.
    #[must_use]
    pub const fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }
}

impl From<Reply> for Success {
    fn from(reply: Reply) -> Self {
        Self {
            replayed: reply.origin != Origin::Decided,
            origin: Some(reply.origin),
            // Only settlements are accepted and then followed.
            location: (reply.answer.status == StatusCode::ACCEPTED).then(|| format!("/v1/settlements/{}", reply.id)),
            answer: reply.answer,
        }
    }
}

/// Answers a request by `route`, and logs one line of it.
pub async fn answer<Route, Answering>(request: Request, route: Route) -> Response<Body>
where
    Route: FnOnce(Call) -> Answering,
    Answering: Future<Output = Result<Success, ProblemBody>>,
{
    let began = Instant::now();
    let call = Call(request);
    let (name, tenant) = (call.route().to_owned(), call.tenant().ok());
    let ended = route(call).await;
    let (status, outcome) = match &ended {
        Ok(success) => (success.answer.status, success.origin.map_or("", Origin::as_str)),
        Err(problem) => (problem.status(), problem.problem().slug()),
    };
    tracing::info!(
        http.route = name,
        http.status = status,
        tenant.id = tenant.map(|tenant| tenant.to_string()),
        idempotency.outcome = outcome,
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request"
    );
    match ended {
        Ok(Success {
            answer,
            replayed,
            location,
            ..
        }) => {
            let replayed = replayed.then(|| (REPLAYED, "true".to_owned()));
            render(
                answer,
                replayed.into_iter().chain(location.map(|at| (header::LOCATION, at))),
            )
        }
        Err(problem) => {
            let retry_after = problem.retry_after();
            let retry_after = retry_after.map(|seconds| (header::RETRY_AFTER, seconds.to_string()));
            render(problem.answer(), retry_after)
        }
    }
}

fn render(answer: Answer, more: impl IntoIterator<Item = (HeaderName, String)>) -> Response<Body> {
    let mut response = Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, answer.content_type)
        .header(header::CACHE_CONTROL, "no-store");
    for (name, value) in more {
        response = response.header(name, value);
    }
    // Every answer is JSON, which is text.
    let body = String::from_utf8(answer.body).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text);
    response.body(body).unwrap_or_else(|error| {
        tracing::error!(error = %error, "a response cannot be built");
        let mut failed = Response::new(Body::Empty);
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// What a route on which no money moves says when the ledger fails it.
impl From<LedgerError> for ProblemBody {
    fn from(error: LedgerError) -> Self {
        tracing::warn!(error = %error, "the ledger failed a request");
        let problem = if error.passing() {
            Problem::LedgerUnavailable
        } else {
            Problem::Internal
        };
        problem.into()
    }
}
