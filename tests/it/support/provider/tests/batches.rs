//! A batch from the file to its results.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Batches, Behaviour, End, Provider, Usage, right_answer};
use super::peer::{Peer, question};

const LINES: usize = 40;

/// Hands in a batch, and gives its name.
fn handed_in(peer: &mut Peer) -> String {
    let line = |number: usize| {
        let id = format!("task-{number:02}");
        let url = "/v1/chat/completions";
        format!("{}\n", json!({"custom_id": id, "method": "POST", "url": url, "body": question(number + 1)}))
    };
    let lines: String = (0..LINES).map(line).collect();
    let form = format!(
        "--cut\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--cut\r\ncontent-disposition: form-data; \
         name=\"file\"; filename=\"in.jsonl\"\r\ncontent-type: application/jsonl\r\n\r\n{lines}\r\n--cut--\r\n"
    );
    peer.send("POST", "/v1/files", "content-type: multipart/form-data; boundary=cut\r\n", form.as_bytes());
    let file = peer.hear().json();
    assert_eq!((&file["bytes"], &file["purpose"]), (&json!(lines.len()), &json!("batch")));
    let asked = json!({
        "input_file_id": file["id"],
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"run": "r1"},
    });
    let batch = peer.ask("/v1/batches", &asked).json();
    assert_eq!((&batch["status"], &batch["metadata"]["run"]), (&json!("validating"), &json!("r1")));
    batch["id"].as_str().unwrap().to_owned()
}

/// The lines of a file of results, of which there may be none.
fn results(peer: &mut Peer, batch: &Value, key: &str) -> Vec<Value> {
    let Some(file) = batch[key].as_str() else { return Vec::new() };
    let text = peer.get(&format!("/v1/files/{file}/content")).text();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["custom_id"].as_str().unwrap()).collect()
}

#[test]
fn a_batch_is_answered_in_any_order_and_charged_once() {
    let batches = Batches { polls: 3, failed: 200, expired: 100, ends: &[] };
    let provider = Provider::start(Behaviour { batches, ..Behaviour::default() });
    let mut peer = Peer::new(&provider);
    let name = handed_in(&mut peer);
    let path = format!("/v1/batches/{name}");
    let states: Vec<Value> = (0..4).map(|_| peer.get(&path).json()["status"].clone()).collect();
    assert_eq!(states, ["in_progress", "finalizing", "completed", "completed"]);

    let batch = peer.get(&path).json();
    let output = results(&mut peer, &batch, "output_file_id");
    let errors = results(&mut peer, &batch, "error_file_id");
    assert_eq!(batch["request_counts"]["completed"], output.len());
    assert_eq!(batch["request_counts"]["failed"], errors.len());
    assert!(errors.iter().any(|line| line["error"]["code"] == "batch_expired"), "{errors:?}");
    assert!(errors.iter().any(|line| line["response"]["status_code"] == 500), "{errors:?}");
    let all: BTreeSet<&str> = ids(&output).into_iter().chain(ids(&errors)).collect();
    assert_eq!((all.len(), output.len() + errors.len()), (LINES, LINES));
    assert!(!ids(&output).is_sorted(), "{:?}", ids(&output));

    let mut sum = Usage::default();
    for line in &output {
        let number: usize = line["custom_id"].as_str().unwrap()["task-".len()..].parse().unwrap();
        let answer = &line["response"]["body"]["choices"][0]["message"]["content"];
        assert_eq!(*answer, right_answer(&question(number + 1)));
        sum = sum + provider.right_usage(&question(number + 1));
    }
    assert_eq!(provider.ledger().asked("/v1/batches")[0].charged, sum);
    assert_eq!(peer.get("/v1/batches").json()["data"][0]["id"], name);
}

#[test]
fn a_batch_that_expires_fails_or_is_cancelled_keeps_what_it_has() {
    const WRONG: End = End::Failed { code: "invalid_file", message: "It holds no requests." };
    let batches =
        Batches { ends: &[End::Expired, End::Completed, End::Cancelled, WRONG], ..Batches::default() };
    let provider = Provider::start(Behaviour { batches, ..Behaviour::default() });
    let mut peer = Peer::new(&provider);
    let expired = handed_in(&mut peer);
    let batch = peer.get(&format!("/v1/batches/{expired}")).json();
    assert_eq!(batch["status"], "expired");
    assert_eq!(results(&mut peer, &batch, "output_file_id").len(), LINES / 2);
    assert_eq!(results(&mut peer, &batch, "error_file_id").len(), LINES / 2);

    let cancelled = handed_in(&mut peer);
    let path = format!("/v1/batches/{cancelled}");
    assert_eq!(peer.ask(&format!("{path}/cancel"), &json!({})).json()["status"], "cancelling");
    let batch = peer.get(&path).json();
    assert_eq!((&batch["status"], &batch["output_file_id"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(batch["request_counts"]["total"], LINES);
    assert_eq!(peer.ask(&format!("{path}/cancel"), &json!({})).status, 409);
    assert_eq!(peer.ask("/v1/batches", &json!({"input_file_id": "none"})).status, 404);

    let cancelled = handed_in(&mut peer);
    let batch = peer.get(&format!("/v1/batches/{cancelled}")).json();
    assert_eq!((&batch["status"], &batch["error_file_id"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(results(&mut peer, &batch, "output_file_id").len(), LINES / 2);

    let failed = handed_in(&mut peer);
    let batch = peer.get(&format!("/v1/batches/{failed}")).json();
    assert_eq!(
        (&batch["status"], &batch["errors"]["data"][0]["code"]),
        (&json!("failed"), &json!("invalid_file"))
    );
    assert_eq!((&batch["output_file_id"], &batch["error_file_id"]), (&Value::Null, &Value::Null));
}
