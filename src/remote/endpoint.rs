//! Where an endpoint is, and the way to it: address, key, certificates, proxy, connections.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::secrets::{Secrets, shown};
use super::transport::{Hearing, LARGEST, LARGEST_FILE, Transport};

/// The address of OpenAI.
pub const OPENAI: &str = "https://api.openai.com/v1";

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What may stand around the text of an answer, in bytes.
const AROUND: u64 = 1 << 20;

/// A key that no log and no error shows.
pub type Key = SecretString;

/// Where an endpoint is.
#[derive(Clone)]
pub struct Address {
    /// What comes before `/chat/completions`, such as `http://localhost:8080/v1`.
    pub base_url: String,
    /// The key, where one is needed.
    pub key: Option<Key>,
    /// The longest time between two signs of life.
    pub timeout: Duration,
    /// A file of certificates in PEM form that are trusted beside the usual ones.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("base_url", &shown(&self.base_url))
            .field("key", &self.key)
            .field("timeout", &self.timeout)
            .field("ca_file", &self.ca_file)
            .finish()
    }
}

/// The way to an endpoint could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The key cannot be sent.
    #[error("the key has characters that no header can carry: look for a line break in it")]
    Key,
    /// The certificates cannot be read.
    #[error("the certificates in `{}` cannot be used: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The client of HTTP cannot be made.
    #[error("no connections can be made: {reason}")]
    Client {
        /// What was said.
        reason: String,
    },
    /// What was handed in as batches before cannot be read.
    #[error("the record of batches in `{}` cannot be read: {reason}", path.display())]
    Batches {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of recorded replies cannot be used.
    #[error("the recorded replies in `{}` cannot be used: {reason}", path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The way to an endpoint: a client of its protocol over connections that are kept and used again.
#[derive(Clone)]
pub(super) struct Line {
    client: Client<Headed>,
    http: reqwest::Client,
    transport: Transport,
    secrets: Arc<Secrets>,
}

impl Line {
    /// Makes the way. Nothing is sent yet.
    pub(super) fn new(address: &Address) -> Result<Self, AddressError> {
        let http = http_client(address)?;
        let config = Headed::new(address)?;
        let transport = Transport::live(http.clone());
        let asked = http.get(&address.base_url).build().ok();
        let sent = asked.as_ref().and_then(|asked| asked.headers().get(AUTHORIZATION)?.to_str().ok());
        let secrets = Arc::new(Secrets::of(address, sent));
        Ok(Self { client: Client::build(http.clone(), config), http, transport, secrets })
    }

    /// Sends what is asked over another transport.
    pub(super) fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Returns what must appear in nothing that is told.
    pub(super) fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Returns the connections.
    pub(super) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Returns a client for one request, and where it tells what it heard beside the answer.
    pub(super) fn client(&self) -> (Client<Headed>, Arc<Hearing>) {
        self.client_for(LARGEST)
    }

    /// Returns a client for one request whose answer has no more than so many bytes of text.
    pub(super) fn client_of_answer(&self, text: u64) -> (Client<Headed>, Arc<Hearing>) {
        // A sign takes six bytes where it is written as a number, and an event of a stream holds as little as one sign or two.
        let most = text.saturating_mul(32).saturating_add(AROUND);
        self.client_for(usize::try_from(most).unwrap_or(LARGEST).min(LARGEST))
    }

    /// Returns a client for one request about files and batches.
    pub(super) fn client_of_files(&self) -> Client<Headed> {
        self.client_for(LARGEST_FILE).0
    }

    fn client_for(&self, largest: usize) -> (Client<Headed>, Arc<Hearing>) {
        let hearing = Arc::new(Hearing::new(Arc::clone(&self.secrets), largest));
        (self.client.clone().with_http_service(self.transport.hearing(Arc::clone(&hearing))), hearing)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("base_url", &shown(&self.client.config().base_url))
            .finish_non_exhaustive()
    }
}

/// What every request to an endpoint carries.
#[derive(Clone)]
pub(super) struct Headed {
    base_url: String,
    headers: HeaderMap,
    /// The trait wants one; it is sent as a header only where there is one.
    key: SecretString,
}

impl Headed {
    fn new(address: &Address) -> Result<Self, AddressError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &address.key {
            let bearer = format!("Bearer {}", key.expose_secret());
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| AddressError::Key)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let base_url = address.base_url.trim_end_matches('/').to_owned();
        Ok(Self { base_url, headers, key: address.key.clone().unwrap_or_default() })
    }
}

impl Config for Headed {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// Makes the client of HTTP. It looks at `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` where the endpoint is not on this machine,
/// follows no redirects, which could carry a
/// key elsewhere, and trusts the machine's certificates and those of the file.
fn http_client(address: &Address) -> Result<reqwest::Client, AddressError> {
    // Whoever came first has chosen the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(address.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("longhand/", env!("CARGO_PKG_VERSION")));
    if is_here(&address.base_url) {
        builder = builder.no_proxy();
    }
    for certificate in address.ca_file.as_deref().map(certificates).transpose()?.unwrap_or_default() {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| AddressError::Client { reason: super::failure::causes(&error) })
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, AddressError> {
    let wrong = |reason: String| AddressError::Certificates { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes);
    let found = found.map_err(|error| wrong(super::failure::causes(&error)))?;
    if found.is_empty() { Err(wrong("it holds no certificate in PEM form".to_owned())) } else { Ok(found) }
}

/// Says whether an address leads to this machine.
#[must_use]
pub fn is_here(base_url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base_url) else { return false };
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::from("sk-planted-1234");
        let address = Address {
            base_url: "http://localhost:1/v1/".to_owned(),
            key: Some(key),
            timeout: Duration::from_secs(1),
            ca_file: None,
        };
        let line = Line::new(&address).unwrap();
        let shown = format!("{address:?} {line:?} {:?}", line.client.config().headers());
        assert!(!shown.contains("planted"), "{shown}");
        assert_eq!(line.client.config().url("/models"), "http://localhost:1/v1/models");
        let broken = Address { key: Some(Key::from("sk\nplanted")), ..address };
        assert!(!format!("{}", Line::new(&broken).unwrap_err()).contains("planted"));
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        assert!(
            is_here("http://localhost:8080/v1")
                && is_here("http://127.0.0.1/v1")
                && is_here("http://[::1]:1/v1")
        );
        assert!(
            !is_here("https://api.openai.com/v1")
                && !is_here("http://localhost.example.com/v1")
                && !is_here("")
        );
    }
}
