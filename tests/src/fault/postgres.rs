//! A proxy before the pooler that knows enough of the database's protocol to find the posting.
//!
//! Frontend messages are gathered until the one that ends a round trip (Sync or Query); then the server's answer is passed on
//! up to `ReadyForQuery`. COPY is not understood. Every statement's text is noted.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::script::{Exchange, Fault, Order, Point, Script, Step};
use crate::http;

/// What the text of a statement contains that is to be met as [`Step::Post`], and no other: each is the one commit of its
/// function.
const POSTINGS: [&[u8]; 2] = [b"ledger.post(", b"ledger.take_statement("];

const PARSE: u8 = b'P';
const SYNC: u8 = b'S';
const QUERY: u8 = b'Q';
const READY_FOR_QUERY: u8 = b'Z';
const ERROR_RESPONSE: u8 = b'E';

/// A proxy for `DATABASE_HOST` and `DATABASE_PORT`.
#[derive(Debug)]
pub struct PgProxy {
    port: u16,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    script: Script,
    down: AtomicBool,
    round_trips: AtomicUsize,
    sessions: AtomicUsize,
    over: AtomicUsize,
    sent: Mutex<BTreeSet<Sent>>,
    error: Mutex<Option<ServerError>>,
    hung_up: watch::Sender<()>,
}

/// A statement as a function sent it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// The name that the server was to keep it under; empty: none. `None`: it came by the simple protocol, without parameters.
    pub name: Option<String>,
    /// Its text.
    pub text: String,
}

impl Sent {
    /// What a message asks to be parsed, if it does.
    fn read(message: &[u8]) -> Option<Self> {
        let mut texts = message[5..].split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let mut next = || texts.next().unwrap_or_default().into_owned();
        match message[0] {
            PARSE => Some(Self {
                name: Some(next()),
                text: next(),
            }),
            QUERY => Some(Self {
                name: None,
                text: next(),
            }),
            _ => None,
        }
    }
}

/// What a server may say instead of an answer.
#[derive(Debug, Clone, Copy)]
struct ServerError {
    severity: &'static str,
    code: &'static str,
}

impl ServerError {
    /// FATAL is the last that a server says.
    fn ends_the_session(self) -> bool {
        self.severity != "ERROR"
    }

    fn message(self) -> Vec<u8> {
        let Self { severity, code } = self;
        let mut fields = Vec::new();
        for (field, text) in [
            ('S', severity),
            ('V', severity),
            ('C', code),
            ('M', "as the test wants it"),
        ] {
            fields.extend(format!("{field}{text}\0").bytes());
        }
        fields.push(0);
        let mut said = message(ERROR_RESPONSE, &fields);
        if !self.ends_the_session() {
            said.extend(message(READY_FOR_QUERY, b"I"));
        }
        said
    }
}

fn message(kind: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len() + 4).expect("a short message");
    [&[kind], length.to_be_bytes().as_slice(), contents].concat()
}

impl PgProxy {
    /// Listens on a free loopback port until dropped; `upstream` is `host:port`.
    pub async fn start(upstream: &str, script: Script) -> Self {
        let (listener, port) = http::listen().await;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            script,
            down: AtomicBool::new(false),
            round_trips: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
            sent: Mutex::default(),
            error: Mutex::default(),
            hung_up: watch::Sender::new(()),
        });
        let mut server = JoinSet::new();
        let serving = Arc::clone(&shared);
        server.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if !serving.down.load(Ordering::SeqCst) {
                    // A session ends when either side does.
                    let shared = Arc::clone(&serving);
                    sessions.spawn(async move {
                        let _ = session(&shared, client).await;
                        shared.over.fetch_add(1, Ordering::SeqCst);
                    });
                }
            }
        });
        Self {
            port,
            shared,
            _server: server,
        }
    }

    /// The port to give the function.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Round trips so far, start-up excluded.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.shared.round_trips.load(Ordering::SeqCst)
    }

    /// Connections so far.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions() - self.shared.over.load(Ordering::SeqCst)
    }

    /// The statements that were sent so far, each once.
    #[must_use]
    pub fn sent(&self) -> BTreeSet<Sent> {
        self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers the next round trip with an error of this severity and SQLSTATE, in the server's place.
    pub fn say_next(&self, severity: &'static str, code: &'static str) {
        *self.shared.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(ServerError { severity, code });
    }

    /// Closes all connections on which nothing is under way.
    pub fn hang_up(&self) {
        self.shared.hung_up.send_replace(());
    }

    /// While down, new connections are closed at once and standing ones at their next round trip.
    pub fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }
}

