//! Counters: exact ones in bounded time, and a guess that is rarely too low.

use super::super::count::{Conservative, Vocabulary, of_name, vocabulary};
use super::texts::{Draw, KINDS, kind, long};
use crate::text::{TokenCount, TokenCounter};

const BOTH: [Vocabulary; 2] = [Vocabulary::Cl100k, Vocabulary::O200k];

/// Returns how many times `part` goes into `whole`.
fn times(whole: TokenCount, part: TokenCount) -> f64 {
    f64::from(u32::try_from(whole.0).unwrap()) / f64::from(u32::try_from(part.0).unwrap())
}

#[test]
fn names_lead_to_their_vocabulary() {
    for model in
        ["gpt-4o-mini", "openai/gpt-4.1", "gpt-5.4-mini", "o3", "gpt-oss:20b", "ft:gpt-4o-2024-08-06:a::b"]
    {
        assert_eq!(vocabulary(model), Some(Vocabulary::O200k), "{model}");
    }
    for model in ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo-0125", "text-embedding-3-small"] {
        assert_eq!(vocabulary(model), Some(Vocabulary::Cl100k), "{model}");
    }
    for model in ["gpt-6-sol", "llama3.1:8b", "qwen3", "o1ive", "gpt-4.7", ""] {
        assert!(of_name(model).is_none(), "{model}");
    }
}

#[test]
fn special_tokens_in_a_text_are_text() {
    let counter = of_name("gpt-4o").unwrap();
    assert_eq!(counter.count("hello world"), TokenCount(2));
    assert!(counter.count("<|endoftext|>") > TokenCount(3));
}

#[test]
fn cutting_into_stretches_changes_no_count_where_spaces_part_the_text() {
    for (index, name) in ["english", "finnish", "russian", "rust", "json", "table"].into_iter().enumerate() {
        let text = long(name, 60_000, index as u64);
        let whole = tiktoken_rs::o200k_base_singleton().encode_ordinary(&text).len() as u64;
        assert_eq!(Vocabulary::O200k.count(&text), TokenCount(whole), "{name}");
    }
    let text = long("chinese", 60_000, 7);
    let whole = tiktoken_rs::cl100k_base_singleton().encode_ordinary(&text).len() as u64;
    let count = Vocabulary::Cl100k.count(&text).0;
    assert!(count >= whole && count <= whole + 2 * (60_000 / 4096 + 1), "{count} for {whole}");
}

#[test]
fn a_text_without_boundaries_is_counted_to_its_end() {
    const MEGABYTE: usize = 1_000_000;
    let mut draw = Draw(5);
    let noise: String =
        (0..MEGABYTE).map(|_| char::from(b'A' + u8::try_from(draw.below(26)).unwrap())).collect();
    let runs = ["a", "A", " ", "\n", "\t", "-", "7", "é", "漢", "🎉", "a\u{301}"];
    for text in runs.iter().map(|run| run.repeat(MEGABYTE / run.len())).chain([noise]) {
        for vocabulary in BOTH {
            let count = vocabulary.count(&text).0;
            assert!(count > 5_000 && count <= 1_000_000, "{:?}: {count}", text.chars().next());
        }
    }
}

#[test]
fn the_guess_is_rarely_too_low() {
    for (name, text) in KINDS {
        for (seed, text) in
            [(*text).to_owned(), long(name, 4000, 1), long(name, 20_000, 2)].iter().enumerate()
        {
            let guess = Conservative.count(text);
            for vocabulary in BOTH {
                let ratio = times(guess, vocabulary.count(text));
                assert!(ratio >= 0.95, "{name} {seed} {vocabulary:?}: {ratio:.2}");
            }
        }
    }
}

#[test]
fn the_guess_is_rarely_too_low_for_texts_that_it_was_not_fitted_to() {
    let texts = [
        "El faro quedó a oscuras durante tres noches y los pescadores no se atrevieron a salir del puerto pequeño.",
        "Le phare est resté éteint pendant trois nuits, et les pêcheurs n'ont pas osé quitter le petit port.",
        "Il faro rimase spento per tre notti, e i pescatori non osarono lasciare il porticciolo.",
        "Fyren var släckt i tre nätter och fiskarna vågade inte lämna den lilla hamnen på grund av stormen.",
        "Maják zůstal tři noci zhasnutý a rybáři se neodvážili vyplout z malého přístavu.",
        "Mercusuar itu padam selama tiga malam dan para nelayan tidak berani meninggalkan pelabuhan kecil itu.",
        "De vuurtoren bleef drie nachten donker en de vissers durfden de kleine haven niet te verlaten.",
        "Маяк три ночи стоял тёмным, и рыбаки не решались выйти из маленькой гавани.",
        "灯台は三晩のあいだ消えたままで、漁師たちは小さな港を出ようとしなかった。",
        "등대는 사흘 밤 동안 꺼져 있었고 어부들은 작은 항구를 떠나지 못했다.",
        "SELECT port, SUM(tons) FROM boats WHERE year BETWEEN 1913 AND 1920 GROUP BY port HAVING SUM(tons) > 1e4;",
        "for (int i = 0; i < boats.size(); ++i) { if (!boats[i].lit()) { std::cerr << boats[i].name() << '\\n'; } }",
        "$$\\sum_{k=1}^{n} \\frac{1}{k^2} \\le 2 - \\frac{1}{n}, \\qquad n \\ge 1$$",
        "aGVsbG8gd29ybGQsIHRoaXMgaXMgYSBsb25nZXIgbGluZSBvZiBub2lzZQ==",
        include_str!("../../../LICENSE-APACHE"),
        include_str!("../../../examples/archive/annual-report-2019.md"),
    ];
    for text in texts {
        let guess = Conservative.count(text);
        let ratio =
            BOTH.iter().map(|vocabulary| times(guess, vocabulary.count(text))).fold(f64::MAX, f64::min);
        assert!(ratio >= 0.95, "{ratio:.2} for {text}");
    }
}

#[test]
fn the_guess_is_not_far_too_high_for_english() {
    for text in [kind("english"), include_str!("../../../examples/archive/interview-ingrid-pellow.txt")] {
        for vocabulary in BOTH {
            let ratio = times(Conservative.count(text), vocabulary.count(text));
            assert!(ratio <= 1.6, "{vocabulary:?}: {ratio:.2}");
        }
    }
    assert_eq!(Conservative.count(""), TokenCount(0));
}
