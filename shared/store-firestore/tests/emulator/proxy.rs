//! A TCP proxy before the emulator that cuts connections at chosen places.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

const PASS: u8 = 0;
const CUT_REQUEST: u8 = 1;
const CUT_ANSWER: u8 = 2;
const STAY_SILENT: u8 = 3;

/// What the proxy does next.
#[derive(Default)]
struct State {
    plan: AtomicU8,
    connections: AtomicU32,
}

impl State {
    /// Whether this plan is on; it happens once.
    fn is_due(&self, plan: u8) -> bool {
        self.plan.compare_exchange(plan, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

pub(crate) struct Proxy {
    pub(crate) host: String,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&shared)));
            }
        });
        Self { host, state }
    }

    /// Cuts the connection when the next request comes, before the emulator sees any of it.
    pub(crate) fn cut_next_request(&self) {
        self.state.plan.store(CUT_REQUEST, Ordering::SeqCst);
    }

    /// Cuts the connection when the emulator has answered the next request, before the client sees that.
    pub(crate) fn cut_next_answer(&self) {
        self.state.plan.store(CUT_ANSWER, Ordering::SeqCst);
    }

    /// Keeps connections open and lets no answer pass any more.
    pub(crate) fn stay_silent(&self) {
        self.state.plan.store(STAY_SILENT, Ordering::SeqCst);
    }

    pub(crate) fn connections(&self) -> u32 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = requests(from_client, to_server, &state) => {}
        () = answers(from_server, to_client, &state) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if state.is_due(CUT_REQUEST) || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Goes by HTTP/2's frames: length in three bytes, kind, flags, and four bytes of stream.
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    let mut head = [0; 9];
    while from.read_exact(&mut head).await.is_ok() {
        let mut body = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if from.read_exact(&mut body).await.is_err() {
            return;
        }
        let ends_an_answer = head[3] == HEADERS && head[4] & END_STREAM != 0;
        if ends_an_answer && state.is_due(CUT_ANSWER) {
            return;
        }
        // Nothing of an answer passes that is to be cut or kept back.
        let is_of_an_answer = u32::from_be_bytes([0, head[6], head[7], head[8]]) != 0;
        if is_of_an_answer && matches!(state.plan.load(Ordering::SeqCst), CUT_ANSWER | STAY_SILENT) {
            continue;
        }
        if to.write_all(&head).await.is_err() || to.write_all(&body).await.is_err() {
            return;
        }
    }
}
