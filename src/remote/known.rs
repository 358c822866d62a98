//! What is documented of well-known hosted models: price, window, vocabulary, and which parameters they take.
//!
//! The table ages. [`AS_OF`] says when it was written, and whoever knows better says so in the settings. A price that
//! differs by the hour stands here as its dearer one, because a budget must hold at any hour. Models of which sources
//! disagree are left out: a wrong price is worse than none.

use super::count::{Vocabulary, base_name};
use crate::model::Price;
use crate::text::TokenCount;

/// The day on which the table was last held against its sources.
pub const AS_OF: &str = "2026-11-28";

/// The longest prompt that a model with two tariffs takes at its lower one.
const SHORT: u64 = 272_000;

/// What is documented of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The name, without a vendor and without a version.
    pub name: &'static str,
    /// What it costs. A prompt above [`Self::short_prompt`] costs more: [`Self::price_for`] says how much.
    pub price: Price,
    /// The longest prompt at that price, where there are two tariffs.
    pub short_prompt: Option<TokenCount>,
    /// The window: the most tokens of prompt and answer together.
    pub context: TokenCount,
    /// The most tokens of the prompt alone.
    pub max_prompt: TokenCount,
    /// The most tokens of one answer, what the model thinks included; none for a model that embeds.
    pub max_output: TokenCount,
    /// The published vocabulary; none where it is not published.
    pub vocabulary: Option<Vocabulary>,
    /// Whether the model thinks before it answers: it takes `max_completion_tokens` and `reasoning_effort`, and no
    /// `temperature`.
    pub reasoning: bool,
    /// Whether an answer can be held to a JSON Schema.
    pub json_schema: bool,
}

impl Known {
    /// Returns the price of a call with a prompt of that length.
    #[must_use]
    pub fn price_for(&self, prompt: TokenCount) -> Price {
        match self.short_prompt {
            Some(short) if prompt > short => {
                let (input, cached, output) = parts(self.price);
                price(input * 2.0, cached.map(|cached| cached * 2.0), output * 1.5)
            }
            _ => self.price,
        }
    }

    /// Makes the row of a model that answers at once.
    const fn chat(name: &'static str, price: Price, context: u64, max_output: u64) -> Self {
        Self {
            name,
            price,
            short_prompt: None,
            context: TokenCount(context),
            max_prompt: TokenCount(context),
            max_output: TokenCount(max_output),
            vocabulary: Some(Vocabulary::O200k),
            reasoning: false,
            json_schema: true,
        }
    }

    /// Makes the row of a model from before answers could be held to a schema.
    const fn early(name: &'static str, price: Price, context: u64, max_output: u64) -> Self {
        let row = Self::chat(name, price, context, max_output);
        Self { vocabulary: Some(Vocabulary::Cl100k), json_schema: false, ..row }
    }

    /// Makes the row of a reasoning model.
    const fn thinks(name: &'static str, price: Price, context: u64, max_output: u64) -> Self {
        Self { reasoning: true, ..Self::chat(name, price, context, max_output) }
    }

    /// Makes the row of a GPT-5 with one tariff: the room of the longest answer is always kept free.
    const fn five(name: &'static str, price: Price) -> Self {
        Self { max_prompt: TokenCount(272_000), ..Self::thinks(name, price, 400_000, 128_000) }
    }

    /// Makes the row of a model with two tariffs.
    const fn wide(name: &'static str, price: Price) -> Self {
        let row = Self::thinks(name, price, 1_050_000, 128_000);
        Self { max_prompt: TokenCount(922_000), short_prompt: Some(TokenCount(SHORT)), ..row }
    }

    /// Makes the row of a GPT-6, whose vocabulary is not published.
    const fn six(name: &'static str, price: Price) -> Self {
        Self { vocabulary: None, ..Self::wide(name, price) }
    }

    /// Makes the row of a model of `DeepSeek`, which has its own vocabulary and promises JSON without a schema.
    const fn deepseek(name: &'static str, price: Price) -> Self {
        Self { vocabulary: None, json_schema: false, ..Self::chat(name, price, 1_000_000, 384_000) }
    }

    /// Makes the row of a model that embeds.
    const fn embedding(name: &'static str, input: f64) -> Self {
        Self::early(name, price(input, None, 0.0), 8191, 0)
    }
}

/// Makes a price of US dollars per million tokens. Only this function and [`parts`] know the fields.
const fn price(input: f64, cached_input: Option<f64>, output: f64) -> Price {
    Price { input, cached_input, output }
}

