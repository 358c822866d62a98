//! What is true of any two answers, and of answers that are made to hurt.

use proptest::prelude::*;

use super::*;

/// Texts that a parser, a computation or the stack could break on.
fn hostile() -> Vec<String> {
    let many = |text: &str| text.repeat(30_000 / text.len());
    let most = |text: &str| text.repeat(1_000_000 / text.len());
    let some = |text: &str| text.repeat(2000 / text.len());
    let mut all = Vec::new();
    for text in [
        "{", "(", "[", "\\{", "\\frac{", "\\sqrt{", "-", "!", "'", "%", "|", "^", "2^", "x^", "1,", "\\sin",
        "_{",
    ] {
        all.push(many(text));
        all.push(some(text));
        all.push(some(text) + "1");
        all.push(format!("1{}", some(text)));
    }
    for text in [
        "9",
        "9!+",
        "400!*",
        "2^{4000}+",
        "x+",
        "\\binom{9999}{400}+",
        "1/7+",
        "(1,2),",
        "\\boxed{",
        "\\text{",
        "½",
    ] {
        all.push(some(text));
        all.push(some(text) + "1");
        all.push(many(text));
    }
    all.extend(["{", "1,", "\\boxed{", "####", "answer is ("].map(most));
    for text in [
        "9^{9^{9^{9^9}}}",
        "10^{-99999999999999999999}",
        "(-1)^{10^{30}}",
        "0^{0}",
        "1/0",
        "0^{-1}",
        "\\log_1 5",
        "\\log_0 0",
        "\\sqrt[0]{5}",
        "\\sqrt[-3]{5}",
        "\\sqrt[99999999999]{5}",
        "\\infty-\\infty",
        "0\\cdot\\infty",
        "\\infty^{\\infty}",
        "170!^{170!}",
        "9223372036854775808!",
        "\\gcd(9223372036854775807, 0)",
        "\\begin{pmatrix}\\end{pmatrix}",
        "\\begin{array}{",
        "\\begin",
        "52_",
        "x_{",
        "\u{0}",
        "\\",
        "$",
        "",
        "é\\frac½",
        "0.\\overline{",
        "1\\frac{9223372036854775807}{9223372036854775808}",
    ] {
        all.push(text.to_owned());
    }
    all
}

/// Sets in sets, of numbers that take long to compute, and the same with another number at its end.
#[test]
fn sets_of_sets_end() {
    let mut deep = "1".to_owned();
    for number in 0..7 {
        deep = format!("\\{{{deep},\\{{{number},{deep}\\}}\\}}");
    }
    assert!(deep.len() < 2048 && !equivalent(&deep, &deep.replacen("\\{1,", "\\{2,", 1)));
    let heavy = |last: u32| {
        let powers: Vec<String> =
            (0..60).map(|number| format!("7^{{14{number:02}}}\\cdot3^{{99}}+{last}")).collect();
        powers.join(", ")
    };
    assert!(heavy(1).len() < 2048 && !equivalent(&heavy(1), &heavy(2)));
    assert!(equivalent(&heavy(1), &heavy(1).rsplit(", ").collect::<Vec<_>>().join(", ")));
}

#[test]
fn words_are_compared_without_case_and_signs() {
    assert_eq!(words(" «Émile» — the 2nd… "), "émile the 2nd");
}

#[test]
fn hostile_answers_end_and_are_what_they_are() {
    let all = hostile();
    for text in &all {
        assert!(equivalent(text, text));
        for kind in [AnswerKind::Words, AnswerKind::Math, AnswerKind::Number, AnswerKind::Choice] {
            if let Some(found) = extract(text, kind) {
                assert!(text.contains(found));
            }
        }
    }
    for text in &all {
        assert!(!equivalent(text, "123456"), "{}", &text[..text.len().min(40)]);
        let _ = equivalent(text, "x!+10^{9}");
        let _ = equivalent(text, "(1,2)");
    }
    for pair in all.windows(2) {
        let _ = equivalent(&pair[0], &pair[1]);
    }
}

