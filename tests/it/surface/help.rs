//! `--help` of every subcommand, the README held against it, and completions.

use std::fs;

use crate::longhand::Longhand;

/// Every subcommand, with words that its help must say.
const HELP: [(&[&str], &[&str]); 40] = [
    (&[], &["summarize", "ask", "--model", "--json", "--jsonl", "--offline", "--quiet", "Examples:"]),
    (&["summarize"], &["--output", "--method", "--force", "PATH", "stdin"]),
    (&["ask"], &["--question", "--method", "PATH"]),
    (&["chat"], &["--session", "--message", "--import", "--attach", "--export", "Examples:"]),
    (&["run"], &["--param", "KEY=VALUE", "--together", "--output", "WORKFLOW"]),
    (&["plan"], &["--max-tokens", "--max-cost", "summarize", "ask", "WORKFLOW", "--param"]),
    (&["plan", "summarize"], &["--max-tokens", "--method"]),
    (&["plan", "ask"], &["--max-cost", "--question"]),
    (&["graph"], &["mermaid", "dot", "svg", "--run"]),
    (&["check"], &["WORKFLOW"]),
    (&["runs"], &["list", "show", "resume", "diff", "fork", "rm"]),
    (&["think"], &["--segment", "--rounds", "--trained", "--export-rounds", "--convert"]),
    (&["runs", "list"], &["--json"]),
    (&["runs", "show"], &["--call", "--plan", "--plot", "--export-rounds"]),
    (&["runs", "diff"], &["differ"]),
    (&["runs", "fork"], &["--from", "--param", "anew"]),
    (&["runs", "resume"], &["interrupted"]),
    (&["runs", "rm"], &["Remove"]),
    (&["cache"], &["stats", "clear"]),
    (&["cache", "stats"], &["--json", "served"]),
    (&["cache", "clear"], &["anew"]),
    (&["store"], &["verify", "compact", "migrate"]),
    (&["store", "verify"], &["exits with 1"]),
    (&["store", "compact"], &["--backups"]),
    (&["store", "migrate"], &["backup"]),
    (&["models"], &["list", "pull", "info"]),
    (&["models", "list"], &["can be fetched"]),
    (&["models", "pull"], &["Fetch"]),
    (&["models", "info"], &["GGUF"]),
    (&["workflows"], &["list", "show", "copy"]),
    (&["workflows", "list"], &["--json"]),
    (&["workflows", "show"], &["NAME", "--resolved"]),
    (&["workflows", "copy"], &["workflows/", "--force"]),
    (&["schema"], &["workflow", "agent", "config", "report", "events", "plan", "diff"]),
    (&["doctor"], &["Check"]),
    (&["eval"], &["memory", "think", "math"]),
    (&["eval", "memory"], &["--data", "--embedder", "Exits with 8"]),
    (&["eval", "think"], &["--data", "--segment", "long-routes", "Exits with 8"]),
    (&["eval", "math"], &["--data", "--sample", "--seed", "--trained", "gsm8k", "Exits with 5"]),
    (&["completions"], &["bash", "zsh", "fish"]),
];

#[test]
fn every_subcommand_explains_itself_on_stdout() {
    let longhand = Longhand::new();
    for (command, words) in HELP {
        let ended = longhand.run(&[command, &["--help"]].concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{command:?}");
        for word in words {
            assert!(ended.stdout.contains(word), "{command:?} does not say {word:?}: {}", ended.stdout);
        }
    }
}

/// The words of every `longhand` command in the code blocks of a page, without shell comments.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let line = line.trim().trim_start_matches("$ ");
        for part in line.split(['|', ';', '&']).map(str::trim).filter(|_| fenced) {
            if let Some(rest) = part.strip_prefix("longhand ") {
                found.push(
                    rest.split_whitespace()
                        .take_while(|word| !word.starts_with('#'))
                        .map(str::to_owned)
                        .collect(),
                );
            }
        }
    }
    found
}

#[test]
fn every_command_in_the_readme_names_what_there_is() {
    let longhand = Longhand::new();
    let Ok(readme) = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")) else {
        eprintln!("SKIPPED: there is no README.md to hold against the command");
        return;
    };
    let mut seen = 0;
    for words in commands(&readme) {
        let named: Vec<&str> = words.iter().map(String::as_str).collect();
        let command = (0..=2).rev().find_map(|length| {
            let command = named.get(..length)?;
            HELP.iter().find(|(known, _)| *known == command)
        });
        let command = command.unwrap().0;
        assert!(
            !command.is_empty() || named.first().is_some_and(|word| word.starts_with('-')),
            "no such command: {named:?}"
        );
        let help = longhand.run(&[command, &["--help"]].concat()).stdout;
        for option in named.iter().filter(|word| word.starts_with('-') && **word != "-") {
            let option = option.split('=').next().unwrap();
            assert!(help.contains(option), "`longhand {}` has no {option}", command.join(" "));
        }
        seen += 1;
    }
    assert!(seen > 3, "the README shows {seen} commands");
}

#[test]
fn a_command_line_is_told_what_is_wrong_with_it_on_stderr() {
    let longhand = Longhand::new();
    for args in [
        &["sumarize", "a.txt"][..],
        &["summarize"],
        &["ask", "a.txt"],
        &["runs", "show"],
        &["summarize", "a", "--window", "big"],
    ] {
        let ended = longhand.run(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[test]
fn completions_know_the_subcommands() {
    let longhand = Longhand::new();
    for (shell, word) in
        [("bash", "complete -F _longhand"), ("zsh", "#compdef longhand"), ("fish", "complete -c longhand")]
    {
        let ended = longhand.run(&["completions", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains(word) && ended.stdout.contains("summarize"), "{shell}");
    }
    assert_eq!(longhand.run(&["completions", "abacus"]).code, Some(2));
}
