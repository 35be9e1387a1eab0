//! The provider that verifies merchants, as good or as bad as one likes. It speaks bytes and not a library's HTTP:
//! half of what it does no library would.
//!
//! In a test it is started in the process; as a process of its own (`kyc-simulator PORT`) it takes the same manners
//! over HTTP: `PUT /manners` or `PUT /manners/{merchant_id}` with a manner's name, and `GET /calls`.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What it does with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Approves of the merchant.
    Approve,
    /// Does not.
    Reject,
    /// Leaves it to people.
    Review,
    /// Approves of a question when it comes for the first time, rejects it for the second, and so on.
    Waver,
    /// Says nothing, for ever.
    Hang,
    /// Says one byte a second.
    Drip,
    /// Answers with this status, and approves.
    Fail(u16),
    /// Resets the connection.
    Reset,
    /// Ends the connection in the middle of the answer.
    Cut,
    /// Approves, and calls it a web page.
    Mislabel,
    /// Approves, and goes on for as long as somebody reads.
    Flood,
    /// Begins an answer with a head that does not end.
    FloodHead,
    /// Sends the caller there.
    Redirect(String),
    /// Approves of another question.
    Confuse,
    /// Says something that is no JSON.
    Babble,
    /// Approves after so many milliseconds.
    Slow(u64),
}

/// No such manner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no manner {0:?}")]
pub struct UnknownManner(String);

impl FromStr for Manner {
    type Err = UnknownManner;

    /// `approve`, …, and with an argument `fail 503`, `redirect URL`, `slow 100`.
    fn from_str(text: &str) -> Result<Self, UnknownManner> {
        let unknown = || UnknownManner(text.to_owned());
        let (name, argument) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match name {
            "approve" => Self::Approve,
            "reject" => Self::Reject,
            "review" => Self::Review,
            "waver" => Self::Waver,
            "hang" => Self::Hang,
            "drip" => Self::Drip,
            "fail" => Self::Fail(argument.parse().map_err(|_| unknown())?),
            "reset" => Self::Reset,
            "cut" => Self::Cut,
            "mislabel" => Self::Mislabel,
            "flood" => Self::Flood,
            "flood-head" => Self::FloodHead,
            "redirect" => Self::Redirect(argument.to_owned()),
            "confuse" => Self::Confuse,
            "babble" => Self::Babble,
            "slow" => Self::Slow(argument.parse().map_err(|_| unknown())?),
            _ => return Err(unknown()),
        })
    }
}

/// One question that reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Method and path.
    pub line: String,
    /// By lower-case name.
    pub headers: HashMap<String, String>,
    /// The question.
    pub body: Value,
}

#[derive(Debug, Default)]
struct Desk {
    manner: Mutex<Option<Manner>>,
    manners: Mutex<HashMap<String, Manner>>,
    calls: Mutex<Vec<Call>>,
    on_the_line: Mutex<(usize, usize)>,
    flooded: Mutex<usize>,
}

/// The provider.
pub struct KycSimulator {
    port: u16,
    desk: Arc<Desk>,
    server: JoinSet<()>,
}

