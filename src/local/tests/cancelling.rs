//! A request that nobody waits for any more costs no further token.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Device;

use super::tiny::model;
use crate::local::generate::{Generator, Halt, Writing};
use crate::local::gguf::ModelFile;
use crate::local::llama::Llama;
use crate::local::tokenizer::Vocabulary;
use crate::local::weights::Storage;
use crate::model::Sampling;

#[test]
fn writing_ends_with_the_token_in_which_it_is_cancelled() {
    let (_dir, path) = model();
    let mut file = ModelFile::open(&path).unwrap();
    let vocabulary = Vocabulary::load(&file).unwrap();
    let llama = Llama::load(&mut file, vocabulary.len(), 2048, Storage::Dense, &Device::Cpu).unwrap();
    let mut generator = Generator::new(Box::new(llama), false);
    let prompt: Vec<u32> = (0..40_u32).map(|at| 3 + at * 37 % 260).collect();
    let sampling = Sampling { temperature: 1.0, seed: 3, ..Sampling::default() };
    let mut write = |cancel_after: usize| {
        let cancel = AtomicBool::new(false);
        let mut told = 0;
        let writing = Writing { sampling: &sampling, max_output: 400, stops: &[], constraint: None };
        let ended = generator.write(&vocabulary, &prompt, writing, &cancel, &mut |_| {
            told += 1;
            cancel.store(told >= cancel_after, Ordering::Relaxed);
        });
        (ended.map(|outcome| outcome.completion), told)
    };
    let (whole, pieces) = write(usize::MAX);
    assert!(whole.is_ok() && pieces > 8, "{pieces} pieces");
    for after in [1, 7] {
        let (ended, told) = write(after);
        assert!(matches!(ended, Err(Halt::Cancelled)));
        assert_eq!(told, after, "no token after the one in which it was cancelled");
    }
    let (again, same) = write(usize::MAX);
    assert_eq!((again.ok(), same), (whole.ok(), pieces), "what was cancelled leaves nothing behind");
}
