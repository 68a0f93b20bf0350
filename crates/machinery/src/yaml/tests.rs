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
        "yaml: document contains excessive aliasing"
    );
}

/// Why a text is refused, in Go's words.
fn refused(text: &str) -> String {
    parse(text).map_or_else(
        |error| error.to_string(),
        |document| document.value.to_string(),
    )
}

#[test]
fn tabs_don_t_indent() {
    const NO_TOKEN: &str = "found character that cannot start any token";
    const NO_INDENT: &str = "found a tab character that violates indentation";
    const NO_SPACE: &str = "found a tab character where an indentation space is expected";
    for (text, expected) in [
        ("\ta: b\n", format!("yaml: {NO_TOKEN}")),
        ("a: {b: c}\n\t\n", format!("yaml: line 2: {NO_TOKEN}")),
        (
            "a: # c\n\t# d\n  b: c\n",
            format!("yaml: line 2: {NO_TOKEN}"),
        ),
        ("a:\n\tb: c\n", format!("yaml: line 2: {NO_TOKEN}")),
        ("a:\n-\tb\n", format!("yaml: line 2: {NO_TOKEN}")),
        (
            "a:\n  b: c\n\t\nd: e\n",
            format!("yaml: line 3: {NO_INDENT}"),
        ),
        ("a: |\n \tx\n", format!("yaml: line 2: {NO_SPACE}")),
        (
            "a: |\n    x\n\t\nb: c\n",
            format!("yaml: line 3: {NO_SPACE}"),
        ),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    for (text, expected) in [
        ("a:\tb\t\n", r#"{"a":"b"}"#),
        ("a: b\t# c\n", r#"{"a":"b"}"#),
        ("a: {\tb:\t[c,\n\td]}\n", r#"{"a":{"b":["c","d"]}}"#),
        (
            "a:\n  b: c\n   \t\nd: \"e\"\t\n",
            r#"{"a":{"b":"c"},"d":"e"}"#,
        ),
        (
            "a: |\n  x\ty\n  \tz\n\nb: c\n",
            r#"{"a":"x\ty\n\tz\n","b":"c"}"#,
        ),
        ("- a:\n    b\n- - c\n", r#"[{"a":"b"},["c"]]"#),
        ("---\n# \tc\na: 'b'\n", r#"{"a":"b"}"#),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn what_a_tag_says_must_be_so() {
    for (text, expected) in [
        ("!!int \"x\"", "yaml: cannot decode !!str `x` as a !!int"),
        ("!!int 1.5", "yaml: cannot decode !!float `1.5` as a !!int"),
        ("!!bool 1", "yaml: cannot decode !!int `1` as a !!bool"),
        ("!!null x", "yaml: cannot decode !!str `x` as a !!null"),
        (
            "!!timestamp x",
            "yaml: cannot decode !!str `x` as a !!timestamp",
        ),
        (
            "!!binary '!'",
            "yaml: !!binary value contains invalid base64 data",
        ),
        (
            "!!binary 'aG k='",
            "yaml: !!binary value contains invalid base64 data",
        ),
        ("!!binary aGk=", "\"hi\""),
        ("!!binary '//79'", "\"\u{fffd}\u{fffd}\u{fffd}\""),
        ("!!int 12", "12"),
        ("!!float 12", "12.0"),
        ("!!int \"12\"", "12"),
        ("!foo 1", "\"1\""),
        ("!!foo 1", "\"1\""),
        (".inf", "json: unsupported value: +Inf"),
        ("-.Inf", "json: unsupported value: -Inf"),
        (".nan", "json: unsupported value: NaN"),
        ("'.nan'", "\".nan\""),
        (
            "{<<: 1}",
            "yaml: map merge requires map or sequence of maps as the value",
        ),
        (
            "{<<: [{a: b}, 1]}",
            "yaml: map merge requires map or sequence of maps as the value",
        ),
        (
            "{~: x}",
            "unsupported map key of type: %!s(<nil>), key: <nil>, value: \"x\"",
        ),
        ("*a", "yaml: unknown anchor 'a' referenced"),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn directives_are_those_of_the_version_that_go_reads() {
    for (text, expected) in [
        ("%YAML 1.1 # so\n---\na: b\n", r#"{"a":"b"}"#),
        ("\n# c\n%YAML 01.1\n---\na: b\n", r#"{"a":"b"}"#),
        ("%TAG !e! tag:example.com:\n---\na: b\n", r#"{"a":"b"}"#),
        (
            "%YAML 1.2\n---\na: b\n",
            "yaml: found incompatible YAML document",
        ),
        (
            "#\n%YAML 2.1\n---\n",
            "yaml: line 1: found incompatible YAML document",
        ),
        (
            "%YAML 1.1\n%YAML 1.1\n---\n",
            "yaml: line 1: found duplicate %YAML directive",
        ),
        ("%YAML\n---\n", "yaml: did not find expected version number"),
        (
            "%YAML 1\n---\n",
            "yaml: did not find expected digit or '.' character",
        ),
        (
            "%YAML 1.111\n---\n",
            "yaml: found extremely long version number",
        ),
        (
            "%YAML 1.1 x\n---\n",
            "yaml: did not find expected comment or line break",
        ),
        ("%\n---\n", "yaml: could not find expected directive name"),
        (
            "%YAML! 1.1\n---\n",
            "yaml: found unexpected non-alphabetical character",
        ),
        ("%OTHER x\n---\n", "yaml: found unknown directive name"),
        (
            "#\n%OTHER x\n---\n",
            "yaml: line 2: found unknown directive name",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    // What comes later is another document's.
    assert_eq!(refused("a: b\n...\n%YAML 1.2\n---\nc\n"), r#"{"a":"b"}"#);
}

#[test]
fn texts_have_the_escapes_and_characters_that_go_knows() {
    for (text, expected) in [
        (r#""\/""#, "yaml: found unknown escape character"),
        (
            r#""\ud83d\ude00""#,
            "yaml: found invalid Unicode character escape code",
        ),
        (
            r#""\ud800""#,
            "yaml: found invalid Unicode character escape code",
        ),
        ("a\u{1}", "yaml: control characters are not allowed"),
        ("'\u{fffe}'", "yaml: control characters are not allowed"),
        (r#""\\/\\ud800 \u00e9""#, "\"\\\\/\\\\ud800 é\""),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    let told = |bytes: &[u8]| parse_bytes(bytes).unwrap_err().to_string();
    assert_eq!(told(b"a: \xff"), "yaml: invalid leading UTF-8 octet");
    assert_eq!(told(b"a: \xc3("), "yaml: invalid trailing UTF-8 octet");
    assert_eq!(told(b"a: \xc3"), "yaml: incomplete UTF-8 octet sequence");
}

#[test]
fn aliases_may_repeat_most_of_a_document_and_not_nearly_all_of_it() {
    let repeating = |items: usize, aliases: usize| {
        let list = vec!["x"; items].join(",");
        let again = vec!["*a"; aliases].join(",");
        refused(&format!("a: &a [{list}]\nb: [{again}]\n"))
    };
    let excessive = "yaml: document contains excessive aliasing";
    assert_eq!(repeating(200, 600), excessive);
    assert!(repeating(200, 50).starts_with('{'));
    // What is short may be repeated as often as one likes.
    assert!(repeating(2, 1000).starts_with('{'));
    assert!(repeating(8, 12).starts_with('{'));
}

#[test]
fn where_a_text_is_wanted_scalars_stay_as_they_are_written() {
    let text = "\
a: 0123
1: [yes, 1.50, {on: .inf, x: !!int 7}]
b: {a: 0x10, c: &c ~, on: *c}
d: {<<: {a: 1e3}, a2: 1e3}
e: !!binary eA==
";
    let document = parse_typed(text, &|path| path.contains(&"a") || path.contains(&"1")).unwrap();
    let expected = json!({
        "a": "0123", "1": ["yes", "1.50", {"on": ".inf", "x": "7"}], "b": {"a": "0x10", "c": null, "on": null},
        "d": {"a": "1e3", "a2": 1000.0}, "e": "x",
    });
    assert_eq!(document.value, expected);
    // What is no YAML at all isn't a text either.
    let refused = parse_typed("a: !!int x", &|_| true).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "yaml: cannot decode !!str `x` as a !!int"
    );
}
