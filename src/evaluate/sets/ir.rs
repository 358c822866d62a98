//! A pool of passages with questions, as information retrieval lays it out: texts, questions, and which answers which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{DataError, lines, text, word};

/// A pool of texts and the questions about them.
#[derive(Debug)]
pub(in super::super) struct Pool {
    /// The texts, each with its title before it.
    pub(in super::super) texts: Vec<String>,
    /// The questions: the set that one is of, its words, and the positions of the texts that answer it.
    pub(in super::super) questions: Vec<(String, String, BTreeSet<usize>)>,
}

/// Reads the pool of Wikipedia passages.
pub(in super::super) fn wikipool(data: &Path) -> Result<Pool, DataError> {
    let folder = data.join("ir").join("wikipool");
    let corpus = lines(&folder.join("corpus.jsonl.gz"))?;
    let places: BTreeMap<&str, usize> =
        corpus.iter().enumerate().map(|(at, one)| (word(one, "_id"), at)).collect();
    let mut gold: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for line in text(&folder.join("qrels.dev.tsv"))?.lines().skip(1) {
        let mut cells = line.split('\t');
        let (Some(query), Some(id), Some(score)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        if let Some(at) = places.get(id).filter(|_| score.trim() != "0") {
            gold.entry(query.to_owned()).or_default().insert(*at);
        }
    }
    let questions = lines(&folder.join("queries.dev.jsonl.gz"))?;
    let questions = questions.iter().filter_map(|one| {
        let gold = gold.remove(word(one, "_id"))?;
        Some((word(one, "set").to_owned(), word(one, "text").to_owned(), gold))
    });
    let questions = questions.collect();
    let texts = corpus.iter().map(|one| format!("{}. {}", word(one, "title"), word(one, "text"))).collect();
    Ok(Pool { texts, questions })
}
