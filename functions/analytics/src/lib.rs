//! The Lambda function `analytics`.
