//! Models that are not there or cannot be used.

use insta::assert_snapshot;

use crate::longhand::{Ended, Longhand};

fn ask_model(longhand: &Longhand, model: &str) -> Ended {
    longhand.file("a.txt", "A text.");
    longhand.run(&["summarize", "a.txt", "--offline", "--model", model])
}

#[test]
fn an_unknown_name_and_what_was_probably_meant() {
    let longhand = Longhand::new();
    assert_snapshot!(ask_model(&longhand, "scriptd").shown(), @r"
    exit 6
    --- stdout
    --- stderr
    error: there is no model to ask
      caused by: `scriptd` is neither a known model nor a file

    hint: did you mean `scripted`?
    ");
    let ended = ask_model(&longhand, "gpt-9");
    assert_eq!(ended.code, Some(6));
}

#[test]
fn a_script_with_a_misspelt_key() {
    let longhand = Longhand::new();
    longhand.file("script.yaml", "context: 4000\nlatncy_ms: 5\n");
    assert_snapshot!(ask_model(&longhand, "scripted:script.yaml").shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: unknown key `latncy_ms`
     --> [folder]/work/script.yaml:2:1
      |
    2 | latncy_ms: 5
      | ^^^^^^^^^ no such key here
      |
      = help: did you mean `latency_ms`?
    ");
}

#[test]
fn a_model_that_nobody_knows_is_told_where_an_agent_or_a_step_names_it() {
    let longhand = Longhand::new();
    longhand.file("longhand.yaml", "model: scripted\nmodels:\n  swift: {scripted: {context: 4000}}\n").file(
        "agents/worker.yaml",
        "version: 1\nname: worker\nprompt: worker\nmodel: swfit\nmax_output: 100\n",
    );
    assert_snapshot!(longhand.run(&["check", "chain-of-agents"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: `swfit` is neither a known model nor a file
     --> [folder]/work/agents/worker.yaml:4:8
      |
    4 | model: swfit
      |        ^^^^^ expected a model that can be asked
      |
      = help: did you mean `swift`?
    ");
    let steps = "  c: {split: {for: r}}\n  r: {fold: {over: c, agent: refiner, calls: {model: swifd}}}\n";
    let workflow =
        format!("version: 1\nname: w\ninputs: {{question: {{default: ''}}}}\nnodes:\n{steps}output: r\n");
    let ended = longhand.file("w.yaml", workflow).run(&["check", "w.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("w.yaml:6:54") && ended.stderr.contains("`swift`?"), "{}", ended.shown());
}

#[test]
fn a_run_tells_of_an_unknown_model_as_a_check_does() {
    let longhand = Longhand::new();
    longhand
        .file("longhand.yaml", "model: scripted\nmodels:\n  swift: {scripted: {context: 4000}}\n")
        .file("a.txt", "A text.")
        .file(
            "agents/worker.yaml",
            "version: 1\nname: worker\nprompt: worker\nmodel: swfit\nmax_output: 100\n",
        )
        .file(
            "agents/manager.yaml",
            "version: 1\nname: manager\nprompt: manager\nmodel: none.gguf\nmax_output: 100\n",
        );
    let checked = longhand.run(&["check", "chain-of-agents"]);
    for command in [["run", "chain-of-agents", "a.txt"], ["plan", "chain-of-agents", "a.txt"]] {
        let ended = longhand.run(&command);
        assert_eq!((ended.code, &ended.stderr), (Some(3), &checked.stderr), "{}", ended.shown());
    }
    assert!(checked.stderr.contains("worker.yaml:4:8"), "{}", checked.shown());
    assert!(
        cfg!(not(feature = "local")) || checked.stderr.contains("manager.yaml:4:8"),
        "{}",
        checked.shown()
    );
    assert_eq!(longhand.run(&["runs", "list"]).stdout, "", "nothing was begun");
    // One that is typed is in no file.
    assert_eq!(longhand.run(&["run", "refine", "a.txt", "--model", "swfit"]).code, Some(6));
}

#[cfg(unix)]
#[test]
fn a_model_of_a_file_is_no_link_out_of_the_folder_and_one_of_the_settings_may_be() {
    let longhand = Longhand::new();
    std::fs::write(longhand.home().join("secret.yaml"), "the secret: is this\n").unwrap();
    let link = longhand.work().join("link.yaml");
    std::os::unix::fs::symlink(longhand.home().join("secret.yaml"), link).unwrap();
    longhand.file("longhand.yaml", "model: scripted\n").file("a.txt", "A text.").file(
        "agents/refiner.yaml",
        "version: 1\nname: refiner\nprompt: refiner\nmodel: scripted:link.yaml\nmax_output: 100\n",
    );
    let checked = longhand.run(&["check", "refine"]);
    assert_snapshot!(checked.shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: the model `scripted:link.yaml` is a link that leads out of the project's folder
     --> [folder]/work/agents/refiner.yaml:4:8
      |
    4 | model: scripted:link.yaml
      |        ^^^^^^^^^^^^^^^^^^ expected a name, or a file of the folder
      |
      = help: list the file under a name in `longhand.yaml`, and write that name here
    ");
    let run = longhand.run(&["run", "refine", "a.txt"]);
    assert_eq!((run.code, &run.stderr), (Some(3), &checked.stderr), "{}", run.shown());
    std::fs::write(longhand.home().join("secret.yaml"), "rules: [{when: '', say: Linked.}]\n").unwrap();
    longhand.file("longhand.yaml", "model: scripted:link.yaml\n");
    let run = longhand.run(&["run", "refine", "a.txt"]);
    assert!(run.code == Some(0) && run.stdout.contains("Linked."), "{}", run.shown());
}

#[test]
fn prompts_are_held_against_the_windows_of_the_models_at_hand() {
    let longhand = Longhand::new();
    let settings = "model: scripted\nmodels:\n  narrow: {scripted: {}, window: 300}\n";
    longhand.file("longhand.yaml", settings).file("a.txt", "A text.");
    let checked = longhand.run(&["check", "refine", "--json"]);
    assert_eq!((checked.code, &checked.json()[0]["window"]), (Some(0), &8192.into()));
    let worker = "version: 1\nname: refiner\nprompt: refiner\nmodel: narrow\nmax_output: 200\n";
    longhand.file("agents/refiner.yaml", worker);
    assert_snapshot!(longhand.run(&["check", "refine"]).shown(), @r"
    exit 3
    --- stdout
    --- stderr
    error: a prompt of the agent `refiner` cannot fit the window of 300 tokens
     --> [folder]/work/agents/refiner.yaml:5:13
      |
    5 | max_output: 200
      |             ^^^ leaves no room beside 77 tokens without any text
      |
      = help: a `fold` step sets 416 tokens aside beside it: shorten the prompt, lower `max_output`, or take a model with a larger window
    ");
    // A run is refused before it has begun anything.
    let ended = longhand.run(&["run", "refine", "a.txt"]);
    assert_eq!(ended.code, Some(3), "{}", ended.shown());
    assert_eq!(longhand.run(&["runs", "list", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn what_could_not_be_held_for_want_of_a_model_is_said() {
    let ended = Longhand::new().run(&["check", "tree", "--offline", "--model", "absent"]);
    assert_snapshot!(ended.shown(), @r"
    exit 0
    --- stdout
    tree: valid, 4 nodes
    --- stderr
    note: not every prompt was held against a window: `absent` is neither a known model nor a file
    ");
}

#[cfg(feature = "local")]
mod gguf {
    use super::*;

    /// The type of a tensor as 32-bit floats.
    const F32: u32 = 0;
    /// A type that is not computed here.
    const IQ4_XS: u32 = 23;

    /// The smallest file that says it is a model: a header, three facts, one tensor of 64 numbers and its bytes.
    fn tiny(kind: u32, data: usize) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let mut bytes =
            [b"GGUF".as_slice(), &3_u32.to_le_bytes(), &1_u64.to_le_bytes(), &2_u64.to_le_bytes()].concat();
        bytes.extend([text("general.architecture"), 8_u32.to_le_bytes().to_vec(), text("llama")].concat());
        bytes.extend([text("llama.context_length"), [4_u32, 2048].map(u32::to_le_bytes).concat()].concat());
        bytes.extend(
            [text("token_embd.weight"), 1_u32.to_le_bytes().to_vec(), 64_u64.to_le_bytes().to_vec()].concat(),
        );
        bytes.extend([kind.to_le_bytes().to_vec(), 0_u64.to_le_bytes().to_vec()].concat());
        bytes.resize(bytes.len().next_multiple_of(32) + data, 0);
        bytes
    }

    #[test]
    fn unknown_name_close_to_a_model_that_can_be_fetched() {
        assert_snapshot!(ask_model(&Longhand::new(), "smolm2").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: `smolm2` is neither a known model nor a file

        hint: did you mean `smollm2`?
        ");
    }

    #[test]
    fn a_model_that_is_not_fetched_and_may_not_be() {
        assert_snapshot!(ask_model(&Longhand::new(), "smollm2").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: the model `smollm2` is not on this machine

        hint: fetch it with `longhand models pull smollm2`
        ");
    }

    #[test]
    fn a_missing_file() {
        assert_snapshot!(ask_model(&Longhand::new(), "none.gguf").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: cannot load the model `[folder]/work/none.gguf`: there is no such file
        ");
    }

    #[test]
    fn a_corrupt_file() {
        let longhand = Longhand::new();
        longhand.file("broken.gguf", "It was the best of times, it was the worst of times.");
        assert_snapshot!(ask_model(&longhand, "broken.gguf").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: cannot load the model `[folder]/work/broken.gguf`: it is not a GGUF file: expected it to begin with `GGUF`
        ");
    }

    #[test]
    fn a_file_cut_in_its_header() {
        let longhand = Longhand::new();
        longhand.file("broken.gguf", &tiny(F32, 256)[..90]);
        assert_snapshot!(ask_model(&longhand, "broken.gguf").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: cannot load the model `[folder]/work/broken.gguf`: its header is cut short; fetch it again
        ");
    }

    #[test]
    fn a_file_cut_in_its_weights() {
        let longhand = Longhand::new();
        longhand.file("broken.gguf", tiny(F32, 100));
        assert_snapshot!(ask_model(&longhand, "broken.gguf").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: cannot load the model `[folder]/work/broken.gguf`: it is cut short: its tensors end at byte 416 and the file at byte 260; fetch it again
        ");
    }

    #[test]
    fn a_header_of_noise_is_no_panic() {
        let longhand = Longhand::new();
        let whole = tiny(F32, 256);
        for at in 4..whole.len().min(160) {
            let mut hurt = whole.clone();
            hurt[at] = 0xFF;
            longhand.file("broken.gguf", hurt);
            let ended = longhand.run(&["models", "info", "broken.gguf"]);
            assert!(matches!(ended.code, Some(0 | 1)), "byte {at}: {}", ended.shown());
        }
    }

    #[test]
    fn a_quantization_that_is_not_computed() {
        let longhand = Longhand::new();
        longhand.file("small.gguf", tiny(IQ4_XS, 256));
        assert_snapshot!(ask_model(&longhand, "small.gguf").shown(), @r"
        exit 6
        --- stdout
        --- stderr
        error: there is no model to ask
          caused by: cannot load the model `[folder]/work/small.gguf`: its quantization `IQ4_XS` cannot be computed: expected F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K
        ");
    }
}
