//! What a seed changes of a subject: names, numbers, the order of lists, and what the managers are called. Which values are
//! equal and which differ stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use machinery::entropy::Entropy;
use serde_json::{Map, Value};

use super::MANAGERS;
use super::subjects::Subject;

/// Managers that clients really have, and one that sorts before all words.
const KNOWN: [&str; 6] = ["kubectl", "helm", "argocd-controller", "0", "Z", "kubelet"];

/// Names for the managers of a sequence, all different.
pub(super) fn managers(chance: &mut Entropy) -> [String; MANAGERS] {
    let mut taken = BTreeSet::new();
    std::array::from_fn(|_| {
        loop {
            let name = match KNOWN.get(index(chance, KNOWN.len() * 3)) {
                Some(known) => (*known).to_owned(),
                None => word(chance),
            };
            if taken.insert(name.clone()) {
                return name;
            }
        }
    })
}

/// The same subject with other values.
pub(super) fn varied(subject: &Subject, chance: &mut Entropy) -> Subject {
    let mut names = Names {
        // Fields that the schema declares keep their names.
        keys: !subject.name.ends_with("struct") && !subject.name.ends_with("embedded"),
        words: BTreeMap::new(),
        add: i64::try_from(chance.below(40)).unwrap_or_default(),
        chance,
    };
    let mut varied = subject.clone();
    for value in [&mut varied.base, &mut varied.other, &mut varied.more] {
        *value = names.renamed(value);
        if let Value::Array(items) = value {
            shuffle(items, names.chance);
        }
    }
    varied
}

fn index(chance: &mut Entropy, n: usize) -> usize {
    usize::try_from(chance.below(n as u64)).unwrap_or_default()
}

/// One to six letters that are also a name for whatever wants one.
fn word(chance: &mut Entropy) -> String {
    let length = 1 + index(chance, 6);
    chance
        .suffix(length)
        .replace(|c: char| c.is_ascii_digit(), "k")
}

fn shuffle<T>(items: &mut [T], chance: &mut Entropy) {
    for last in (1..items.len()).rev() {
        items.swap(last, index(chance, last + 1));
    }
}

/// What letters and digits stand for.
struct Names<'a> {
    keys: bool,
    words: BTreeMap<String, String>,
    add: i64,
    chance: &'a mut Entropy,
}

impl Names<'_> {
    fn renamed(&mut self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::from(whole + self.add),
                (None, Some(float)) => {
                    Value::from(float + f64::from(i32::try_from(self.add).unwrap_or_default()))
                }
                (None, None) => value.clone(),
            },
            Value::String(text) => Value::from(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.renamed(item)).collect(),
            Value::Object(fields) => {
                let mut out = Map::new();
                for (key, value) in fields {
                    let key = if self.keys {
                        self.text(key)
                    } else {
                        key.clone()
                    };
                    let value = self.renamed(value);
                    out.insert(key, value);
                }
                Value::Object(out)
            }
        }
    }

    /// A single letter or digit, alone or after a slash, stands for a word or a number; other texts mean something.
    fn text(&mut self, text: &str) -> String {
        let (before, last) = text.rsplit_once('/').map_or(("", text), |(before, last)| {
            (text.get(..=before.len()).unwrap_or_default(), last)
        });
        let mut letters = last.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            return text.to_owned();
        };
        if !letter.is_ascii_lowercase() && !letter.is_ascii_digit() {
            return text.to_owned();
        }
        format!("{before}{}", self.word(last, letter.is_ascii_digit()))
    }

    fn word(&mut self, letter: &str, digit: bool) -> String {
        if let Some(word) = self.words.get(letter) {
            return word.clone();
        }
        loop {
            let word = if digit {
                (1 + self.chance.below(99)).to_string()
            } else {
                word(self.chance)
            };
            if !self.words.values().any(|taken| *taken == word) {
                self.words.insert(letter.to_owned(), word.clone());
                return word;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::subjects::subjects;
    use super::*;

    #[test]
    fn values_are_others_and_their_sameness_is_not() {
        let find = |name: &str| {
            let mut all = subjects().into_iter();
            all.find(|subject| subject.name == name).expect(name)
        };
        let plain = find("custom one key");
        let other = varied(&plain, &mut Entropy::seeded(5));
        assert_ne!(other.base, plain.base);
        let element = |value: &Value, index: usize| value[index].clone();
        let whole: Vec<Value> = other.more.as_array().expect("a list").clone();
        assert!(whole.contains(&element(&other.base, 0)));
        assert!(!whole.contains(&element(&other.other, 0)));
        let plain = find("custom struct");
        let other = varied(&plain, &mut Entropy::seeded(5));
        assert!(other.base["deep"]["z"].is_string(), "{}", other.base);
    }
}