impl fmt::Debug for KycSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KycSimulator")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl KycSimulator {
    /// Listens on a free loopback port until dropped, and approves of everybody.
    pub async fn start() -> Self {
        Self::start_at(0).await.expect("a loopback port is free")
    }

    /// Listens on this loopback port.
    ///
    /// # Errors
    /// The port is not free.
    pub async fn start_at(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let port = listener.local_addr()?.port();
        let desk = Arc::new(Desk::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&desk)));
        Ok(Self { port, desk, server })
    }

    /// Serves for as long as the process lives.
    pub async fn wait(mut self) {
        self.server.join_next().await;
    }

    /// The value of `KYC_ORIGIN`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, treats every question so.
    pub fn behave(&self, manner: Manner) {
        *locked(&self.desk.manner) = Some(manner);
    }

    /// From now on, treats questions about this merchant so.
    pub fn behave_to(&self, merchant: impl ToString, manner: Manner) {
        locked(&self.desk.manners).insert(merchant.to_string(), manner);
    }

    /// Every question so far, as it came.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.desk.calls).clone()
    }

    /// The most questions that were being answered at one time.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        locked(&self.desk.on_the_line).1
    }

    /// How many bytes of floods went out.
    #[must_use]
    pub fn flooded(&self) -> usize {
        *locked(&self.desk.flooded)
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let desk = Arc::clone(&desk);
        connections.spawn(async move {
            // An error is a caller that has gone.
            let _ = desk.connected(stream).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Desk {
    async fn connected(&self, mut stream: TcpStream) -> io::Result<()> {
        let call = receive(&mut stream).await?;
        if call.line != "POST /v1/verifications" {
            return stream.write_all(self.controlled(&call).as_bytes()).await;
        }
        let manner = self.manner_of(&call);
        let before = {
            let mut calls = locked(&self.calls);
            calls.push(call.clone());
            calls
                .iter()
                .filter(|earlier| earlier.body["reference"] == call.body["reference"])
                .count()
        };
        let _on_the_line = OnTheLine::new(&self.on_the_line);
        // A caller that hangs up ends what is being done for it.
        let (mut reading, mut writing) = stream.split();
        let mut nothing = [0];
        tokio::select! {
            ended = self.answer(&mut writing, &call, manner, before) => {
                if !ended? {
                    stream.set_zero_linger()?;
                }
                Ok(())
            }
            _ = reading.read(&mut nothing) => Ok(()),
        }
    }

    fn manner_of(&self, call: &Call) -> Manner {
        let merchant = call.body["merchant_id"].as_str().unwrap_or_default();
        let own = locked(&self.manners).get(merchant).cloned();
        own.or_else(|| locked(&self.manner).clone()).unwrap_or(Manner::Approve)
    }

    /// Whether to end the connection in peace. `time` is how often this question has come.
    async fn answer(
        &self,
        stream: &mut (impl AsyncWriteExt + Unpin),
        call: &Call,
        manner: Manner,
        time: usize,
    ) -> io::Result<bool> {
        let reference = &call.body["reference"];
        let say = |verdict: &str| json!({ "reference": reference, "verdict": verdict, "case": "K-1" }).to_string();
        let ok = |verdict: &str| response(200, "application/json", &say(verdict));
        let whole = match manner {
            Manner::Approve => ok("approved"),
            Manner::Reject => ok("rejected"),
            Manner::Review => ok("needs_review"),
            Manner::Waver => ok(if time % 2 == 1 { "approved" } else { "rejected" }),
            Manner::Fail(status) => response(status, "application/json", &say("approved")),
            Manner::Mislabel => response(200, "text/html", &say("approved")),
            Manner::Babble => response(200, "application/json", "approved!"),
            Manner::Confuse => {
                let other = json!({ "reference": uuid::Uuid::new_v4(), "verdict": "approved" });
                response(200, "application/json", &other.to_string())
            }
            Manner::Redirect(to) => format!("HTTP/1.1 307 \r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
            Manner::Slow(milliseconds) => {
                // What its caller is patient with, or not, is the test's to say.
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                ok("approved")
            }
            Manner::Hang => std::future::pending().await,
            Manner::Reset => return Ok(false),
            Manner::Cut => {
                let answer = ok("approved");
                stream.write_all(&answer.as_bytes()[..answer.len() - 9]).await?;
                return Ok(true);
            }
            Manner::Drip => {
                for byte in ok("approved").as_bytes() {
                    stream.write_all(&[*byte]).await?;
                    // Less than any time-out between two bytes, so that only one over the whole answer ends this.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                return Ok(true);
            }
            Manner::Flood => {
                let begun = "HTTP/1.1 200 \r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
                return self.flood(stream, &format!("{begun}{}", say("approved")), " ").await;
            }
            Manner::FloodHead => return self.flood(stream, "HTTP/1.1 200 \r\n", "a: b\r\n").await,
        };
        stream.write_all(whole.as_bytes()).await?;
        Ok(true)
    }

    async fn flood(&self, stream: &mut (impl AsyncWriteExt + Unpin), begun: &str, more: &str) -> io::Result<bool> {
        const ENOUGH: usize = 64 << 20;
        stream.write_all(begun.as_bytes()).await?;
        let piece = more.repeat(16 * 1024);
        while *locked(&self.flooded) < ENOUGH {
            stream.write_all(piece.as_bytes()).await?;
            *locked(&self.flooded) += piece.len();
        }
        Ok(true)
    }

    /// What is asked of the simulator itself.
    fn controlled(&self, call: &Call) -> String {
        let (method, path) = call.line.split_once(' ').unwrap_or_default();
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["", "calls"]) => {
                let calls: Vec<_> = locked(&self.calls).iter().map(|call| call.body.clone()).collect();
                response(200, "application/json", &Value::from(calls).to_string())
            }
            ("PUT", ["", "manners", merchant @ ..]) => match call.body.as_str().unwrap_or_default().parse::<Manner>() {
                Ok(manner) => {
                    match merchant {
                        [merchant] => _ = locked(&self.manners).insert((*merchant).to_owned(), manner),
                        _ => *locked(&self.manner) = Some(manner),
                    }
                    response(204, "text/plain", "")
                }
                Err(unknown) => response(400, "text/plain", &unknown.to_string()),
            },
            _ => response(404, "text/plain", "no such thing"),
        }
    }
}

/// Counts those that are being answered, and the most there ever were.
struct OnTheLine<'a>(&'a Mutex<(usize, usize)>);

impl<'a> OnTheLine<'a> {
    fn new(count: &'a Mutex<(usize, usize)>) -> Self {
        let mut now = locked(count);
        now.0 += 1;
        now.1 = now.1.max(now.0);
        drop(now);
        Self(count)
    }
}

impl Drop for OnTheLine<'_> {
    fn drop(&mut self) {
        locked(self.0).0 -= 1;
    }
}

/// One request. A body that is no JSON is taken as a string of it.
async fn receive(stream: &mut TcpStream) -> io::Result<Call> {
    let mut received = Vec::new();
    let head = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&received[..head]).into_owned();
    let mut lines = text.lines();
    let line = lines
        .next()
        .unwrap_or_default()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while received.len() < head + 4 + length {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let body = &received[head + 4..];
    let body = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
    Ok(Call { line, headers, body })
}

fn response(status: u16, media_type: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} \r\ncontent-type: {media_type}\r\ncontent-length: {length}");
    format!("{head}\r\nconnection: close\r\n\r\n{body}")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
