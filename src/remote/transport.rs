//! Carries one request over HTTP and tells what came back beside the answer. It never sends a request twice.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};

use super::failure::Failure;
use super::recording::Recording;
use super::secrets::Secrets;

/// No answer is longer: one of a million tokens is a tenth of it.
pub(super) const LARGEST: usize = 64 << 20;

/// No file with the answers of a batch is longer.
pub(super) const LARGEST_FILE: usize = 1 << 30;

/// As much is read of a reply that is an error.
const LARGEST_ERROR: usize = 64 << 10;

/// What was heard of one request beside the answer.
#[derive(Debug)]
pub(super) struct Hearing {
    headers: Mutex<HeaderMap>,
    /// What must not appear in anything that is told.
    secrets: Arc<Secrets>,
    /// The longest reply.
    largest: usize,
}

impl Hearing {
    pub(super) fn new(secrets: Arc<Secrets>, largest: usize) -> Self {
        Self { headers: Mutex::default(), secrets, largest }
    }

    /// Returns the headers of the reply; none where there was no reply.
    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hear(&self, headers: &HeaderMap) {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner).clone_from(headers);
    }
}

/// How requests are carried.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    /// Over connections.
    Live(reqwest::Client),
    /// Over connections, and every reply is written down.
    Recorded(reqwest::Client, Arc<Recording>),
    /// Not at all: the replies that were written down are given again.
    Replayed(Arc<Recording>),
}

impl Transport {
    pub(super) fn live(client: reqwest::Client) -> Self {
        Self::Live(client)
    }

    /// Returns the service that carries one request.
    pub(super) fn hearing(&self, hearing: Arc<Hearing>) -> Carrier {
        Carrier { transport: self.clone(), hearing }
    }

    async fn carry(self, request: reqwest::Request) -> Result<Response, Failure> {
        match self {
            Self::Live(client) => client.execute(request).await.map_err(|error| Failure::of(&error)),
            Self::Recorded(client, recording) => {
                let asked = recording.asked(&request);
                let response = client.execute(request).await.map_err(|error| Failure::of(&error))?;
                let (status, headers) = (response.status(), response.headers().clone());
                let body = response.bytes().await.map_err(|error| Failure::of(&error))?;
                recording.write(&asked, status, &headers, &body)?;
                Ok(rebuilt(status, headers, reqwest::Body::from(body)))
            }
            Self::Replayed(recording) => {
                let (status, headers, body) = recording.reply(&recording.asked(&request))?;
                Ok(rebuilt(status, headers, reqwest::Body::from(body)))
            }
        }
    }
}

/// A bare service under the client of the protocol.
#[derive(Debug, Clone)]
pub(super) struct Carrier {
    transport: Transport,
    hearing: Arc<Hearing>,
}

impl tower::Service<HttpRequestFactory> for Carrier {
    type Response = Response;
    type Error = OpenAIError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, OpenAIError>> + Send + 'static>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let Self { transport, hearing } = self.clone();
        Box::pin(async move {
            let request = request.build().await?;
            let response = transport.carry(request).await.map_err(boxed)?;
            hearing.hear(response.headers());
            if response.status().is_success() {
                return whole_or_stream(response, hearing.largest).await.map_err(boxed);
            }
            // Taken here, so that nobody above logs what an endpoint says.
            let status = response.status();
            let mut body = read(response, LARGEST_ERROR).await.unwrap_or_default();
            body.truncate(LARGEST_ERROR);
            Err(boxed(Failure::status(status, &hearing.headers(), &body, &hearing.secrets)))
        })
    }
}

fn boxed(failure: Failure) -> OpenAIError {
    OpenAIError::Boxed(Box::new(failure))
}

/// Reads a reply whole, or bounds it where it is a stream.
async fn whole_or_stream(response: Response, largest: usize) -> Result<Response, Failure> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = if kind.starts_with("text/event-stream") {
        reqwest::Body::wrap_stream(bounded(response.bytes_stream().map_err(std::io::Error::other), largest))
    } else {
        let body = read(response, largest).await?;
        if body.len() > largest {
            return Err(Failure::broken(format!("it is longer than {largest} bytes")));
        }
        reqwest::Body::from(body)
    };
    Ok(rebuilt(status, headers, body))
}

/// Reads until `most` bytes are passed or the end is there.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| Failure::of(&error))? {
        body.extend_from_slice(&piece);
        if body.len() > most {
            break;
        }
    }
    Ok(body)
}

/// Ends a stream in an error where it grows too long.
fn bounded<B: AsRef<[u8]>>(
    stream: impl Stream<Item = Result<B, std::io::Error>>,
    largest: usize,
) -> impl Stream<Item = Result<B, std::io::Error>> {
    let mut seen = 0_usize;
    stream.map(move |piece| {
        let piece = piece?;
        seen = seen.saturating_add(piece.as_ref().len());
        if seen > largest { Err(std::io::Error::other("it does not end")) } else { Ok(piece) }
    })
}

fn rebuilt(status: StatusCode, headers: HeaderMap, body: reqwest::Body) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Response::from(response)
}
