//! The Lambda function `outbox-poll`.

fn main() {}
