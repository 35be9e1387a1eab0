//! What stands before the pooler as AWS's proxy stands before the database: it takes TLS alone and asks for a password. Which
//! password it was, and whatever else came to it, a test may see.

use std::io;
use std::sync::{Arc, Mutex};

use adapters::environment::{Auth, Database, Iam};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use rustls::{RootCertStore, ServerConfig};
use tests::cloud::Cloud;
use tests::patience::until;
use time::Duration as Span;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, shown};

/// The name that the front has, and by which it is reached: a name, as in AWS, and no address.
pub const NAME: &str = "localhost";
/// The role that signs in.
pub const ROLE: &str = "poller";
/// Where it says it is.
pub const REGION: &str = "eu-central-1";

/// The question whether a server speaks TLS: the only thing that is said without.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const CLEARTEXT_PASSWORD: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
const REFUSED: &[u8] = b"SFATAL\0VFATAL\0C28000\0MPAM authentication failed\0\0";

/// What came over one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// First of all, whether the server speaks TLS was asked.
    pub asked_for_tls: bool,
    /// What was said after that without TLS.
    pub in_clear: Vec<u8>,
    /// What the client calls itself and what it wants, over TLS.
    pub startup: String,
    /// What it showed for that, over TLS.
    pub password: Option<String>,
    /// It is over.
    pub ended: bool,
}

/// Who answers.
pub enum Server {
    /// One that speaks TLS, and lets everybody in.
    Tls(ServerConfig),
    /// One that speaks TLS, and lets nobody in.
    Refusing(ServerConfig),
    /// One that does not speak TLS.
    Plain,
}

/// Listens until dropped.
pub struct Front {
    pub port: u16,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    server: Server,
    upstream: String,
    calls: Mutex<Vec<Call>>,
    hung_up: watch::Sender<()>,
}

impl Front {
    /// Before the pooler of the cloud.
    pub async fn start(cloud: &Cloud, server: Server) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server,
            upstream: format!("{}:{}", cloud.pgbouncer.host, cloud.pgbouncer.port),
            calls: Mutex::default(),
            hung_up: watch::Sender::new(()),
        });
        let (mut accepting, serving) = (JoinSet::new(), Arc::clone(&shared));
        accepting.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                sessions.spawn(async move {
                    let nth = shared.begun();
                    let mut hung_up = shared.hung_up.subscribe();
                    // How a call ends is the client's affair; what it said until then is noted.
                    tokio::select! {
                        _ = shared.serve(nth, stream) => {}
                        _ = hung_up.changed() => {}
                    }
                    shared.note(nth, |call| call.ended = true);
                });
            }
        });
        Self {
            port,
            shared,
            _server: accepting,
        }
    }

    /// As it should be: it lets everybody in, and proves its name by `authority`.
    pub async fn sound(cloud: &Cloud, authority: &Authority) -> Self {
        Self::start(cloud, Server::Tls(shown(authority, NAME, Span::days(1)))).await
    }

    /// What came so far, a call after the other.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The tokens that came so far.
    pub fn tokens(&self) -> Vec<String> {
        self.calls().into_iter().filter_map(|call| call.password).collect()
    }

    /// What came over the only call, when that is over.
    pub async fn the_call(&self) -> Call {
        let ended = || async {
            let calls = self.calls();
            let [call] = calls.as_slice() else { return None };
            call.ended.then(|| call.clone())
        };
        until(ended, || format!("one call that is over: {:?}", self.calls())).await
    }

    /// Ends all calls.
    pub fn hang_up(&self) {
        self.shared.hung_up.send_replace(());
    }

    /// The way to here, for who trusts `roots` alone.
    pub fn database(&self, cloud: &Cloud, roots: RootCertStore, credentials: SharedCredentialsProvider) -> Database {
        Database {
            host: NAME.to_owned(),
            port: self.port,
            name: cloud.postgres.database.clone(),
            user: ROLE.to_owned(),
            auth: Auth::Iam(Iam {
                region: REGION.to_owned(),
                credentials,
                roots: Arc::new(roots),
            }),
        }
    }
}

impl Shared {
    fn begun(&self) -> usize {
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call::default());
        calls.len() - 1
    }

    fn note(&self, nth: usize, change: impl FnOnce(&mut Call)) {
        change(&mut self.calls.lock().unwrap()[nth]);
    }

    async fn serve(&self, nth: usize, mut stream: TcpStream) -> io::Result<()> {
        let mut first = [0; SSL_REQUEST.len()];
        stream.read_exact(&mut first).await?;
        self.note(nth, |call| call.asked_for_tls = first == SSL_REQUEST);
        let (tls, is_refusing) = match &self.server {
            Server::Tls(tls) => (tls, false),
            Server::Refusing(tls) => (tls, true),
            Server::Plain => {
                stream.write_all(b"N").await?;
                let mut said = Vec::new();
                stream.read_to_end(&mut said).await?;
                self.note(nth, |call| call.in_clear = said);
                return Ok(());
            }
        };
        stream.write_all(b"S").await?;
        let mut stream = TlsAcceptor::from(Arc::new(tls.clone())).accept(stream).await?;
        let (startup, _) = said(&mut stream, 0).await?;
        self.note(nth, |call| call.startup = text(&startup[8..]));
        stream.write_all(&CLEARTEXT_PASSWORD).await?;
        let (password, kind) = said(&mut stream, 1).await?;
        assert_eq!(kind, Some(b'p'));
        self.note(nth, |call| call.password = Some(text(&password[5..])));
        if is_refusing {
            let length = u32::try_from(REFUSED.len() + 4).unwrap().to_be_bytes();
            stream.write_all(&[b"E", length.as_slice(), REFUSED].concat()).await?;
            return stream.shutdown().await;
        }
        let mut onward = TcpStream::connect(&self.upstream).await?;
        onward.write_all(&startup).await?;
        copy_bidirectional(&mut stream, &mut onward).await.map(|_| ())
    }
}

/// One whole message, and its type if it has one.
async fn said(stream: &mut (impl AsyncRead + Unpin), type_bytes: usize) -> io::Result<(Vec<u8>, Option<u8>)> {
    let mut message = vec![0; type_bytes + 4];
    stream.read_exact(&mut message).await?;
    let length = u32::from_be_bytes(message[type_bytes..].try_into().unwrap());
    message.resize(type_bytes + usize::try_from(length).unwrap(), 0);
    stream.read_exact(&mut message[type_bytes + 4..]).await?;
    let kind = (type_bytes == 1).then(|| message[0]);
    Ok((message, kind))
}

/// The texts of a message, each ended by a NUL, with a blank between each two.
fn text(contents: &[u8]) -> String {
    String::from_utf8_lossy(contents)
        .trim_end_matches('\0')
        .replace('\0', " ")
}

/// Trusts one authority.
pub fn trusting(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    roots
}

/// The keys of a role, as Lambda gives them.
pub fn keys() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(
        "ASIAOFATEST",
        "a secret of the test",
        Some("session/of+the=test".to_owned()),
        None,
        "test",
    ))
}
