//! JSON documents one after another, as `jq -c` writes them and kubectl takes them.
//!
//! Mirrors `YAMLOrJSONDecoder` of `apimachinery/pkg/util/yaml/decoder.go`: a text that begins with a brace is JSON as far as it can be.

use serde::de::IgnoredAny;

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'t> {
    /// How many lines are before it.
    pub lines: usize,
    /// Its text.
    pub text: &'t str,
}

impl Piece<'_> {
    /// A line of it, from 1, as one of the whole text; 0 stays 0, which is none.
    pub fn line(&self, own: usize) -> usize {
        if own == 0 { 0 } else { self.lines + own }
    }
}

/// The JSON documents of a text that is nothing but several of them; any other text is one piece.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let whole = vec![Piece { lines: 0, text }];
    if !text.trim_start().starts_with('{') {
        return whole;
    }
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut pieces = Vec::new();
    let (mut from, mut lines) = (0, 0);
    while let Some(document) = documents.next() {
        let to = documents.byte_offset();
        let (Ok(_), Some(text)) = (document, text.get(from..to)) else {
            return whole;
        };
        pieces.push(Piece { lines, text });
        lines += text.matches('\n').count();
        from = to;
    }
    if pieces.len() > 1 { pieces } else { whole }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse_documents;
    use super::*;

    #[test]
    fn json_documents_need_nothing_between_them() {
        let expected = [json!({"a": "}{"}), json!({"b": {}})];
        for text in [
            "{\"a\":\"}{\"}{\"b\":{}}",
            "{\"a\":\"}{\"}\n{\"b\":{}}\n",
            "\n{\n  \"a\": \"}{\"\n}\n\n{\n\t\"b\": {}\n}",
            "{\"a\": \"}{\"}\n---\n{\"b\": {}}\n",
            "{a: '}{'}\n---\nb: {}\n",
        ] {
            assert_eq!(parse_documents(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_those_of_the_whole_text() {
        let found = pieces("{}\n\n{\n}");
        let expected = [(0, "{}"), (0, "\n\n{\n}")];
        let found: Vec<_> = found.iter().map(|one| (one.lines, one.text)).collect();
        assert_eq!(found, expected);
        let text = "{\"a\": 1}\n{\"b\":\n1}\n{\"c\": \"\u{7}\"}\n";
        assert_eq!(pieces(text).len(), 1, "it is no JSON");
        let text = "{} {";
        assert!(parse_documents(text).is_err());
    }
}
