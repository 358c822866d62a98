//! The gauge against servers of every kind: those that read all are never accused, those that cut are found out.

use std::sync::Arc;

use super::super::count::{Conservative, Vocabulary};
use super::super::gauge::{Gauge, SURE, Verdict};
use super::servers::{Server, Tokenizer, conversation};
use super::texts::{Draw, long};
use crate::model::{Message, Role};
use crate::text::{TokenCount, TokenCounter};

/// Asks as a caller does: a sample wherever one is wanted. Returns the last verdict and how many samples it took.
fn ask(gauge: &Gauge, server: &Server, messages: &[Message]) -> (Verdict, usize) {
    let reported = server.reads(messages);
    for samples in 0.. {
        let verdict = gauge.judge(messages, reported);
        if verdict != Verdict::Suspect {
            if verdict == Verdict::Sound {
                gauge.learn(messages, reported);
            }
            return (verdict, samples);
        }
        let sample = gauge.sample(messages);
        gauge.learn(&sample, server.reads(&sample));
    }
    unreachable!("the loop has no end")
}

fn real(tokens: u64) -> f64 {
    f64::from(u32::try_from(tokens).unwrap())
}

fn estimating() -> Gauge {
    Gauge::new(Arc::new(Conservative), false)
}

/// Draws a length in bytes, as likely short as long.
fn bytes(draw: &mut Draw, least: u32, doublings: usize) -> usize {
    let doubled = 1_usize << (least as usize + draw.below(doublings));
    doubled + draw.below(doubled)
}

/// Draws servers and prompts by these seeds and asks each server for the first time.
fn first_calls(seeds: std::ops::Range<u64>, mut check: impl FnMut(&mut Draw, u64)) {
    for seed in seeds {
        // Neighbouring seeds begin alike.
        let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        check(&mut draw, seed);
    }
}

#[test]
fn a_server_that_reads_all_is_never_accused() {
    first_calls(0..160, |draw, seed| {
        let server = Server::honest(draw);
        let size = bytes(draw, 5, 13);
        let messages = conversation(draw, size);
        let (verdict, samples) = ask(&estimating(), &server, &messages);
        assert_eq!(verdict, Verdict::Sound, "{seed}: {server:?}, {size} bytes");
        assert!(samples <= 2, "{seed}: {samples} samples");
    });
}

#[test]
fn a_server_that_cuts_is_found_out_at_the_first_cut() {
    let mut slight = (0, 0);
    first_calls(0..160, |draw, seed| {
        let mut server = Server::honest(draw);
        let size = bytes(draw, 12, 5);
        let messages = conversation(draw, size);
        server.window = [2048, 4096, 8192][draw.below(3)];
        let whole = server.whole(&messages);
        if whole <= server.window {
            return;
        }
        let (verdict, samples) = ask(&estimating(), &server, &messages);
        assert!(samples <= 2, "{seed}: {samples} samples");
        if real(server.window) < (1.0 - SURE) * real(whole) {
            let Verdict::Cut { counted, read } = verdict else {
                panic!("{seed}: {server:?}, {size} bytes, {whole} tokens: {verdict:?}");
            };
            assert_eq!(read.0, server.window);
            assert!(counted > read && real(counted.0) < 1.05 * real(whole), "{seed}: {counted} for {whole}");
        } else if real(server.window) < 0.9 * real(whole) {
            slight = (slight.0 + 1, slight.1 + usize::from(verdict != Verdict::Sound));
        }
    });
    assert!(
        slight.1 * 2 >= slight.0,
        "of {} cuts of a tenth to a fifth {} were found out",
        slight.0,
        slight.1
    );
}

#[test]
fn a_run_of_prompts_takes_few_samples() {
    for seed in 0..12 {
        let mut draw = Draw(seed * 7919);
        let server = Server::honest(&mut draw);
        let gauge = estimating();
        let mut samples = 0;
        for part in 0..12 {
            let messages =
                [Message::system("Be brief."), Message::user(long("english", 24_000, seed * 100 + part))];
            let (verdict, taken) = ask(&gauge, &server, &messages);
            assert_eq!(verdict, Verdict::Sound, "{server:?}");
            let estimate = gauge.prompt_tokens(&messages).0;
            let whole = server.whole(&messages);
            assert!(
                estimate >= whole && real(estimate) < 1.35 * real(whole),
                "{server:?}: {estimate} for {whole}"
            );
            assert!(gauge.most(&messages).0 > estimate);
            samples += taken;
        }
        assert!(samples <= 3, "{server:?}: {samples}");
    }
}

