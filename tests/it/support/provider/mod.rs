//! A provider of models with the interface of OpenAI that answers rightly, faultily or not at all, as it is told, and keeps
//! a ledger of what it saw and what it would charge.
//!
//! It is the other side of the wire, so it uses nothing of longhand and shares no mistake with it. It runs on a thread with
//! a runtime of its own, because tests start longhand as a process, too, and some pause their own runtime's time.

mod answer;
mod batch;
mod behaviour;
mod chance;
mod chat;
mod desk;
mod embedding;
mod ledger;
mod line;
mod rate;
mod refusal;
mod server;
#[cfg(test)]
mod tests;
mod tokens;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use serde_json::Value;
use tokio::sync::oneshot;

pub(crate) use answer::right_answer;
pub(crate) use behaviour::{Ability, Batches, Behaviour, End, Fault, Lie, Rate, RateKind, RetryAfter};
pub(crate) use embedding::right_vector;
pub(crate) use ledger::{Entry, Ledger, Usage};
pub(crate) use tokens::Tokenizer;

use line::{Door, Line};
use server::Server;

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Provider {
    address: SocketAddr,
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Provider {
    /// Starts a server at a free port of this machine.
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        Self::start_at(0, behaviour)
    }

    /// Starts a server at a port of this machine.
    pub(crate) fn start_at(port: u16, behaviour: Behaviour) -> Self {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port of this machine is free");
        tcp.set_nonblocking(true).expect("a listener can be asked without waiting");
        let address = tcp.local_addr().expect("a listener has an address");
        let server = Arc::new(Server::new(behaviour));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&server);
        let thread = std::thread::spawn(move || serve(tcp, serving, stopped));
        Self { address, server, stop: Some(stop), thread: Some(thread) }
    }

    /// What a client is told: the address up to `/v1`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that happened so far.
    pub(crate) fn ledger(&self) -> Ledger {
        self.server.book.snapshot()
    }

    /// What a request is answered with if nothing goes wrong: within its limit, and by its schema if it has one.
    pub(crate) fn right_answer(&self, body: &Value) -> String {
        chat::sound(&self.server.behaviour, body).text().to_owned()
    }

    /// What that answer costs, where no prompt is cached.
    pub(crate) fn right_usage(&self, body: &Value) -> Usage {
        chat::sound(&self.server.behaviour, body).used
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The server stops when nobody can tell it to any more. It may have ended before, by a panic that the thread tells.
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Serves until it is told to stop. All connections end with the runtime.
fn serve(tcp: TcpListener, server: Arc<Server>, stopped: oneshot::Receiver<()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let tcp = tokio::net::TcpListener::from_std(tcp).expect("the runtime takes the listener");
        let door = Door { tcp, book: Arc::clone(&server.book) };
        let router =
            Router::new().fallback(server::handle).layer(DefaultBodyLimit::disable()).with_state(server);
        let serving = axum::serve(door, router.into_make_service_with_connect_info::<Line>());
        tokio::select! {
            result = serving => result.expect("a server goes on until it is dropped"),
            _ = stopped => {}
        }
    });
}
