//! The metrics give what the reference packages gave: `rouge-score` and `ir-measures` over real answers and a real ranking. The
//! recordings are not part of the project: `LONGHAND_DATA` names their folder, and where it does not, the test says so and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use longhand::evaluate::{
    Rouge, average_precision, graded_ndcg, precision, recall, reciprocal_rank, rouge_l, rouge_n,
};
use serde_json::Value;

const NEAR: f64 = 1e-4;

/// The folder of recordings, where it holds `file`.
pub(super) fn folder(file: &str) -> Option<PathBuf> {
    let data = std::env::var_os("LONGHAND_DATA").map(PathBuf::from);
    let found = data.filter(|data| data.join(file).is_file());
    if found.is_none() {
        eprintln!(
            "skipped: `LONGHAND_DATA` names no folder with {file}; set it to the folder of evaluation data"
        );
    }
    found
}

fn near(found: f64, expected: &Value, told: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= NEAR, "{told}: {found}, expected {expected}");
}

#[test]
fn rouge_is_that_of_the_reference_package() {
    let Some(data) = folder("metric_golden/text_metrics.jsonl") else { return };
    let rows = fs::read_to_string(data.join("metric_golden/text_metrics.jsonl")).unwrap();
    let mut counted = 0;
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let (text, reference) = (row["pred"].as_str().unwrap(), row["ref"].as_str().unwrap());
        let found: [(&str, Rouge); 3] = [
            ("rouge1", rouge_n(text, reference, 1)),
            ("rouge2", rouge_n(text, reference, 2)),
            ("rougeL", rouge_l(text, reference)),
        ];
        for (name, found) in found {
            let expected = &row["rouge_nostem"][name];
            for (at, found) in [found.precision, found.recall, found.f].into_iter().enumerate() {
                near(found, &expected[at], &format!("{} {name} {at}", row["id"]));
            }
        }
        counted += 1;
    }
    assert!(counted >= 300, "{counted} rows");
}

#[test]
fn metrics_of_rankings_are_those_of_the_reference_package() {
    let Some(data) = folder("metric_golden/ir_expected.cranfield_dev.json") else { return };
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    let expected: Value =
        serde_json::from_str(&read("metric_golden/ir_expected.cranfield_dev.json")).unwrap();
    let run = read("metric_golden/ir_run.cranfield_dev.bm25_top60.tsv");
    let mut ranked: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
    for line in run.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        ranked.entry(cells[0]).or_default().push((cells[1].parse().unwrap(), cells[2]));
    }
    let judged = read("ir/cranfield/qrels.dev.tsv");
    let mut grades: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for line in judged.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        grades.entry(cells[0]).or_default().insert(cells[1], cells[2].trim().parse().unwrap());
    }
    let queries = expected["per_query"].as_object().unwrap();
    for (query, expected) in queries {
        let ranking = ranked.get_mut(query.as_str()).unwrap();
        ranking.sort_unstable();
        let ranking: Vec<&str> = ranking.iter().map(|(_, id)| *id).collect();
        let of = &grades[query.as_str()];
        let gold: BTreeSet<&str> = of.iter().filter(|(_, grade)| **grade >= 1.0).map(|(id, _)| *id).collect();
        let worth = of.iter().map(|(id, grade)| (id, *grade)).collect();
        for (name, found) in [
            ("P@5", precision(&ranking, &gold, 5)),
            ("R@5", recall(&ranking, &gold, 5)),
            ("R@50", recall(&ranking, &gold, 50)),
            ("RR@10", reciprocal_rank(&ranking, &gold, 10)),
            ("AP@50", average_precision(&ranking, &gold, 50)),
            ("nDCG@10", graded_ndcg(&ranking, &worth, 10)),
        ] {
            near(found, &expected[name], &format!("{query} {name}"));
        }
    }
    assert!(queries.len() >= 100, "{} queries", queries.len());
}
