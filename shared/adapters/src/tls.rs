//! TLS as a client.

use std::io;
use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};

/// Rustls over ring, by name: which one is the process's default depends on what else is linked.
///
/// # Errors
/// There is no protocol version to speak.
pub(crate) fn client() -> io::Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    builder.map_err(io::Error::other)
}