/// Takes a price apart, in the order of [`price`].
const fn parts(price: Price) -> (f64, Option<f64>, f64) {
    (price.input, price.cached_input, price.output)
}

/// The table. What is written to a cache costs 1.25 times the input price from GPT-5.6 on; the price has no field for it.
#[rustfmt::skip]
static TABLE: &[Known] = &[
    // OpenAI's model pages and price list, first generations.
    Known::early("gpt-3.5-turbo", price(0.5, None, 1.5), 16_385, 4096),
    Known::early("gpt-3.5-turbo-1106", price(1.0, None, 2.0), 16_385, 4096),
    Known::early("gpt-3.5-turbo-16k", price(3.0, None, 4.0), 16_385, 4096),
    Known::early("gpt-4", price(30.0, None, 60.0), 8192, 8192),
    Known::early("gpt-4-1106-preview", price(10.0, None, 30.0), 128_000, 4096),
    Known::early("gpt-4-0125-preview", price(10.0, None, 30.0), 128_000, 4096),
    Known::early("gpt-4-turbo", price(10.0, None, 30.0), 128_000, 4096),
    Known::early("gpt-4-turbo-preview", price(10.0, None, 30.0), 128_000, 4096),
    // OpenAI's model pages and price list.
    Known::chat("gpt-4o", price(2.5, Some(1.25), 10.0), 128_000, 16_384),
    Known { json_schema: false, ..Known::chat("gpt-4o-2024-05-13", price(5.0, None, 15.0), 128_000, 4096) },
    Known::chat("gpt-4o-mini", price(0.15, Some(0.075), 0.6), 128_000, 16_384),
    Known::chat("gpt-4.1", price(2.0, Some(0.5), 8.0), 1_047_576, 32_768),
    Known::chat("gpt-4.1-mini", price(0.4, Some(0.1), 1.6), 1_047_576, 32_768),
    Known::chat("gpt-4.1-nano", price(0.1, Some(0.025), 0.4), 1_047_576, 32_768),
    Known::thinks("o1", price(15.0, Some(7.5), 60.0), 200_000, 100_000),
    Known::thinks("o3", price(2.0, Some(0.5), 8.0), 200_000, 100_000),
    Known::thinks("o3-mini", price(1.1, Some(0.55), 4.4), 200_000, 100_000),
    Known::thinks("o4-mini", price(1.1, Some(0.275), 4.4), 200_000, 100_000),
    Known::five("gpt-5", price(1.25, Some(0.125), 10.0)),
    Known::five("gpt-5-mini", price(0.25, Some(0.025), 2.0)),
    Known::five("gpt-5-nano", price(0.05, Some(0.005), 0.4)),
    Known::chat("gpt-5-chat", price(1.25, Some(0.125), 10.0), 128_000, 16_384),
    Known::five("gpt-5.1", price(1.25, Some(0.125), 10.0)),
    Known::chat("gpt-5.1-chat", price(1.25, Some(0.125), 10.0), 128_000, 16_384),
    Known::five("gpt-5.2", price(1.75, Some(0.175), 14.0)),
    Known::chat("gpt-5.2-chat", price(1.75, Some(0.175), 14.0), 128_000, 16_384),
    Known::chat("gpt-5.3-chat", price(1.75, Some(0.175), 14.0), 128_000, 16_384),
    Known::wide("gpt-5.4", price(2.5, Some(0.25), 15.0)),
    Known::five("gpt-5.4-mini", price(0.75, Some(0.075), 4.5)),
    Known::five("gpt-5.4-nano", price(0.2, Some(0.02), 1.25)),
    Known::wide("gpt-5.5", price(5.0, Some(0.5), 30.0)),
    // Cheaper at least until 21 November 2026; this is the price without that offer. `gpt-5.6` is another name of it.
    Known::wide("gpt-5.6", price(5.0, Some(0.5), 30.0)),
    Known::wide("gpt-5.6-sol", price(5.0, Some(0.5), 30.0)),
    Known::wide("gpt-5.6-terra", price(2.0, Some(0.2), 12.0)),
    Known::wide("gpt-5.6-luna", price(0.2, Some(0.02), 1.2)),
    Known::six("gpt-6-astra", price(10.0, Some(1.0), 50.0)),
    Known::six("gpt-6-sol", price(2.0, Some(0.2), 10.0)),
    Known::six("gpt-6-luna", price(0.1, Some(0.01), 0.5)),
    Known::six("gpt-6.1-sol", price(2.0, Some(0.1), 10.0)),
    Known::six("gpt-6.1-terra", price(1.0, Some(0.05), 5.0)),
    Known::six("gpt-6.2-sol", price(2.0, Some(0.1), 10.0)),
    Known::embedding("text-embedding-3-small", 0.02),
    Known::embedding("text-embedding-3-large", 0.13),
    Known::embedding("text-embedding-ada-002", 0.1),
    // DeepSeek's page of models and prices, at its peak hours.
    Known::deepseek("deepseek-flash", price(0.3, Some(0.006), 1.2)),
    Known::deepseek("deepseek-v4-flash", price(0.3, Some(0.006), 1.2)),
    Known::deepseek("deepseek-v4-pro", price(1.32, Some(0.044), 3.96)),
];

