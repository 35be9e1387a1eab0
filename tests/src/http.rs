//! A small HTTP/1.1 server: whole bodies in, whole bodies out.

use std::future::Future;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What a handler returns to close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
pub(crate) struct Hangup;

/// Listens on a free loopback port.
pub(crate) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a loopback port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    (listener, port)
}

/// Serves until the returned set is dropped, which ends every connection with it.
pub(crate) fn serve<H, F>(listener: TcpListener, handler: H) -> JoinSet<()>
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Bytes>, Hangup>> + Send + 'static,
{
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            // Small answers leave at once; Nagle's delay would be read as the function's own time.
            let _ = stream.set_nodelay(true);
            let handler = handler.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let handler = handler.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map_err(|_| Hangup)?.to_bytes();
                    handler(Request::from_parts(head, body))
                        .await
                        .map(|answer| answer.map(Full::new))
                }
            });
            connections.spawn(async move {
                // An error here is a peer that was killed or a hang-up asked for by the test.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    server
}
