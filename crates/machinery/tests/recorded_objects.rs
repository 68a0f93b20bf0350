//! Objects as a real kube-apiserver returned them: `../shared/conformance/kubernetes/defaults.ndjson`.
//!
//! Decoded and written again they must come out byte for byte: no field lost, zero values and order as in Go.
#![cfg(test)]

use machinery::decode::{self, Decoded};
use machinery::go_json;
use machinery::schema::TypeTable;
use serde_json::Value;

const CASES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/kubernetes/defaults.ndjson"
);

/// The text of the object under a key of a line.
fn object_text<'l>(line: &'l str, key: &str) -> &'l str {
    let start = line.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in line.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return &line[start..=at];
                }
            }
            _ => {}
        }
    }
    panic!("no end of {key}");
}

/// Placeholders replaced by something of the right type.
fn filled(text: &str) -> String {
    text.replace("\"<time>\"", "\"2026-01-02T03:04:05Z\"")
        .replace("\"<managedFields>\"", r#"[{"manager":"chk"}]"#)
        .replace("\"<nodePort>\"", "30000")
        .replace(['<', '>'], "")
}

#[test]
fn recorded_objects_survive_decoding_and_writing() {
    let Ok(text) = std::fs::read_to_string(CASES) else {
        println!("skipped: {CASES} is absent");
        return;
    };
    let table = TypeTable::builtin();
    let mut different = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let of = |key: &str| case[key].as_str().unwrap();
        let kind = table
            .type_of(of("group"), of("version"), of("kind"))
            .unwrap();
        let returned = filled(object_text(line, "returned"));
        match decode::decode(table, kind, returned.as_bytes()) {
            Ok(Decoded { value, strict, .. }) => {
                let written = go_json::to_string(&value, Some(kind));
                if written != returned || !strict.is_empty() {
                    different.push(format!("{returned}\n{written}\n{strict:?}"));
                }
                assert_eq!(decode::normalise(kind, &value), Ok(value));
            }
            Err(error) => different.push(format!("{returned}\n{error}")),
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}