#[test]
fn a_server_that_was_found_to_cut_needs_no_more_samples() {
    let mut server = Server::honest(&mut Draw(11));
    server.window = 4096;
    let gauge = estimating();
    let prompt = |seed| vec![Message::user(long("english", 60_000, seed))];
    assert!(matches!(ask(&gauge, &server, &prompt(1)).0, Verdict::Cut { .. }));
    let (verdict, samples) = ask(&gauge, &server, &prompt(2));
    assert!(matches!(verdict, Verdict::Cut { .. }), "{verdict:?}");
    assert_eq!(samples, 0);
}

#[test]
fn small_prompts_are_no_cause_for_doubt() {
    let gauge = estimating();
    let messages = [Message::user(long("english", 2000, 1))];
    assert_eq!(gauge.judge(&messages, TokenCount(430)), Verdict::Sound);
    assert_eq!(gauge.judge(&[Message::user("hi")], TokenCount(3)), Verdict::Sound);
    assert_eq!(gauge.judge(&[], TokenCount(5)), Verdict::Sound);
}

#[test]
fn usage_that_cannot_be_is_absurd() {
    for exact in [false, true] {
        let gauge = Gauge::new(Arc::new(Vocabulary::O200k), exact);
        let messages = [Message::user(long("english", 8000, 1))];
        for reported in [0, 1, 30_000, u64::MAX] {
            assert_eq!(gauge.judge(&messages, TokenCount(reported)), Verdict::Absurd, "{reported}");
        }
        // What cannot be teaches nothing.
        gauge.learn(&messages, TokenCount(0));
        let before = gauge.most(&messages);
        gauge.learn(&messages, TokenCount(u64::MAX));
        assert_eq!(gauge.most(&messages), before);
    }
}

#[test]
fn an_exact_counter_needs_no_sample_unless_tokens_are_missing() {
    let exact = || Gauge::new(Arc::new(Vocabulary::O200k), true);
    let mut server =
        Server { tokenizer: Tokenizer::Published(Vocabulary::O200k), form: 4, preamble: 3, window: u64::MAX };
    let messages = [Message::system("Be brief."), Message::user(long("finnish", 20_000, 5))];
    let whole = server.whole(&messages);
    let gauge = exact();
    assert_eq!(gauge.prompt_tokens(&messages), TokenCount(whole));
    assert!(gauge.most(&messages) > TokenCount(whole) && gauge.most(&messages) < TokenCount(whole + 64));
    assert_eq!(ask(&gauge, &server, &messages), (Verdict::Sound, 0));
    server.window = whole * 9 / 10;
    let read = TokenCount(server.window);
    assert_eq!(ask(&exact(), &server, &messages), (Verdict::Cut { counted: TokenCount(whole), read }, 2));
}

#[test]
fn a_counter_that_is_not_exact_after_all_accuses_nobody() {
    // The name says one vocabulary, and the server has another.
    first_calls(0..40, |draw, seed| {
        let gauge = Gauge::new(Arc::new(Vocabulary::Cl100k), true);
        let server = Server::honest(draw);
        let size = bytes(draw, 12, 4);
        let messages = conversation(draw, size);
        assert_eq!(ask(&gauge, &server, &messages).0, Verdict::Sound, "{seed}: {server:?}");
    });
}

#[test]
fn a_sample_comes_from_all_parts_of_the_same_messages() {
    let text = long("english", 3000, 1) + &long("chinese", 60_000, 2) + &long("russian", 3000, 3);
    let messages = [Message::system("Be brief."), Message::user(text)];
    let sample = estimating().sample(&messages);
    assert_eq!(sample.len(), 2);
    assert_eq!((sample[0].role, sample[0].content.as_str()), (Role::System, "Be brief."));
    let tokens = Conservative.count(&sample[1].content).0;
    assert!((500..1200).contains(&tokens), "{tokens}");
    for script in ['a'..='z', '一'..='龥', 'а'..='я'] {
        assert!(sample[1].content.contains(|character| script.contains(&character)), "{script:?}");
    }
    let words = sample[1].content.split(' ').filter(|word| word.bytes().all(|b| b.is_ascii_lowercase()));
    assert!(words.clone().count() > 5 && words.clone().all(|word| messages[1].content.contains(word)));
}

#[test]
fn what_is_set_aside_before_anything_is_known_is_more_than_the_estimate() {
    let gauge = estimating();
    let messages = [Message::user(long("english", 4000, 1))];
    let estimate = gauge.prompt_tokens(&messages);
    assert_eq!(estimate, Conservative.count(&messages[0].content) + TokenCount(7));
    assert!(real(gauge.most(&messages).0) >= 1.25 * real(estimate.0));
    gauge.learn(&messages, TokenCount(estimate.0 * 2));
    assert!(gauge.prompt_tokens(&messages) >= TokenCount(estimate.0 * 2));
}
