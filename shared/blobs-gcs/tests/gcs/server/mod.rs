//! A bucket as Cloud Storage serves it: uploads and downloads by JSON over HTTP/1, looking up, listing and deleting by
//! gRPC, and signed URLs, all at one address. It holds what it has in memory and fails when a test says so.

mod answers;
mod bucket;
mod download;
mod rpc;
mod signed;
mod upload;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kernel::Clock;
use tokio::net::TcpListener;

pub use bucket::{Bucket, Rule};

pub type Body = UnsyncBoxBody<bytes::Bytes, std::io::Error>;
pub type Answer = Response<Body>;

/// What the server can be asked. Faults and counts go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// An upload in one request.
    Insert,
    /// The begin of an upload in pieces.
    Begin,
    /// One piece of it.
    Piece,
    Read,
    Get,
    Delete,
    List,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status is answered, and nothing done.
    Status(u16),
    /// The connection is cut before anything is done.
    CutBefore,
    /// It is done, but the connection cut before the answer.
    CutAfter,
    /// The connection is cut in the middle of the content.
    CutInside,
}

/// The connection ends here, without an answer.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

pub struct Server {
    pub address: SocketAddr,
    pub bucket: Bucket,
    pub clock: Arc<dyn Clock>,
    faults: Mutex<Vec<(Call, Fault)>>,
    calls: Mutex<Vec<Call>>,
}

impl Server {
    pub async fn start(clock: Arc<dyn Clock>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Self {
            address,
            bucket: Bucket::new("files", Arc::clone(&clock)),
            clock,
            faults: Mutex::default(),
            calls: Mutex::default(),
        });
        tokio::spawn(accept(listener, Arc::clone(&server)));
        server
    }

    /// Each of these goes wrong once, in this order for each call.
    pub fn fails(&self, faults: &[(Call, Fault)]) {
        self.faults.lock().unwrap().extend_from_slice(faults);
    }

    /// How often this was asked.
    pub fn count(&self, call: Call) -> usize {
        self.calls.lock().unwrap().iter().filter(|made| **made == call).count()
    }

    /// Notes a call, and what is to go wrong with it.
    fn called(&self, call: Call) -> Option<Fault> {
        self.calls.lock().unwrap().push(call);
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(of, _)| *of == call)?;
        Some(faults.remove(at).1)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Cut> {
        let path = request.uri().path().to_owned();
        if let Some(method) = path.strip_prefix("/google.storage.v2.Storage/") {
            return rpc::answer(self, method, request).await;
        }
        if path.starts_with("/upload/storage/v1/b/") {
            return upload::answer(self, request).await;
        }
        match path.strip_prefix("/storage/v1/b/files/o/") {
            Some(name) => download::answer(self, &name.replace("%2F", "/"), &request),
            None => Ok(signed::answer(self, request).await),
        }
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    while let Ok((stream, _)) = listener.accept().await {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let server = Arc::clone(&server);
                async move { server.answer(request).await }
            });
            // A connection that a fault cuts ends with an error, as it should.
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error that never comes, as a body's.
fn never(error: Infallible) -> std::io::Error {
    match error {}
}