/// Returns what is known of the model with that name.
///
/// A vendor in front (`openai/`) and a version behind (`-2024-07-18`, `-0125`, `-latest`) are no part of the name, and
/// the longest name that fits wins. Whatever else goes on behind a name makes another model, with another price:
/// `gpt-5-pro` is no `gpt-5`.
#[must_use]
pub fn known(model: &str) -> Option<&'static Known> {
    let name = base_name(model);
    let fits = |row: &&Known| name.strip_prefix(row.name).is_some_and(is_version);
    TABLE.iter().filter(fits).max_by_key(|row| row.name.len())
}

/// Tells whether what stands behind a name is nothing, or a version of the same model.
fn is_version(rest: &str) -> bool {
    let Some(version) = rest.strip_prefix('-') else {
        return rest.is_empty();
    };
    let digits = version.bytes().filter(u8::is_ascii_digit).count();
    version == "latest" || (digits >= 4 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_wins_and_a_version_belongs_to_its_model() {
        let name = |model| known(model).map(|row| row.name);
        assert_eq!(name("gpt-4o-mini-2024-07-18"), Some("gpt-4o-mini"));
        assert_eq!(name("openai/gpt-4o-mini"), Some("gpt-4o-mini"));
        assert_eq!(name("GPT-4o"), Some("gpt-4o"));
        assert_eq!(name("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(name("gpt-4o-2024-05-13"), Some("gpt-4o-2024-05-13"));
        assert_eq!(name("gpt-4-0613"), Some("gpt-4"));
        assert_eq!(name("gpt-5.2-chat-latest"), Some("gpt-5.2-chat"));
        assert_eq!(name("deepseek/deepseek-v4-pro"), Some("deepseek-v4-pro"));
    }

    #[test]
    fn a_name_that_goes_on_otherwise_is_another_model() {
        for model in
            ["gpt-5-pro", "gpt-4o-audio-preview", "o1-pro", "gpt-4o:free", "gpt-45", "llama3", "", "/"]
        {
            assert_eq!(known(model), None, "{model}");
        }
        // A model that was trained further has a price of its own.
        assert_eq!(known("ft:gpt-4o-mini-2024-07-18:somebody::id"), None);
    }

    #[test]
    fn every_row_is_plausible() {
        for row in TABLE {
            let (input, cached, output) = parts(row.price);
            assert!(
                input > 0.0 && cached.is_none_or(|cached| cached > 0.0 && cached <= input),
                "{}",
                row.name
            );
            assert!(output >= input || row.max_output == TokenCount(0), "{}", row.name);
            assert!(row.max_output <= row.context && row.max_prompt <= row.context, "{}", row.name);
            assert!(row.context >= TokenCount(8000), "{}", row.name);
            assert!(
                row.vocabulary.is_none() || super::super::count::of_name(row.name).is_some(),
                "{}",
                row.name
            );
            assert_eq!(known(row.name).map(|found| found.name), Some(row.name), "a name that is never found");
        }
    }

    #[test]
    fn the_row_and_the_counter_have_the_same_vocabulary() {
        for row in TABLE {
            assert_eq!(row.vocabulary, super::super::count::vocabulary(row.name), "{}", row.name);
        }
    }

    #[test]
    fn a_long_prompt_costs_its_own_tariff() {
        let row = known("gpt-6.2-sol").unwrap();
        assert_eq!(row.price_for(TokenCount(SHORT)), row.price);
        assert_eq!(row.price_for(TokenCount(SHORT + 1)), price(4.0, Some(0.2), 15.0));
        let flat = known("gpt-4.1").unwrap();
        assert_eq!(flat.price_for(TokenCount(1_000_000)), flat.price);
    }
}
