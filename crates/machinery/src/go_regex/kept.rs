//! Expressions that stay compiled: the ten definitions of monitoring have seventeen of them in four hundred places, and each is
//! compiled whenever a definition is checked or served.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use regex::Regex;

/// As many are kept, at most.
const MOST: usize = 64;
/// The longest of them, in bytes.
const LONGEST: usize = 256;

/// Those of this process.
pub(super) static KEPT: Kept = Kept(Mutex::new(BTreeMap::new()));

/// Compiled expressions by their texts.
pub(super) struct Kept(Mutex<BTreeMap<String, Regex>>);

impl Kept {
    /// An expression that is kept, or what `compile` makes of it.
    pub(super) fn or_compiled(
        &self,
        expression: &str,
        compile: impl FnOnce(&str) -> Result<Regex, String>,
    ) -> Result<Regex, String> {
        // With a count, or the name of a class, it may be large however short it is.
        if expression.len() > LONGEST || expression.contains('{') {
            return compile(expression);
        }
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().get(expression) {
            return Ok(known.clone());
        }
        let regex = compile(expression)?;
        let mut kept = kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(expression.to_owned(), regex.clone());
        Ok(regex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_compiled_once_and_no_more_than_a_few_are_kept() {
        let kept = Kept(Mutex::new(BTreeMap::new()));
        let compile = |expression: &str| Regex::new(expression).map_err(|error| error.to_string());
        kept.or_compiled("^a+$", compile).unwrap();
        let again = kept.or_compiled("^a+$", |_| panic!("it is kept")).unwrap();
        assert!(again.is_match("aa") && !again.is_match("b"));
        for (large, is_one) in [("a{2}", true), ("(", false)] {
            assert_eq!(kept.or_compiled(large, compile).is_ok(), is_one);
        }
        assert_eq!(kept.0.lock().unwrap().len(), 1);
        for number in 0..3 * MOST {
            kept.or_compiled(&number.to_string(), compile).unwrap();
        }
        assert!(kept.0.lock().unwrap().len() <= MOST);
    }
}
