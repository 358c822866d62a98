//! A provider that does nothing wrong, for benchmarks over HTTP: it answers after a latency, and with `--stream-tokens` in
//! exactly so many words, each of which is an event of a stream, unless the request's own limit is lower.
//!
//!     cargo bench --bench provider -- --port 8080 --latency-ms 50
//!     cargo bench --bench provider -- --port 8080 --stream-tokens 400 --token-ms 5
//!     cargo bench --bench provider -- --keep-requests 1
//!
//! Prints its address, serves until its standard input ends or a line `stop` comes, and then prints one line of JSON: how
//! many requests and connections there were, the most in flight at once, and what is charged. For that it keeps no body of a
//! request, unless it is told to, as for a look at one with a debugger.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a bench that cannot run says so and stops"
)]

#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests of the provider are run with the others, and ask more of it"
)]
#[path = "../../tests/it/support/provider/mod.rs"]
mod provider;

use std::io::{BufRead as _, stdin};
use std::time::Duration;

use provider::{Behaviour, Provider};

/// What the command line says.
#[derive(Debug, Default)]
struct Settings {
    port: u16,
    behaviour: Behaviour,
}

impl Settings {
    /// Reads pairs of a flag and a number. `cargo bench` adds `--bench`, which says nothing here.
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Self::default();
        // Everything that a benchmark asks is let in, and nothing of it is kept.
        settings.behaviour.context = u64::MAX;
        settings.behaviour.keeps_requests = false;
        while let Some(flag) = args.next() {
            if flag == "--bench" {
                continue;
            }
            let value = args.next().and_then(|value| value.parse::<u64>().ok());
            let value = value.ok_or_else(|| format!("{flag} wants a number"))?;
            let wide = || format!("{flag} {value} is too large");
            match flag.as_str() {
                "--port" => settings.port = u16::try_from(value).map_err(|_| wide())?,
                "--latency-ms" => settings.behaviour.latency = Duration::from_millis(value),
                "--token-ms" => settings.behaviour.per_word = Duration::from_millis(value),
                "--keep-requests" => settings.behaviour.keeps_requests = value > 0,
                "--stream-tokens" => {
                    settings.behaviour.words = Some(usize::try_from(value).map_err(|_| wide())?);
                }
                _ => {
                    return Err(format!(
                        "{flag} is none of --port, --latency-ms, --keep-requests, --stream-tokens, --token-ms"
                    ));
                }
            }
        }
        Ok(settings)
    }
}

fn main() {
    let settings = match Settings::read(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(wrong) => {
            println!("{wrong}");
            std::process::exit(2);
        }
    };
    let provider = Provider::start_at(settings.port, settings.behaviour);
    println!("{}", provider.base_url());
    let lines = stdin().lock().lines();
    lines.map_while(Result::ok).take_while(|line| line != "stop").for_each(drop);
    let ledger = provider.ledger();
    let charged = ledger.charged();
    println!(
        "{}",
        serde_json::json!({
            "requests": ledger.entries.len(),
            "connections": ledger.connections,
            "most_in_flight": ledger.most_in_flight,
            "prompt_tokens": charged.prompt,
            "completion_tokens": charged.completion,
        })
    );
}
