//! The Lambda function `analytics`.

fn main() {}
