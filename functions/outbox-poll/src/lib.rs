//! The Lambda function `outbox-poll`.
