//! What the doctor finds out of three kinds of endpoint.

use super::project;
use crate::support::provider::{Ability, Behaviour, Fault, Provider, Tokenizer};

fn seen(behaviour: Behaviour) -> (Option<i32>, String) {
    let provider = Provider::start(behaviour);
    let longhand = project(&provider, ", context: 16000", 0);
    let ended = longhand.run(&["doctor", "there"]);
    let port = provider.address().port().to_string();
    // Times differ from run to run.
    let told = ended.stdout.lines().map(|line| line.replace(&port, "[port]"));
    let times = regex::Regex::new(r"\d+ ms|[\d.]+ tokens/s|all at once").unwrap();
    let told = told.map(|line| times.replace_all(&line, "[time]").into_owned() + "\n");
    (ended.code, told.collect::<String>() + &ended.stderr)
}

#[test]
fn one_that_can_do_everything() {
    let (code, told) = seen(Behaviour {
        tokenizer: Tokenizer::O200k,
        json: vec![r#"{"ferry": "Elsa", "year": 1913}"#.to_owned()],
        ..Behaviour::default()
    });
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(told, @"
    openai:some-model@http://127.0.0.1:[port]/v1
    answers      yes      some-model answered in [time]
    usage        yes      14 tokens of prompt told, 17 counted here
    streams      yes      13 pieces, the first after [time], then [time]; tells its usage
    JSON schema  yes      the answer keeps it
    window       yes      a prompt of 5499 tokens was read; `--whole-window` tries all 16000
    embeddings   yes      vectors of 32 numbers
    batches      yes      `--batch` can be used
    ");
}

#[test]
fn one_of_ones_own_that_can_do_little_and_cuts_prompts() {
    let without = vec![Ability::JsonSchema, Ability::Embeddings, Ability::Batch, Ability::StreamOptions];
    let (code, told) = seen(Behaviour {
        without,
        faults: vec![(Fault::CutAt(2048), 1000)],
        most_faults_per_body: 99,
        ..Behaviour::default()
    });
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(told, @"
    openai:some-model@http://127.0.0.1:[port]/v1
    answers      yes      some-model answered in [time]
    usage        yes      15 tokens of prompt told, 17 counted here
    streams      yes      13 pieces, the first after [time], then [time]; does not tell its usage
    JSON schema  no       it takes none: answers are checked here, and asked again
    window       no       the endpoint read only 2048 of the prompt's 3908 tokens and did not say so: its window seems to hold 2048 tokens; write `context: 2048` at the model in `longhand.yaml`, or give the server a larger window
    embeddings   no       the endpoint knows no such model or address: Unknown request URL: /v1/embeddings
    batches      no       the endpoint knows no such model or address: Unknown request URL: /v1/batches
    ");
}

#[test]
fn one_that_wants_another_key() {
    let (code, told) = seen(Behaviour { api_key: Some("sk-right".to_owned()), ..Behaviour::default() });
    assert_eq!(code, Some(6));
    insta::assert_snapshot!(told, @"
    openai:some-model@http://127.0.0.1:[port]/v1
    answers      no       the endpoint does not accept the key: Incorrect API key provided.
    ");
}
