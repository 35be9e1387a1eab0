//! The Lambda function `dead-letters`.
