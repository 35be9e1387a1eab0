//! The Lambda function `notify`.
