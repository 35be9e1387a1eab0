//! The Lambda function `dead-letters`.

fn main() {}
