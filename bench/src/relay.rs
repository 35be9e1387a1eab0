//! A TCP relay before the server that counts round trips: how often a client hands over and must wait for the answer.

use std::cell::Cell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::Outcome;
use crate::cloud::Address;

/// The messages after which a client must wait: Sync, simple Query and Flush.
const HAND_OVER: [u8; 3] = [b'S', b'Q', b'H'];

/// A running relay for one connection.
pub struct Relay {
    pub address: Address,
    counted: Rc<Cell<u128>>,
}

impl Relay {
    /// Listens on a free port and relays the first connection to `server`. Needs a `LocalSet` around it.
    pub async fn before(server: &Address) -> Outcome<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = Address {
            host: "127.0.0.1".into(),
            port: listener.local_addr()?.port(),
        };
        let counted = Rc::new(Cell::new(0));
        let (server, counting) = (server.clone(), Rc::clone(&counted));
        spawn_local(async move {
            let (client, _) = listener.accept().await?;
            let server = TcpStream::connect((server.host.as_str(), server.port)).await?;
            let (from_client, mut to_client) = client.into_split();
            let (mut from_server, to_server) = server.into_split();
            spawn_local(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            requests(from_client, to_server, &counting).await
        });
        Ok(Self { address, counted })
    }

    /// Round trips since the connection began.
    pub fn counted(&self) -> u128 {
        self.counted.get()
    }
}

/// Passes a client's messages on one by one: a type byte, then a length that counts itself; the first has no type.
async fn requests(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, counted: &Cell<u128>) -> std::io::Result<()> {
    pass_body(&mut client, &mut server).await?;
    loop {
        let kind = client.read_u8().await?;
        server.write_u8(kind).await?;
        pass_body(&mut client, &mut server).await?;
        if HAND_OVER.contains(&kind) {
            counted.set(counted.get() + 1);
        }
    }
}

async fn pass_body(client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let length = client.read_u32().await?;
    server.write_u32(length).await?;
    let mut body = client.take(u64::from(length.saturating_sub(4)));
    tokio::io::copy(&mut body, server).await.map(drop)
}
