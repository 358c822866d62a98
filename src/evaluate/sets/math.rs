//! Problems with a short final answer: MATH-500, GSM8K, AMC 2023, and files of the same form.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::{DataError, form, lines, word};
use crate::answer::{AnswerKind, extract};

/// The name of the folder that holds the public sets.
const FOLDER: &str = "math";

/// A set of problems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MathSet {
    /// MATH-500 (Hendrycks et al., 2021; Lightman et al., 2023): answers are formulas.
    Math500,
    /// GSM8K (Cobbe et al., 2021): answers are numbers.
    Gsm8k,
    /// The competitions AMC 12 of 2023: answers are numbers.
    Amc23,
    /// A file of JSON lines, each with `question` and `answer`.
    Own(PathBuf),
}

/// A problem and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct MathProblem {
    pub(in super::super) question: String,
    pub(in super::super) answer: String,
}

impl MathSet {
    /// What kind of answer its problems ask for.
    pub(in super::super) fn kind(&self) -> AnswerKind {
        match self {
            Self::Math500 | Self::Amc23 | Self::Own(_) => AnswerKind::Math,
            Self::Gsm8k => AnswerKind::Number,
        }
    }

    fn file(&self, data: &Path) -> PathBuf {
        match self {
            Self::Math500 => data.join(FOLDER).join("math500.dev250.jsonl.gz"),
            Self::Gsm8k => data.join(FOLDER).join("gsm8k_test.dev660.jsonl.gz"),
            Self::Amc23 => data.join(FOLDER).join("amc23.jsonl"),
            Self::Own(file) => file.clone(),
        }
    }

    /// Reads all problems; `data` is the folder of the public sets.
    pub(in super::super) fn read(&self, data: &Path) -> Result<Vec<MathProblem>, DataError> {
        let path = self.file(data);
        let read = |(number, one): (usize, &Json)| {
            self.problem(one).ok_or_else(|| {
                form(&path, format!("problem {} lacks its `question` or its `answer`", number + 1))
            })
        };
        let problems = lines(&path)?.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        if problems.is_empty() { Err(form(&path, "there is no problem in it")) } else { Ok(problems) }
    }

    fn problem(&self, one: &Json) -> Option<MathProblem> {
        let asked = [word(one, "question"), word(one, "problem")];
        let question = asked.into_iter().map(str::trim).find(|text| !text.is_empty())?;
        let answer = self.gold(one.get("answer")?)?;
        Some(MathProblem { question: question.to_owned(), answer })
    }

    /// The answer alone; some sets have the solution before it.
    fn gold(&self, answer: &Json) -> Option<String> {
        let text = match answer {
            Json::String(text) => text.trim().to_owned(),
            Json::Number(number) => number.to_string(),
            _ => return None,
        };
        // Whole numbers stand there as `27.0`.
        let text = text.strip_suffix(".0").map(str::to_owned).filter(|_| answer.is_number()).unwrap_or(text);
        let marked = text.contains("####") || text.contains("\\boxed");
        let gold = if marked { extract(&text, self.kind())?.trim().to_owned() } else { text };
        Some(gold).filter(|gold| !gold.is_empty())
    }
}

impl std::fmt::Display for MathSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Math500 => f.write_str("MATH-500"),
            Self::Gsm8k => f.write_str("GSM8K"),
            Self::Amc23 => f.write_str("AMC 2023"),
            // Where a file lies is nothing to a reader of its figures.
            Self::Own(file) => match file.file_name() {
                Some(name) => f.write_str(&name.to_string_lossy()),
                None => file.display().fmt(f),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_writes_its_problems_in_its_own_way() {
        for (set, line, question, answer) in [
            (
                MathSet::Math500,
                r#"{"problem": "What?", "solution": "no", "answer": "\\frac{1}{2}"}"#,
                "What?",
                r"\frac{1}{2}",
            ),
            (
                MathSet::Gsm8k,
                r#"{"question": " How many? ", "answer": "2 + 2 = <<2+2=4>>4\n#### 1,204"}"#,
                "How many?",
                "1,204",
            ),
            (MathSet::Amc23, r#"{"problem": "P", "question": "Q", "answer": -1.0}"#, "Q", "-1"),
            (MathSet::Amc23, r#"{"question": "Q", "answer": 0.25}"#, "Q", "0.25"),
            (MathSet::Own("f".into()), r#"{"question": "Q", "answer": 7}"#, "Q", "7"),
            (MathSet::Own("f".into()), r#"{"question": "Q", "answer": "7.0"}"#, "Q", "7.0"),
            (MathSet::Own("f".into()), r#"{"question": "Q", "answer": "so \\boxed{x+1}."}"#, "Q", "x+1"),
            (MathSet::Own("f".into()), r#"{"question": "Q", "answer": "(1, 2]"}"#, "Q", "(1, 2]"),
        ] {
            let read = set.problem(&serde_json::from_str(line).unwrap());
            let expected = MathProblem { question: question.to_owned(), answer: answer.to_owned() };
            assert_eq!(read, Some(expected), "{line}");
        }
        for line in [
            r#"{"question": "Q"}"#,
            r#"{"answer": 1}"#,
            r#"{"question": "Q", "answer": " "}"#,
            r#"{"question": "Q", "answer": null}"#,
        ] {
            assert_eq!(MathSet::Amc23.problem(&serde_json::from_str(line).unwrap()), None, "{line}");
        }
    }
}