async fn session(shared: &Shared, client: TcpStream) -> io::Result<()> {
    shared.sessions.fetch_add(1, Ordering::SeqCst);
    let mut hung_up = shared.hung_up.subscribe();
    let server = TcpStream::connect(&shared.upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = split(client);
    let (from_server, mut to_server) = split(server);
    to_server.write_all(&from_client.startup().await?).await?;
    let mut line = Line { from_server, to_server };
    let mut batch = BytesMut::new();
    let mut posts = false;
    loop {
        let message = tokio::select! {
            message = from_client.message() => message?,
            // Start-up, and what a server says unasked.
            message = line.from_server.message() => {
                to_client.write_all(&message?).await?;
                continue;
            }
            _ = hung_up.changed() => return Ok(()),
        };
        posts |= is_posting(&message);
        if let Some(sent) = Sent::read(&message) {
            shared.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(sent);
        }
        batch.extend_from_slice(&message);
        match message[0] {
            SYNC | QUERY => {
                if shared.down.load(Ordering::SeqCst) {
                    return Ok(());
                }
                shared.round_trips.fetch_add(1, Ordering::SeqCst);
                let error = shared.error.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(error) = error {
                    (batch, posts) = (BytesMut::new(), false);
                    to_client.write_all(&error.message()).await?;
                    if error.ends_the_session() {
                        return Ok(());
                    }
                    continue;
                }
                let met = if posts { shared.script.meet(Step::Post) } else { None };
                let batch = batch.split().freeze();
                posts = false;
                match met {
                    None => drop(line.pass(batch, &mut to_client).await?),
                    Some((fault, point)) => line.fail(fault, &point, batch, &mut to_client).await?,
                }
            }
            // Parse, Bind, Describe, Execute, Close: their round trip is not complete.
            PARSE | b'B' | b'D' | b'E' | b'C' => {}
            _ => line.to_server.write_all(&batch.split()).await?,
        }
    }
}

/// The proxy's connection to the server.
struct Line {
    from_server: Frames,
    to_server: OwnedWriteHalf,
}

impl Line {
    /// Carries out one round trip and hands its answer on as it comes.
    async fn pass(&mut self, batch: Bytes, to_client: &mut OwnedWriteHalf) -> io::Result<()> {
        self.to_server.write_all(&batch).await?;
        loop {
            let message = self.from_server.message().await?;
            to_client.write_all(&message).await?;
            if message[0] == READY_FOR_QUERY {
                return Ok(());
            }
        }
    }

    /// Carries out one round trip, without its answer being seen: its transaction is over when this returns.
    async fn ask(&mut self, batch: Bytes) -> (BytesMut, Exchange) {
        let mut answer = BytesMut::new();
        let mut exchange = Exchange::Succeeded;
        if self.to_server.write_all(&batch).await.is_err() {
            return (answer, Exchange::Unknown);
        }
        loop {
            let Ok(message) = self.from_server.message().await else {
                return (answer, Exchange::Unknown);
            };
            if message[0] == ERROR_RESPONSE {
                exchange = Exchange::Failed(String::from_utf8_lossy(&message[5..]).replace('\0', " "));
            }
            answer.extend_from_slice(&message);
            if message[0] == READY_FOR_QUERY {
                return (answer, exchange);
            }
        }
    }

    /// An error ends the session and closes both connections.
    async fn fail(
        &mut self,
        fault: Fault,
        point: &Point,
        batch: Bytes,
        to_client: &mut OwnedWriteHalf,
    ) -> io::Result<()> {
        let (answer, exchange) = match fault {
            Fault::HoldRequest => match point.hold().await {
                Order::Release => self.ask(batch).await,
                Order::Discard => (BytesMut::new(), Exchange::NotForwarded),
            },
            Fault::HoldResponse => {
                let (answer, exchange) = self.ask(batch).await;
                match point.hold().await {
                    Order::Release => (answer, exchange),
                    Order::Discard => (BytesMut::new(), exchange),
                }
            }
            Fault::DropResponse => (BytesMut::new(), self.ask(batch).await.1),
            Fault::CutDuring => {
                let _ = self.to_server.write_all(&batch).await;
                (BytesMut::new(), Exchange::Unknown)
            }
            Fault::Refuse | Fault::Conflict => (BytesMut::new(), Exchange::NotForwarded),
        };
        let delivered = to_client.write_all(&answer).await;
        let cut = answer.is_empty();
        point.end(exchange);
        if cut {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            delivered
        }
    }
}

fn split(stream: TcpStream) -> (Frames, OwnedWriteHalf) {
    let (stream, writer) = stream.into_split();
    (
        Frames {
            stream,
            read: BytesMut::new(),
        },
        writer,
    )
}

/// Reads whole protocol messages. No byte is lost when a read is cancelled.
struct Frames {
    stream: OwnedReadHalf,
    read: BytesMut,
}

impl Frames {
    /// The first message of a session, which has no type byte.
    async fn startup(&mut self) -> io::Result<Bytes> {
        self.frame(0).await
    }

    /// A typed message: a type byte, a length that counts itself, the contents.
    async fn message(&mut self) -> io::Result<Bytes> {
        self.frame(1).await
    }

    async fn frame(&mut self, type_bytes: usize) -> io::Result<Bytes> {
        loop {
            if let Some(mut length) = self.read.get(type_bytes..type_bytes + 4) {
                let whole = type_bytes + usize::try_from(length.get_u32()).unwrap_or(usize::MAX);
                if self.read.len() >= whole {
                    return Ok(self.read.split_to(whole).freeze());
                }
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn is_posting(message: &[u8]) -> bool {
    let holds = |text: &[u8]| message.windows(text.len()).any(|window| window == text);
    POSTINGS.into_iter().any(holds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    fn posting() -> Vec<u8> {
        [
            message(b'P', b"\0select * from ledger.post($1)\0\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(SYNC, b""),
        ]
        .concat()
    }

    /// A server that is ready at once, and after every Sync; it tells of each posting.
    async fn toy() -> (String, mpsc::UnboundedReceiver<()>) {
        async fn serve(stream: TcpStream, posted: mpsc::UnboundedSender<()>) -> io::Result<()> {
            let (mut from_client, mut to_client) = split(stream);
            from_client.startup().await?;
            to_client.write_all(&message(READY_FOR_QUERY, b"I")).await?;
            loop {
                let message_in = from_client.message().await?;
                if is_posting(&message_in) {
                    let _ = posted.send(());
                }
                if message_in[0] == SYNC {
                    to_client.write_all(&message(READY_FOR_QUERY, b"I")).await?;
                }
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address")
            .to_string();
        let (posted, postings) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, posted.clone()));
            }
        });
        (address, postings)
    }

    async fn client(proxy: &PgProxy) -> (Frames, OwnedWriteHalf) {
        let stream = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .expect("the proxy listens");
        let (mut from_proxy, mut to_proxy) = split(stream);
        to_proxy.write_all(&[0, 0, 0, 8, 0, 3, 0, 0]).await.expect("a start-up");
        assert_eq!(from_proxy.message().await.expect("an answer")[0], READY_FOR_QUERY);
        (from_proxy, to_proxy)
    }

    #[tokio::test]
    async fn a_held_posting_arrives_after_its_sender_is_gone() {
        let (upstream, mut postings) = toy().await;
        let script = Script::default();
        let proxy = PgProxy::start(&upstream, script.clone()).await;
        let point = script.arm(Step::Post, Fault::HoldRequest);

        let (mut answers, mut requests) = client(&proxy).await;
        requests
            .write_all(&message(QUERY, b"select 1\0")[..3])
            .await
            .expect("half a message");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(proxy.round_trips(), 0);
        drop((answers, requests));

        (answers, requests) = client(&proxy).await;
        requests.write_all(&posting()).await.expect("a posting");
        point.reached().await;
        drop((answers, requests));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(postings.try_recv().is_err(), "the server has not seen it yet");
        assert_eq!(point.release().await, Exchange::Succeeded);
        assert!(postings.try_recv().is_ok());
        assert_eq!((proxy.round_trips(), script.journal()), (1, vec![Step::Post]));
    }

    #[tokio::test]
    async fn an_answer_is_held_or_dropped_after_the_server_gave_it() {
        let (upstream, mut postings) = toy().await;
        let script = Script::default();
        let proxy = PgProxy::start(&upstream, script.clone()).await;

        let held = script.arm(Step::Post, Fault::HoldResponse);
        let (mut answers, mut requests) = client(&proxy).await;
        requests.write_all(&posting()).await.expect("a posting");
        held.reached().await;
        assert!(postings.try_recv().is_ok());
        let early = tokio::time::timeout(Duration::from_millis(50), answers.message()).await;
        assert!(early.is_err(), "the answer is withheld");
        held.release().await;
        assert_eq!(answers.message().await.expect("the answer")[0], READY_FOR_QUERY);

        script.arm(Step::Post, Fault::DropResponse);
        requests.write_all(&posting()).await.expect("a posting");
        assert!(answers.message().await.is_err(), "the connection is cut");
        assert!(postings.try_recv().is_ok());
    }

    #[tokio::test]
    async fn what_is_sent_is_noted_and_what_a_server_would_say_is_said_once() {
        let (upstream, mut postings) = toy().await;
        let proxy = PgProxy::start(&upstream, Script::default()).await;
        let (mut answers, mut requests) = client(&proxy).await;
        proxy.say_next("ERROR", "25006");
        requests.write_all(&posting()).await.expect("a posting");
        let error = answers.message().await.expect("an error");
        assert_eq!(error[0], ERROR_RESPONSE);
        assert!(String::from_utf8_lossy(&error).contains("C25006\0"));
        assert_eq!(answers.message().await.expect("the end of it")[0], READY_FOR_QUERY);
        assert!(postings.try_recv().is_err(), "the server has not seen it");

        let named = message(PARSE, b"kept\0select 1\0\0\0");
        let (named, simple) = ([named, message(SYNC, b"")].concat(), message(QUERY, b"select 2\0"));
        for request in [posting(), named] {
            requests.write_all(&request).await.expect("a statement");
            assert_eq!(answers.message().await.expect("an answer")[0], READY_FOR_QUERY);
        }
        assert!(postings.try_recv().is_ok());
        proxy.say_next("FATAL", "57P01");
        requests.write_all(&simple).await.expect("a statement");
        assert_eq!(answers.message().await.expect("an error")[0], ERROR_RESPONSE);
        assert!(answers.message().await.is_err(), "the connection is closed");

        let sent = |name: Option<&str>, text: &str| Sent {
            name: name.map(str::to_owned),
            text: text.to_owned(),
        };
        let expected = [
            sent(None, "select 2"),
            sent(Some(""), "select * from ledger.post($1)"),
            sent(Some("kept"), "select 1"),
        ];
        assert_eq!(proxy.sent(), expected.into());
        let (mut answers, _requests) = client(&proxy).await;
        proxy.hang_up();
        assert!(answers.message().await.is_err(), "the connection is closed");
        assert_eq!(proxy.sessions(), 2);
    }
}
