//! A request that nobody waits for any more costs no further token.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use candle_core::Device;

use super::tiny::model;
use super::toy::{ask, run, writing};
use crate::local::gguf::ModelFile;
use crate::local::llama::Llama;
use crate::local::serving::{Capacity, Scheduler};
use crate::local::tokenizer::Vocabulary;
use crate::local::weights::Storage;

#[test]
fn writing_ends_with_the_token_in_which_it_is_cancelled() {
    let (_dir, path) = model();
    let mut file = ModelFile::open(&path).unwrap();
    let vocabulary = Arc::new(Vocabulary::load(&file).unwrap());
    let llama = Llama::load(&mut file, vocabulary.len(), 2048, Storage::Dense, &Device::Cpu).unwrap();
    let capacity = Capacity { sequences: 4, tokens: 256, pages: 32, lookup: true, ignore_end: false };
    let mut scheduler = Scheduler::new(Box::new(llama), vocabulary, capacity);
    let prompt: Vec<u32> = (0..40_u32).map(|at| 3 + at * 37 % 260).collect();
    let mut write = |cancel_after: usize| {
        let (job, mut waits) = ask(prompt.clone(), writing(400, Some(3)));
        scheduler.submit(job);
        let mut told = 0;
        while !scheduler.is_idle() && told < cancel_after {
            scheduler.step();
            told += waits.pieces();
        }
        waits.cancel.store(true, Ordering::Relaxed);
        run(&mut scheduler);
        told += waits.pieces();
        (waits.answer().map(|answer| answer.unwrap().completion), told)
    };
    let (whole, pieces) = write(usize::MAX);
    assert!(whole.is_some() && pieces > 8, "{pieces} pieces");
    for after in [1, 7] {
        assert_eq!(write(after), (None, after), "no token after the one in which it was cancelled");
    }
    assert_eq!(write(usize::MAX), (whole, pieces), "what was cancelled leaves nothing behind");
}
