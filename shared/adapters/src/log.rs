//! One structured line per request, and never a body, a token, a key or personal data in it.

/// Sends events to standard output as JSON lines with dotted field names.
pub fn to_stdout() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}
