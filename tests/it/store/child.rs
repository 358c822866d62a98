//! A second process that writes to a run: this test binary, started again with two variables set.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use longhand::name::RunId;
use longhand::store::{Durability, Store};

use super::kill::event;

const ROOT: &str = "LONGHAND_TEST_STORE";
const RUN: &str = "LONGHAND_TEST_RUN";

/// A process that holds a run, appends once for each byte it is sent, and says which appends returned.
pub(super) struct Writer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStderr>,
}

impl Writer {
    pub(super) fn start(root: &Path, run: &RunId) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::child::writes_when_started_again", "--exact", "--nocapture"])
            .env(ROOT, root)
            .env(RUN, run.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stderr.take().unwrap());
        let mut writer = Self { child, orders, answers };
        assert_eq!(writer.next_answer().as_deref(), Some("open"));
        writer
    }

    /// Orders `count` appends without waiting for them.
    pub(super) fn order(&mut self, count: usize) {
        self.orders.write_all(&vec![b'+'; count]).unwrap();
    }

    /// Waits for the next append and returns its sequence number; none once the process is gone.
    pub(super) fn acked(&mut self) -> Option<u64> {
        self.next_answer().map(|line| line.strip_prefix("acked ").unwrap().parse().unwrap())
    }

    /// Kills the process at once and returns what it had still said.
    pub(super) fn kill(mut self) -> Vec<u64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.acked()).collect()
    }

    fn next_answer(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        // A line without an end was cut off by the kill: nobody was told of that append.
        line.strip_suffix('\n').map(str::to_owned)
    }
}

/// The second process. Where the variables are not set, this is the first one, and there is nothing to check.
#[test]
fn writes_when_started_again() {
    let (Ok(root), Ok(run)) = (std::env::var(ROOT), std::env::var(RUN)) else { return };
    let store = Store::open(Path::new(&root)).unwrap();
    let journal = store.open_run(&run.parse().unwrap(), Durability::Kill).unwrap();
    eprintln!("open");
    for order in std::io::Read::bytes(std::io::stdin()) {
        order.unwrap();
        // Only this process appends, so the number of the next record is known before it is appended.
        let next = journal.entries::<serde_json::Value>().count() as u64;
        let mut line = Vec::new();
        writeln!(line, "acked {}", journal.append(&event(next)).unwrap()).unwrap();
        std::io::stderr().write_all(&line).unwrap();
    }
}
