//! `doctor MODEL`: what a model can do, found out by asking it.

use std::time::Instant;

use serde_json::json;

use super::super::connecting::connection;
use super::super::error::{CommandError, ExitStatus};
use super::super::printer::Printer;
use super::super::settings::Settings;
use crate::connect;
use crate::model::{ChatModel, ChatRequest, Message};
use crate::remote::{Finding, Standing, probe};
use crate::text::TokenCount;

/// Asks, and says what came of it. A model that does not answer at all is an error.
pub(in super::super) async fn run(
    name: &str,
    whole_window: bool,
    settings: &Settings,
    printer: &Printer,
) -> Result<ExitStatus, CommandError> {
    let options = settings.connect_options(settings.window);
    let seen = |finding: &Finding| {
        if !printer.json {
            let _ = printer.data(&line(finding));
        }
    };
    let head = |identity: &str| if printer.json { Ok(()) } else { printer.data(&format!("{identity}\n")) };
    let findings = if let Some(model) = connect::remote(name, &options)? {
        head(model.identity())?;
        probe(&model, whole_window, &seen).await
    } else {
        let connection = connection(name, settings, settings.window, printer)?;
        head(connection.model.identity())?;
        let finding = on_this_machine(connection.model.as_ref()).await;
        seen(&finding);
        vec![finding]
    };
    if printer.json {
        let all: Vec<_> = findings
            .iter()
            .map(|one| json!({"subject": one.subject, "standing": word(one.standing), "detail": one.detail}))
            .collect();
        printer.json(&json!({ "model": name, "findings": all }))?;
    }
    let answers = findings.first().is_some_and(|first| first.standing == Standing::Yes);
    Ok(if answers { ExitStatus::Done } else { ExitStatus::Provider })
}

fn line(finding: &Finding) -> String {
    format!("{:<12} {:<8} {}\n", finding.subject, word(finding.standing), finding.detail)
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Yes => "yes",
        Standing::No => "no",
        Standing::Unknown => "unknown",
    }
}

/// Asks a model that is computed here, and takes the time.
async fn on_this_machine(model: &dyn ChatModel) -> Finding {
    let text = "Write the numbers from 1 to 20 in words.";
    let request = ChatRequest::new(vec![Message::user(text)], TokenCount(64));
    let began = Instant::now();
    let answer = model.chat(&request, None).await;
    let took = began.elapsed();
    let (standing, detail) = match answer {
        Ok(answer) => {
            let usage = answer.usage;
            let detail = format!(
                "{} + {} tokens in {} ms, window of {} tokens",
                usage.prompt_tokens,
                usage.completion_tokens,
                took.as_millis(),
                model.limits().context
            );
            (Standing::Yes, detail)
        }
        Err(error) => (Standing::No, error.to_string()),
    };
    Finding { subject: "answers", standing, detail }
}
