//! What stands in nothing that is told or written: the key of an endpoint, and the password in its address.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::endpoint::Address;

/// What a secret is replaced with.
const HIDDEN: &str = "***";

/// A password that is shorter hides nothing: it would be found in every text.
const SHORTEST: usize = 4;

/// The secrets of one endpoint, each in all forms that an endpoint may tell it in.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Finds the secrets of an address. `sent` is what is sent in the header `Authorization` for the password.
    pub(super) fn of(address: &Address, sent: Option<&str>) -> Self {
        let sent = sent.map(|sent| sent.strip_prefix("Basic ").unwrap_or(sent).to_owned());
        let mut found: Vec<String> = password(&address.base_url).into_iter().chain(sent).collect();
        found.retain(|secret| secret.len() >= SHORTEST);
        found.extend(address.key.as_ref().map(|key| key.expose_secret().to_owned()));
        found.retain(|secret| !secret.is_empty());
        // Those first that may hold others.
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(found.into_iter().map(SecretString::from).collect())
    }

    /// Returns a text without them.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), HIDDEN))
    }

    /// Returns a reply without them, whether it is JSON, lines of it or a stream. A secret may be a word that JSON or the protocol
    /// needs as a name, so names stay; and what holds none of them stays as it was written.
    pub(super) fn hide_in_reply(&self, text: &str) -> String {
        if let Ok(mut value) = serde_json::from_str(text) {
            return if self.hide_in_values(&mut value) { value.to_string() } else { text.to_owned() };
        }
        let lines = text.split_inclusive('\n').map(|line| {
            let (before, data) = line.strip_prefix("data:").map_or(("", line), |data| ("data: ", data));
            let Ok(mut value) = serde_json::from_str(data) else { return self.hide(line) };
            if self.hide_in_values(&mut value) { format!("{before}{value}\n") } else { line.to_owned() }
        });
        lines.collect()
    }

    /// Takes them out of all texts of a value, and says whether there were any.
    pub(super) fn hide_in_values(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let hidden = self.hide(text);
                let differs = hidden != *text;
                *text = hidden;
                differs
            }
            Value::Array(items) => {
                items.iter_mut().fold(false, |some, item| self.hide_in_values(item) | some)
            }
            Value::Object(items) => {
                items.values_mut().fold(false, |some, item| self.hide_in_values(item) | some)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    #[cfg(test)]
    pub(super) fn planted(secret: &str) -> Self {
        Self(vec![SecretString::from(secret)])
    }
}

/// Returns an address without the name and the password of a person.
///
/// ```
/// assert_eq!(longhand::remote::shown("http://me:secret@host/v1"), "http://host/v1");
/// ```
#[must_use]
pub fn shown(base_url: &str) -> String {
    let base_url = base_url.trim_end_matches('/');
    match person(base_url) {
        None => base_url.to_owned(),
        Some((scheme, _, rest)) => match reqwest::Url::parse(&format!("{scheme}://{rest}")) {
            Ok(url) => url.to_string(),
            Err(_) => format!("{scheme}://{rest}"),
        },
    }
}

/// Parts an address into what comes before `://`, name and password, and what comes after `@`; none where it holds nobody.
///
/// A password with signs that do not belong there ends the host early for whoever reads the address by the rules, and is no
/// less one. So all up to the last `@` is taken, unless the address is sound and has it behind the host.
fn person(base_url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, all) = base_url.split_once("://")?;
    let (person, rest) = match reqwest::Url::parse(base_url) {
        Ok(url) if url.fragment().is_none() && url.query().is_none() => {
            let host = all.split(['/', '\\']).next()?;
            let (person, _) = host.rsplit_once('@')?;
            (person, all.get(person.len() + 1..)?)
        }
        _ => all.rsplit_once('@')?,
    };
    Some((scheme, person, rest))
}

/// Returns the password of an address, as it is written and as it is meant; a name without one is taken for it.
fn password(base_url: &str) -> Vec<String> {
    let Some((_, person, _)) = person(base_url) else { return Vec::new() };
    let written = person.split_once(':').map_or(person, |(_, password)| password);
    let encoded = reqwest::Url::parse(base_url).ok().and_then(|url| url.password().map(str::to_owned));
    let mut forms = vec![written.to_owned(), decoded(written)];
    forms.extend(encoded);
    forms.dedup();
    forms
}

/// Puts bytes in the place of `%` and two digits.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let digits = rest.strip_prefix('%').and_then(|behind| behind.get(..2));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let taken = if byte.is_some() { 3 } else { sign.len_utf8() };
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(sign.to_string().bytes()),
        }
        rest = rest.get(taken..).unwrap_or("");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::remote::Key;

    fn secrets(base_url: &str, key: Option<&str>, sent: Option<&str>) -> Secrets {
        let address = Address {
            base_url: base_url.to_owned(),
            key: key.map(Key::from),
            timeout: Duration::from_secs(1),
            ca_file: None,
        };
        assert!(!format!("{address:?}").contains("pass"), "{address:?}");
        Secrets::of(&address, sent)
    }

    #[test]
    fn a_password_is_hidden_in_every_form() {
        let secrets =
            secrets("http://me:pass%2Fword@host/v1", Some("sk-key"), Some("Basic bWU6cGFzcy93b3Jk"));
        let told = "pass%2Fword pass/word bWU6cGFzcy93b3Jk sk-key me";
        assert_eq!(secrets.hide(told), "*** *** *** *** me");
        assert!(!format!("{secrets:?}").contains("pass"));
    }

    #[test]
    fn a_reply_without_them_has_all_its_names() {
        let secrets = Secrets::planted("content");
        let reply = r#"{"content": "no cont\u0065nt", "n": 1.0, "of": [{"content": "x"}]}"#;
        assert_eq!(secrets.hide_in_reply(reply), r#"{"content":"no ***","n":1.0,"of":[{"content":"x"}]}"#);
        let stream = "data: {\"content\": \"x\"}\n\ndata: {\"content\": \"content\"}\n\ndata: [DONE]\n";
        let told = "data: {\"content\": \"x\"}\n\ndata: {\"content\":\"***\"}\n\ndata: [DONE]\n";
        assert_eq!(secrets.hide_in_reply(stream), told);
        let lines = "{\"content\":1}\n{\"content\":\"a content\"}\n";
        assert_eq!(secrets.hide_in_reply(lines), "{\"content\":1}\n{\"content\":\"a ***\"}\n");
        assert_eq!(secrets.hide_in_reply("<p>content</p>"), "<p>***</p>");
    }

    #[test]
    fn a_short_password_and_no_key_hide_nothing() {
        assert_eq!(secrets("http://me:a@host/v1", Some(""), None).hide("a path"), "a path");
        assert_eq!(secrets("http://host/v1", None, None).hide("a path"), "a path");
    }

    #[test]
    fn an_address_is_shown_without_a_person_however_odd_the_password_is() {
        for odd in ["http://me:pa/ss@host/v1", "http://me:pa#ss@host/v1", "http://me:12#pass@host/v1"] {
            assert_eq!(shown(odd), "http://host/v1", "{odd}");
            secrets(odd, None, None);
        }
        assert_eq!(shown("https://token@host:8080/v1/"), "https://host:8080/v1");
        assert_eq!(shown("http://me:p@ss@host/v1"), "http://host/v1");
        for plain in ["http://localhost:8080/v1", "https://host/@team/v1", "nowhere"] {
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("HTTP://Host/v1/"), "HTTP://Host/v1", "names of models do not change");
    }
}
