//! The real model against llama.cpp: token ids, argmax and log-probabilities of ten recorded answers.
//!
//! `LONGHAND_DATA` names the folder of recordings, `LONGHAND_MODEL` or `LONGHAND_HOME` the model. Where either is
//! missing the test says so and checks nothing.

use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

use serde::Deserialize;

use super::Computed;
use super::alone::Alone;
use crate::local::gguf::ModelFile;
use crate::local::pass::Rows;
use crate::local::sampling::{likeliest, log_probability};
use crate::local::serving::STEP;
use crate::local::tokenizer::{Piece, Vocabulary};
use crate::local::weights::Storage;
use crate::local::{LocalModel, LocalOptions};
use crate::model::{ChatModel, ChatRequest, Message, OutputForm};
use crate::text::{TokenCount, TokenCounter};

/// Below this distance between its two best tokens, rounding alone may decide which of them wins. Tensors of weights that
/// stay as they are stored round otherwise than llama.cpp.
fn margin(computed: Computed) -> f32 {
    match computed {
        Computed::Cpu | Computed::Tensors(Storage::Dense) => 0.30,
        Computed::Tensors(Storage::Quantized) => 0.60,
        #[cfg(feature = "cuda")]
        Computed::Gpu => 0.60,
    }
}

#[derive(Deserialize)]
struct Recording {
    name: String,
    prompt: String,
    prompt_ids: Vec<u32>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: u32,
    logprob: f32,
    top: Vec<(u32, f32)>,
}

fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

/// Returns the model that is named, if there is one.
pub(super) fn real_model() -> Option<PathBuf> {
    let home = || from_environment("LONGHAND_HOME").map(|home| home.join("models/smollm2.gguf"));
    from_environment("LONGHAND_MODEL").or_else(home).filter(|model| model.is_file())
}

fn recordings() -> Option<(Vec<Recording>, PathBuf)> {
    let data = from_environment("LONGHAND_DATA")?.join("llamacpp_greedy/smollm2_q4_1.jsonl.gz");
    let model = real_model().filter(|_| data.is_file())?;
    let unzipped = std::process::Command::new("gzip").arg("-dc").arg(&data).output().ok()?;
    let mut text = String::new();
    unzipped.stdout.as_slice().read_to_string(&mut text).ok()?;
    Some((text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), model))
}

#[test]
fn the_real_model_agrees_with_llama_cpp() {
    agrees(Computed::Cpu, usize::MAX);
}

#[test]
fn the_real_model_agrees_with_llama_cpp_over_tensors() {
    // A portable build takes half a second of processor time for a token in this way, so only short prompts are tried.
    agrees(Computed::Tensors(Storage::Quantized), 40);
}

#[cfg(feature = "cuda")]
#[test]
fn the_real_model_agrees_with_llama_cpp_on_a_graphics_processor() {
    if super::gpu::is_there() {
        agrees(Computed::Gpu, usize::MAX);
    }
}

/// Holds the recorded answers to prompts of up to `longest` tokens against ours.
fn agrees(computed: Computed, longest: usize) {
    let Some((recordings, path)) = recordings() else {
        eprintln!("skipped: `LONGHAND_DATA` and `LONGHAND_MODEL` name no recordings and no model");
        return;
    };
    let mut file = ModelFile::open(&path).unwrap();
    let vocabulary = Vocabulary::load(&file).unwrap();
    let mut llama = computed.load(&mut file, vocabulary.len(), 8192);
    for recording in recordings.iter().filter(|recording| recording.prompt_ids.len() <= longest) {
        let ids = vocabulary.prompt(&[Piece::Template(&recording.prompt)]).unwrap();
        assert_eq!(ids, recording.prompt_ids, "{}: tokens of the prompt", recording.name);
        let plain = vocabulary.plain(&recording.prompt).unwrap().len() as u64;
        assert_eq!(vocabulary.count(&recording.prompt), TokenCount(plain), "{}: counted", recording.name);
        forced(&mut llama, recording, computed);
    }
}

/// Feeds the prompt and then the recorded tokens, and compares what comes after each.
fn forced(llama: &mut Alone, recording: &Recording, computed: Computed) {
    let began = Instant::now();
    llama.truncate(0);
    let (last, before) = recording.prompt_ids.split_last().unwrap();
    for tokens in before.chunks(STEP) {
        llama.feed(tokens, Rows::None).unwrap();
    }
    let prefill = began.elapsed();
    let forced = std::iter::once(*last).chain(recording.steps.iter().map(|step| step.id));
    let margin = margin(computed);
    let (mut agreed, mut firm, mut differing, mut largest, mut widest) = (0, 0, 0, 0f32, 0f32);
    for (id, step) in forced.zip(&recording.steps) {
        let logits = llama.feed(&[id], Rows::Last).unwrap();
        let best = likeliest(logits);
        largest = largest.max((log_probability(logits, step.id) - step.logprob).abs());
        let (equal, apart) = (best == step.top[0].0, step.top[0].1 - step.top[1].1);
        agreed += usize::from(equal);
        widest = if equal { widest } else { widest.max(apart) };
        firm += usize::from(apart > margin);
        differing += usize::from(apart > margin && !equal);
    }
    eprintln!(
        "{computed:?} {:13} prompt {:5} ids equal, {agreed:2}/{:2} argmax equal, {differing} of {firm} beyond the margin differ, the widest margin of one that differs {widest:.3}, largest difference of log-probability {largest:.4}, prefill {prefill:.1?}, total {:.1?}",
        recording.name,
        recording.prompt_ids.len(),
        recording.steps.len(),
        began.elapsed(),
    );
    assert_eq!(differing, 0, "{}: tokens beyond a margin of {margin} that differ", recording.name);
}

#[test]
fn the_real_model_knows_a_capital() {
    let Some((_, path)) = recordings() else {
        eprintln!("skipped: `LONGHAND_DATA` and `LONGHAND_MODEL` name no recordings and no model");
        return;
    };
    let model = LocalModel::load(&path, &LocalOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ask = |output| {
        let question = Message::user("What is the capital of France?");
        let request = ChatRequest { output, ..ChatRequest::new(vec![question], TokenCount(40)) };
        let answer = runtime.block_on(model.chat(&request, None)).unwrap();
        eprintln!("{answer:?}");
        answer
    };
    assert!(ask(OutputForm::Text).text.contains("Paris"));
    let choices = ["Berlin", "Paris", "Rome"].iter().map(|&choice| choice.to_owned()).collect();
    assert_eq!(ask(OutputForm::Choice(choices)).text, "Paris");
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "capital": { "type": "string", "maxLength": 20 } },
        "required": ["capital"],
        "additionalProperties": false,
    });
    let json: serde_json::Value = serde_json::from_str(&ask(OutputForm::Json(schema)).text).unwrap();
    assert!(json["capital"].is_string());
}
