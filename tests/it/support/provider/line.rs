//! Connections that are counted, and that a handler can cut before a byte is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::ledger::Book;
use super::wire::pause;

/// Accepts connections and counts them.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) tcp: TcpListener,
    pub(crate) book: Arc<Book>,
}

/// What a handler knows of its connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Counted from one.
    pub(crate) number: usize,
    cut: Arc<AtomicBool>,
}

impl Line {
    /// Lets nothing more be written: the connection is closed in the place of the answer.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }
}

/// The connection itself.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    line: Line,
}

impl Listener for Door {
    type Io = Wire;
    type Addr = Line;

    async fn accept(&mut self) -> (Wire, Line) {
        loop {
            if let Ok((tcp, _)) = self.tcp.accept().await {
                // Without it small events wait for each other, and a benchmark measures that. An error costs only time.
                drop(tcp.set_nodelay(true));
                let line = Line { number: self.book.connected(), cut: Arc::default() };
                return (Wire { tcp, line: line.clone() }, line);
            }
            // No descriptor is free, and one will be when a connection ends.
            pause(Duration::from_millis(10)).await;
        }
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line::default())
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

impl Wire {
    fn open(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.line.cut.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
        }
        Ok(Pin::new(&mut self.tcp))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.open() {
            Ok(tcp) => tcp.poll_write(context, bytes),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
