//! What a run takes of the disk grows with its calls, and not faster.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use longhand::model::{Script, ScriptedModel};
use longhand::run::Outcome;

use crate::driven::Driven;
use crate::longhand::document;

/// The bytes below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().metadata().unwrap());
    files.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()).sum()
}

/// Runs a chain over this many sentences, and gives its calls and the bytes of its store.
async fn chain(sentences: usize) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.md");
    fs::write(&text, document(sentences)).unwrap();
    let model = ScriptedModel::new(Script { context: 500, max_output: 64, ..Script::default() });
    let driven = Driven::new(folder.path(), None, "chain-of-agents", &text, Arc::new(model));
    assert_eq!(driven.drive().await, Outcome::Succeeded);
    let calls = driven.report().calls.len() as u64;
    drop(driven);
    (calls, bytes_below(&folder.path().join("store")))
}

#[tokio::test]
async fn a_call_takes_less_of_the_disk_than_its_prompt_and_no_more_in_a_long_run() {
    let (few, small) = chain(200).await;
    let (many, large) = chain(1_000).await;
    assert!(many > 4 * few && few > 10, "{few} and {many} calls");
    let a_call = (large - small) / (many - few);
    assert!(a_call < 1_500, "{a_call} bytes a call");
    // A tenth more is left for where records happen to end.
    assert!(large * few * 10 < small * many * 11, "{small} bytes of {few} calls became {large} of {many}");
}
