//! What is sent and what comes back, in the forms that servers really use.

use super::*;
use crate::model::Sampling;

const OPEN: Manners =
    Manners { completion_tokens: false, temperature: true, schema: true, stream_usage: true, seed: true };

fn request() -> ChatRequest {
    ChatRequest::new(vec![Message::system("Be brief."), Message::user("What sank?")], TokenCount(64))
}

#[test]
fn a_plain_request_says_only_what_it_must() {
    let sent = body("m", &request(), TokenCount(64), OPEN, None, false);
    assert_eq!(
        sent,
        json!({
            "model": "m", "max_tokens": 64, "temperature": 0.0,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What sank?"}],
        })
    );
}

#[test]
fn a_full_request_says_everything() {
    let sampling = Sampling { temperature: 0.5, top_p: 0.9, top_k: 40, repetition_penalty: 1.5, seed: 7 };
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    let full = ChatRequest {
        sampling,
        stop: vec!["\n\n".to_owned()],
        output: OutputForm::Json(schema),
        ..request()
    };
    let manners = Manners { completion_tokens: true, ..OPEN };
    let sent = body("m", &full, TokenCount(9), manners, Some("low"), true);
    insta::assert_snapshot!(sent.to_string(), @r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What sank?"}],"max_completion_tokens":9,"temperature":0.5,"top_p":0.9,"seed":7,"top_k":40,"repetition_penalty":1.5,"stop":["\n\n"],"reasoning_effort":"low","response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"answer":{"type":"array","items":{"type":"integer"}}},"required":["answer"],"additionalProperties":false},"strict":true}},"stream":true,"stream_options":{"include_usage":true}}"#);
}

#[test]
fn only_closed_schemas_are_strict() {
    let closed =
        json!({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": false});
    assert!(is_strict(&closed));
    assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})));
    assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false})));
    assert!(!is_strict(&json!({"type": "array", "items": {"oneOf": [{}, {}]}})));
}

#[test]
fn an_answer_is_read_with_all_that_it_brings() {
    let reply = json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m-2024", "provider": "somebody",
        "choices": [{"index": 0, "finish_reason": "stop", "native_finish_reason": "eos", "message":
            {"role": "assistant", "content": "The ferry.", "reasoning_content": "It says so.", "annotations": [1]}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 16}, "cost": 0.1},
    });
    let answer = Answer::whole(reply);
    let usage = answer.usage.unwrap();
    assert_eq!((usage.prompt_tokens.0, usage.cached_prompt_tokens.0, usage.completion_tokens.0), (20, 16, 5));
    let response = answer.response(&request(), usage);
    assert_eq!((response.text.as_str(), response.reasoning.as_deref()), ("The ferry.", Some("It says so.")));
    let kept: Vec<&str> = response.extra.keys().map(String::as_str).collect();
    assert_eq!(kept, ["annotations", "native_finish_reason", "id", "created", "model", "provider", "usage"]);
}

#[test]
fn a_stream_adds_up_to_the_same() {
    let mut answer = Answer::default();
    let pieces: Vec<String> = [
        json!({"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}),
        json!({"choices": [{"delta": {"reasoning": "Hm."}}]}),
        json!({"choices": [{"delta": {"content": "The "}}]}),
        json!({"choices": [{"delta": {"content": "ferry."}, "finish_reason": "length"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
    ]
    .into_iter()
    .map(|event| answer.event(event))
    .collect();
    assert_eq!(pieces, ["", "", "The ", "ferry.", ""]);
    assert_eq!((answer.stop(), answer.reasoning.as_str()), (Some(StopReason::Length), "Hm."));
    assert_eq!(answer.usage.unwrap().completion_tokens, TokenCount(2));
}

#[test]
fn odd_replies_are_read_as_far_as_they_go() {
    for odd in [json!(null), json!([]), json!({}), json!({"choices": []}), json!({"choices": 7})] {
        let answer = Answer::whole(odd);
        assert!(!answer.chosen && answer.text.is_empty() && answer.usage.is_none());
    }
    let parts = json!({"choices": [{"message": {"content": [{"type": "text", "text": "a"}, "b", 3]}}]});
    assert_eq!(Answer::whole(parts).text, "ab");
    assert_eq!(usage(&json!({"prompt_tokens": 3})), None, "half a usage is none");
    assert_eq!(usage(&json!({"prompt_tokens": -3, "completion_tokens": 1})), None);
}

#[test]
fn what_was_thought_is_told_apart_and_a_wrapped_answer_is_unwrapped() {
    let said = |text: &str| Answer { text: text.to_owned(), ..Answer::default() };
    let response = said("<think>\nA ferry?\n</think>\n\nYes.").response(&request(), Usage::default());
    assert_eq!((response.text.as_str(), response.reasoning.as_deref()), ("Yes.", Some("A ferry?")));
    let output = OutputForm::Json(json!({"type": "array"}));
    let array = ChatRequest { output, ..request() };
    assert_eq!(said("{\"answer\": [1, 2]}").response(&array, Usage::default()).text, "[1,2]");
    let choice = ChatRequest { output: OutputForm::Choice(vec!["yes".to_owned()]), ..request() };
    assert_eq!(said("{\"answer\": \"yes\"}").response(&choice, Usage::default()).text, "yes");
    assert_eq!(said("[1, 2]").response(&array, Usage::default()).text, "[1, 2]");
}

#[test]
fn a_choice_is_found_in_what_surrounds_it() {
    let choices = ["yes", "no", "1", "12"].map(str::to_owned);
    let found = |answer| choice(answer, &choices).map(String::as_str);
    assert_eq!(found("Yes."), Some("yes"));
    assert_eq!(found("**No**, it did not"), Some("no"));
    assert_eq!(found("12"), Some("12"));
    assert_eq!(found("1: the first"), Some("1"));
    assert_eq!(found("nothing"), None);
    assert_eq!(found(""), None);
}

#[test]
fn what_an_endpoint_does_not_take_is_left_out() {
    let less = OPEN.without("", "Unrecognized request argument supplied: stream_options").unwrap();
    assert!(!less.stream_usage && less.schema);
    let less = OPEN.without("max_tokens", "use 'max_completion_tokens' instead").unwrap();
    assert!(less.completion_tokens);
    assert_eq!(OPEN.without("messages", "too long"), None);
}
