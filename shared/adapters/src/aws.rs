//! How the functions reach AWS: credentials, region and endpoints from the SDK's own variables, TLS by rustls over
//! ring.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// What a service's client is built from.
pub(crate) async fn reach(timeouts: TimeoutConfig, retries: RetryConfig) -> SdkConfig {
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    aws_config::from_env()
        .http_client(client.build_https())
        .timeout_config(timeouts)
        .retry_config(retries)
        .load()
        .await
}

/// A second to connect, and this long for an attempt from its beginning to its end.
pub(crate) fn attempts_of(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(attempt)
        .build()
}

/// The service's code for its error, or how the call failed on the way. Never a message: it may repeat what was sent.
pub(crate) fn error_name<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let on_the_way = match error {
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::TimeoutError(_) => "TimeoutError",
        SdkError::DispatchFailure(_) => "DispatchFailure",
        SdkError::ResponseError(_) => "ResponseError",
        SdkError::ServiceError(_) | _ => "ServiceError",
    };
    error.code().unwrap_or(on_the_way).to_owned()
}
