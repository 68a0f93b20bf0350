//! The texts in which tables describe their columns: in JSON a line each, in YAML over as many as they need.
use std::sync::LazyLock;

use regex::{Captures, Regex};

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|_| unreachable!("a pattern of our own: {text}"))
}

static JSON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?P<before>"format": ?"[a-z-]*",\s*"description": ?)"(?:[^"\\]|\\.)+""#)
});
static YAML: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^- description: (?P<text>[^\n]*(?:\n|\n {4}[^\n]*)*?)\n(?P<after>  format: )")
});

/// Whether a body has columns.
fn is_table(text: &str) -> bool {
    text.contains("\"columnDefinitions\":") || text.starts_with("apiVersion: meta.k8s.io/")
}

/// Tables describe their columns in upstream's words, which are not ours to keep: others stand for them, which differ
/// from none as well.
pub fn without_descriptions(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    if !is_table(&text) {
        return body.to_vec();
    }
    let text = JSON.replace_all(&text, "${before}\"a description\"");
    let text = YAML.replace_all(&text, |found: &Captures| {
        let text = match &found["text"] {
            "\"\"" => "\"\"",
            _ => "a description",
        };
        format!("- description: {text}\n{}", &found["after"])
    });
    text.into_owned().into_bytes()
}

/// YAML with each description of a column on one line.
pub fn on_one_line(yaml: &str) -> String {
    if !is_table(yaml) {
        return yaml.to_owned();
    }
    let folded = YAML.replace_all(yaml, |found: &Captures| {
        let words: Vec<&str> = found["text"].split_whitespace().collect();
        format!("- description: {}\n{}", words.join(" "), &found["after"])
    });
    folded.into_owned()
}

#[test]
fn only_descriptions_of_columns_are_replaced() {
    let json = r#"{"columnDefinitions":[{"name":"A","format":"name","description":"x \"y\""},{"format":"","description":""}],"description":"z"}"#;
    let replaced = r#"{"columnDefinitions":[{"name":"A","format":"name","description":"a description"},{"format":"","description":""}],"description":"z"}"#;
    let text = |body: Vec<u8>| String::from_utf8(body).expect("text");
    assert_eq!(text(without_descriptions(json.as_bytes())), replaced);
    let yaml = |first: &str| {
        format!(
            "apiVersion: meta.k8s.io/v1\ncolumnDefinitions:\n- description: {first}\n  format: name\n- description: \"\"\n  format: \"\"\nrows:\n- a: b\n"
        )
    };
    for written in [
        "one",
        "'two\n    lines'",
        "|-\n    a block\n\n    with: gaps",
    ] {
        let written = yaml(written);
        assert_eq!(
            text(without_descriptions(written.as_bytes())),
            yaml("a description")
        );
    }
    assert_eq!(on_one_line(&yaml("'two\n    lines'")), yaml("'two lines'"));
    let plain = "description: a\n  b\nformat: c\n";
    assert_eq!(on_one_line(plain), plain);
}
