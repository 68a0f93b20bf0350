use serde_json::json;

use super::*;

#[test]
fn objects_are_written_as_kubectl_shows_them() {
    let value = json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "a", "labels": {}, "creationTimestamp": "2030-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "c", "args": ["a", ["b"]], "tty": true}], "ports": []},
        "status": null,
    });
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: \"2030-01-01T00:00:00Z\"\n  labels: {}\n  name: a\n\
                spec:\n  containers:\n  - args:\n    - a\n    - - b\n    name: c\n    tty: true\n  ports: []\nstatus: null\n";
    assert_eq!(to_string(&value), text);
    assert_eq!(parse_documents(text), Ok(vec![value]));
}

#[test]
fn texts_are_quoted_where_a_reader_would_take_them_for_something_else() {
    let cases = [
        ("", "\"\""),
        ("a b", "a b"),
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("N", "\"N\""),
        ("null", "\"null\""),
        ("~", "\"~\""),
        ("1", "\"1\""),
        ("1.5", "\"1.5\""),
        ("0x1f", "\"0x1f\""),
        ("1_000", "\"1_000\""),
        ("1e3", "\"1e3\""),
        ("1:30", "\"1:30\""),
        ("2030-01-01", "\"2030-01-01\""),
        (".inf", "\".inf\""),
        ("<<", "\"<<\""),
        ("1.2.3", "1.2.3"),
        ("10%", "10%"),
        ("a: b", "'a: b'"),
        ("a:b", "a:b"),
        ("a #b", "'a #b'"),
        ("a#b", "a#b"),
        ("- a", "'- a'"),
        ("-a", "-a"),
        ("*a", "'*a'"),
        ("{a}", "'{a}'"),
        ("it's", "it's"),
        ("'a", "'''a'"),
        ("@a", "'@a'"),
        (" a", "' a'"),
        ("a ", "'a '"),
        ("a\tb", "\"a\\tb\""),
        ("\u{e9}", "\u{e9}"),
        ("\u{1f600}", "\"\\U0001F600\""),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n", "|\n  a"),
        ("a\n\n", "|+\n  a\n"),
        (" a\nb", "|2-\n   a\n  b"),
        ("a \nb", "\"a \\nb\""),
        ("a\n\n  b\n c\n", "|\n  a\n\n    b\n   c"),
        ("\n", "|2+\n"),
        ("a\r\nb", "\"a\\r\\nb\""),
        ("-", "'-'"),
        ("?", "'?'"),
        ("+1", "\"+1\""),
        ("1e", "1e"),
        ("0x", "0x"),
        ("._1", "._1"),
        ("1.", "\"1.\""),
    ];
    for (text, expected) in cases {
        let written = to_string(&json!({"k": text}));
        assert_eq!(written, format!("k: {expected}\n"), "{text:?}");
        assert_eq!(parse(&written).unwrap().value, json!({"k": text}));
    }
}

#[test]
fn long_texts_are_folded_after_column_eighty() {
    let words = vec!["word"; 30].join(" ");
    let written = to_string(&json!({"a": {"key": words}}));
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1].len(), 81);
    assert!(lines[2].starts_with("    word"), "{written}");
    assert_eq!(parse(&written).unwrap().value, json!({"a": {"key": words}}));
}

#[test]
fn keys_are_in_natural_order_and_numbers_as_go_writes_them() {
    let written = to_string(&json!({
        "a10": 1, "a9": 1, "aB": 1, "a-": 1, "B": 1, "a": 1.5, "c": 1e21, "d": 1_000_000.0, "e": 123_456_789.5,
        "f": 0.000_01, "on": 1, "12": 1, "a b": 2, "": 3, "x: y": 1,
    }));
    let expected = "\"\": 3\n\"12\": 1\nB: 1\na: 1.5\na b: 2\na-: 1\na9: 1\na10: 1\naB: 1\nc: 1e+21\nd: 1000000\n\
                    e: 1.234567895e+08\nf: 1e-05\n\"on\": 1\n'x: y': 1\n";
    assert_eq!(written, expected);
}

#[test]
fn scalars_are_read_as_yaml_1_1() {
    let text = "a: yes\nb: 0777\nc: 0x10\nd: 1_000\ne: 1.50\nf: 'yes'\ng: 2030-01-01\nh: ~\ni: !!str 1\nj: 1e3\n8: on\n";
    let expected = json!({
        "a": true, "b": 511, "c": 16, "d": 1000, "e": 1.5, "f": "yes", "g": "2030-01-01", "h": null, "i": "1",
        "j": 1000.0, "8": true,
    });
    assert_eq!(parse(text).unwrap().value, expected);
}

#[test]
fn documents_are_separated_and_empty_ones_left_out() {
    assert_eq!(
        parse_documents("---\na: 1\n---\n# nothing\n---\nb: 2\n"),
        Ok(vec![json!({"a": 1}), json!({"b": 2})])
    );
    assert_eq!(
        parse_documents(r#"{"a": [1, "b"]}"#),
        Ok(vec![json!({"a": [1, "b"]})])
    );
    assert_eq!(parse_documents(""), Ok(vec![]));
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let text = "base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\nagain: *b\n";
    let expected =
        json!({"base": {"x": 1, "z": 2}, "use": {"x": 1, "z": 3}, "again": {"x": 1, "z": 2}});
    assert_eq!(parse(text).unwrap().value, expected);
}

#[test]
fn duplicate_keys_are_reported_with_their_line() {
    let nested = parse("a: 1\nb: 2\na:\n  c: 1\nb:\n- 1\n").unwrap();
    assert_eq!(
        nested.duplicates,
        [
            "line 4: key \"a\" already set in map",
            "line 6: key \"b\" already set in map"
        ]
    );
    let document = parse("a: 1\nb: 2\na: 3\n").unwrap();
    assert_eq!(document.value, json!({"a": 3, "b": 2}));
    assert_eq!(
        document.duplicates,
        ["line 3: key \"a\" already set in map"]
    );
    assert_eq!(parse("a: [1\n").unwrap_err().line, 1);
}

#[test]
fn aliases_that_multiply_are_refused() {
    let level = |level: usize| {
        let below = format!("*a{}", level - 1);
        format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "))
    };
    let first = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let text: String = std::iter::once(first).chain((1..9).map(level)).collect();
    assert_eq!(
        parse_documents(&text).unwrap_err().to_string(),
        "yaml: line 6: document contains excessive aliasing"
    );
}