/// Pieces of answers, put together as they come.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "1",
        "2",
        "10",
        "0.5",
        "x",
        "y",
        "n",
        "e",
        "i",
        "+",
        "-",
        "*",
        "/",
        "^",
        "_",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\{",
        "\\}",
        "\\frac",
        "\\sqrt",
        "\\pi",
        "\\infty",
        "\\pm",
        "\\cup",
        "\\cap",
        "=",
        "<",
        "\\le",
        ",",
        "!",
        "\\%",
        "|",
        "^\\circ",
        "\\sin",
        "\\log",
        "\\binom",
        "\\text{ cm}",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "&",
        "\\\\",
        " ",
        ":",
        "'",
        "\\overline",
        "\\lfloor",
        "\\rfloor",
        "and",
        "\\mathbb{R}",
        "\\in",
        "\\ne",
        "word",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// A formula that can be read, of numbers and one variable. Nothing is taken away, so that no digits get lost.
fn formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u32..100).prop_map(|number| number.to_string()),
        Just("x".to_owned()),
        Just("\\pi".to_owned()),
        (1_u32..9, 1_u32..9).prop_map(|(above, below)| format!("\\frac{{{above}}}{{{below}}}")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), inner, 0..3).prop_map(|(one, two, join)| match join {
            0 => format!("({one}+{two})"),
            1 => format!("({one})\\cdot({two})"),
            _ => format!("\\sqrt{{({one})^2+({two})^2}}"),
        })
    })
}

proptest! {
    #[test]
    fn any_two_texts_are_compared_the_same_from_both_sides(one in pieces(), two in pieces()) {
        prop_assert!(equivalent(&one, &one));
        prop_assert_eq!(equivalent(&one, &two), equivalent(&two, &one));
    }

    #[test]
    fn any_text_at_all_is_compared_and_searched(one in any::<String>(), two in any::<String>()) {
        prop_assert!(equivalent(&one, &one));
        prop_assert_eq!(equivalent(&one, &two), equivalent(&two, &one));
        for kind in [AnswerKind::Words, AnswerKind::Math, AnswerKind::Number, AnswerKind::Choice] {
            if let Some(found) = extract(&one, kind) {
                prop_assert!(one.contains(found) && (kind == AnswerKind::Words || !found.is_empty()));
            }
        }
    }

    #[test]
    fn a_formula_is_the_same_however_it_is_written(one in formula(), two in formula()) {
        let doubled = format!("\\frac{{2({one})}}{{2}}");
        let sum = (format!("({one})+({two})"), format!("({two}) - (-({one}))"));
        let product = (format!("({one})({two})"), format!("{two} \\times \\left({one}\\right)"));
        prop_assert!(equivalent(&one, &doubled), "{one}");
        prop_assert!(equivalent(&sum.0, &sum.1), "{one}, {two}");
        prop_assert!(equivalent(&product.0, &product.1), "{one}, {two}");
        prop_assert!(!equivalent(&one, &format!("{one}+({one})^2+1")), "{one}");
    }

    #[test]
    fn a_box_holds_the_answer_whatever_stands_before_it(before in "[^\\\\]{0,40}", answer in formula()) {
        let text = format!("{before} so $\\boxed{{{answer}}}$.");
        prop_assert_eq!(extract(&text, AnswerKind::Math), Some(answer.as_str()));
    }

    #[test]
    fn fractions_are_exact(above in -10_000_i64..10_000, below in 1_i64..10_000, times in 1_i64..10_000) {
        let one = format!("\\frac{{{above}}}{{{below}}}");
        let more = format!("{}/{}", above * times, below * times);
        prop_assert!(equivalent(&one, &more));
        let beside = format!("\\frac{{{}}}{{{}}}", above * 1_000_000_000 + 1, below * 1_000_000_000);
        prop_assert!(!equivalent(&one, &beside));
    }
}
