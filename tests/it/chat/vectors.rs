//! Vectors that cannot be used: damaged ones are made anew, those of another embedder are left until somebody says so.

use std::fs;
use std::path::PathBuf;

use crate::longhand::{Ended, Longhand};
use crate::support::provider::{Behaviour, Provider};

/// Two embedders at one endpoint.
fn embedders(provider: &Provider) -> Longhand {
    let longhand = Longhand::new();
    let model = |name: &str| {
        format!("  {name}:\n    openai: {{model: {name}, base_url: \"{}\"}}\n", provider.base_url())
    };
    longhand.file("longhand.yaml", format!("models:\n{}{}", model("one"), model("two")));
    longhand
}

fn say(longhand: &Longhand, embedder: &str, text: &str) -> Ended {
    let args = ["chat", "-s", "v", "-m", text, "--json", "--model", "scripted", "--embedder", embedder];
    let said = longhand.run(&args);
    assert_eq!(said.code, Some(0), "{}", said.shown());
    said
}

fn told(longhand: &Longhand) {
    for text in
        ["My boat is called Heron.", "The lamp at the mole is green.", "Ilse sells herring.", "It rains."]
    {
        say(longhand, "one", text);
    }
}

/// Why the boat was found.
fn found(said: &Ended) -> String {
    let memory = said.json()["memory"].as_array().unwrap().clone();
    let boat = memory.iter().find(|part| part["part"] == "passage" && part["turn"] == 1);
    boat.unwrap_or_else(|| panic!("{}", said.shown()))["why"].as_str().unwrap().to_owned()
}

fn file(longhand: &Longhand, name: &str) -> PathBuf {
    longhand.home().join("store/sessions/v").join(name)
}

type Damage = Box<dyn Fn(&mut Vec<u8>)>;

#[test]
fn damaged_vectors_are_made_anew_from_what_was_said() {
    let provider = Provider::start(Behaviour::default());
    let longhand = embedders(&provider);
    told(&longhand);
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 0x55;
    let cut = |share: usize| move |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() * share / 10);
    let damages: [(&str, Damage); 9] = [
        ("vectors.codes", Box::new(flip(3))),
        ("vectors.codes", Box::new(flip(40))),
        ("vectors.codes", Box::new(flip(200))),
        ("vectors.codes", Box::new(cut(7))),
        ("vectors.codes", Box::new(cut(0))),
        ("vectors.rows", Box::new(flip(1))),
        ("vectors.rows", Box::new(flip(300))),
        ("vectors.rows", Box::new(cut(5))),
        ("vectors.rows", Box::new(cut(0))),
    ];
    for (number, (name, damage)) in damages.into_iter().enumerate() {
        let mut bytes = fs::read(file(&longhand, name)).unwrap();
        damage(&mut bytes);
        fs::write(file(&longhand, name), bytes).unwrap();
        let said = say(&longhand, "one", "How is my boat called?");
        assert_eq!(
            said.stderr.matches("were made anew from what was said").count(),
            1,
            "{number}: {}",
            said.shown()
        );
        assert!(found(&said).contains("meaning"), "{number}: {}", said.shown());
        let again = say(&longhand, "one", "What is the name of my boat?");
        assert_eq!(again.stderr, "", "{number}: they are whole again");
    }
}

#[test]
fn vectors_of_another_embedder_are_left_until_new_ones_are_asked_for() {
    let provider = Provider::start(Behaviour::default());
    let longhand = embedders(&provider);
    told(&longhand);
    assert!(found(&say(&longhand, "one", "How is my boat called?")).contains("meaning"));
    let kept = fs::read(file(&longhand, "vectors.codes")).unwrap();
    let other = say(&longhand, "two", "How is my boat called?");
    assert!(!found(&other).contains("meaning") && found(&other).contains("words"), "{}", other.shown());
    let shown = other.stderr.replace(&provider.base_url(), "[provider]");
    insta::assert_snapshot!(shown, @"warning: another embedder made the vectors of this session, `openai:one@[provider]`: what was said is found by its words alone; `--reembed` makes new ones");
    assert_eq!(fs::read(file(&longhand, "vectors.codes")).unwrap(), kept, "they are as they were");
    assert!(
        found(&say(&longhand, "one", "How was my boat called?")).contains("meaning"),
        "the first one goes on"
    );
    let args = ["chat", "-s", "v", "--reembed", "--model", "scripted", "--embedder"];
    let made = longhand.run(&[&args[..], &["two"]].concat());
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{}", made.shown());
    let after = say(&longhand, "two", "How is my boat called, again?");
    assert!(after.stderr.is_empty() && found(&after).contains("meaning"), "{}", after.shown());
    let refused = longhand.run(&[&args[..], &["none"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
}

#[test]
fn a_chinese_fact_is_recalled_by_words() {
    let longhand = Longhand::new();
    longhand.say("zh", "我的祖母在海边的灯塔工作了三十年。");
    for text in ["今天下雨。", "猫在睡觉。", "火车晚点了。"] {
        longhand.say("zh", text);
    }
    let asked = longhand.say("zh", "灯塔在哪里？").json();
    let memory = asked["memory"].as_array().unwrap();
    let passage = memory.iter().find(|part| part["part"] == "passage").unwrap();
    assert_eq!(passage["text"], "我的祖母在海边的灯塔工作了三十年。");
    assert!(passage["why"].as_str().unwrap().contains("words (no. 1)"), "{passage}");
}
