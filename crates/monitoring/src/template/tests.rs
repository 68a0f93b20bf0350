use super::{Go, Of, check};

#[test]
fn templates_of_real_rules_are_taken() {
    for text in [
        "plain",
        "{{ $labels.instance }} is down for {{ $value | humanizeDuration }}",
        "{{ printf \"%.2f\" $value }}% of {{`{{x}}`}}",
        "{{ with query \"up{job='x'}\" }}{{ . | first | value }}{{ end }}",
        "{{ range $i, $e := query \"up\" }}{{ $e.Labels.job }}{{ else }}-{{ end }}",
        "{{- if gt $value 1.5 -}}a{{ else if eq .Labels.x \"y\" }}b{{ else }}c{{ end }}",
        "{{ $x := -1 }}{{ $x }}{{/* a - b */}}",
        "{{ define \"a\" }}x{{ end }}{{ template \"a\" . }}",
        "{{ (index $labels \"a\") | title }}",
    ] {
        assert_eq!(check(text, Of::Rule(None)), Ok(()), "{text}");
    }
}

#[test]
fn functions_that_came_later_are_told_with_their_version() {
    let text = "{{ now | toTime }}";
    let why = "function \"now\" is known from Prometheus 3.6.0 on: write it otherwise, or raise the server's version";
    assert_eq!(check(text, Of::Rule(Some((2, 42, 0)))), Err(why.to_owned()));
    assert_eq!(check(text, Of::Rule(Some((3, 6, 0)))), Ok(()));
}

#[test]
fn what_go_would_not_parse_is_refused() {
    for text in [
        "{{ $labels.instance",
        "{{ }}",
        "{{ nosuch 1 }}",
        "{{ $nosuch }}",
        "{{ if true }}x",
        "{{ end }}",
        "{{ else }}",
        "{{ (1 }}",
        "{{ 1) }}",
        "{{ \"x }}",
        "{{ a-b }}",
        "{{ if }}{{ end }}",
        "{{ if $x := 1 }}{{ end }}{{ $x }}",
        "{{ break }}",
    ] {
        assert!(check(text, Of::Rule(None)).is_err(), "{text}");
    }
}

#[test]
fn receivers_know_other_functions_than_rules() {
    let upper = "{{ .CommonLabels.team | toUpper | safeUrl }}";
    assert_eq!(check(upper, Of::Receiver), Ok(()));
    let query = "{{ query \"up\" | first | value }}";
    let why = "function \"query\" not defined";
    assert_eq!(check(query, Of::Receiver), Err(why.to_owned()));
    for known in ["{{ urlquery .x }}", "{{ with $x := $ }}{{ $x }}{{ end }}"] {
        assert_eq!(check(known, Of::Receiver), Ok(()), "{known}");
    }
    for unknown in [
        "{{ nosuch .x }}",
        "{{ $labels.x }}",
        "{{ if .x }}y",
        "{{ end }}",
    ] {
        assert!(check(unknown, Of::Receiver).is_err(), "{unknown}");
    }
}

/// Texts, and what Go 1.26 says of them after Prometheus' declarations; nothing if it takes one.
const TEXTS: &[(&str, &str)] = &[
    ("{{ 'ab' }}", "malformed character constant: 'ab'"),
    ("{{ 'a' }}", ""),
    ("{{ '' }}", "invalid syntax"),
    (r"{{ '\'' }}", ""),
    (r#"{{ '\"' }}"#, "invalid syntax"),
    (r"{{ '\n' }}{{ '\x41' }}{{ '\377' }}", ""),
    (r"{{ '\400' }}", "invalid syntax"),
    ("{{ 'é' }}", ""),
    ("{{ 'a }}", "unterminated character constant"),
    ("{{ 1.a }}", r#"bad number syntax: "1.a""#),
    ("{{ 0x }}", r#"illegal number syntax: "0x""#),
    (
        "{{ 0x1F }}{{ 0b11 }}{{ 0o17 }}{{ 017 }}{{ 1_000 }}{{ 1e3 }}{{ 0x1p-2 }}{{ .5 }}{{ 5. }}{{ 1i }}{{ 1+2i }}{{ -1 }}{{ +1 }}",
        "",
    ),
    ("{{ 08 }}", r#"integer overflow: "08""#),
    ("{{ 0b2 }}", r#"bad number syntax: "0b2""#),
    ("{{ 1__0 }}", r#"illegal number syntax: "1__0""#),
    ("{{ 1_ }}", r#"illegal number syntax: "1_""#),
    ("{{ 0x_1 }}", ""),
    ("{{ 9223372036854775808 }}{{ 18446744073709551615 }}", ""),
    (
        "{{ 18446744073709551616 }}",
        r#"integer overflow: "18446744073709551616""#,
    ),
    ("{{ -9223372036854775808 }}", ""),
    (
        "{{ -9223372036854775809 }}",
        r#"integer overflow: "-9223372036854775809""#,
    ),
    ("{{ 1e400 }}", r#"illegal number syntax: "1e400""#),
    ("{{ 1-2 }}", r#"bad number syntax: "1-2""#),
    ("{{ 1+2 }}", r#"bad number syntax: "1+2""#),
    ("{{ 12a }}", r#"bad number syntax: "12a""#),
    ("{{ . 5 }}", ""),
    ("{{ nil.a }}", r#"unexpected . after term "nil""#),
    ("{{ nil }}", ""),
    ("{{ true.a }}", r#"unexpected . after term "true""#),
    (r#"{{ "a".b }}"#, r#"unexpected . after term "\"a\"""#),
    ("{{ (1).b }}", ""),
    ("{{ $.a.b }}{{ .a.b.c }}", ""),
    ("{{ now.a }}", ""),
    ("{{ ..a }}", r#"unexpected . after term ".""#),
    ("{{ .a. }}", "unexpected <.> in operand"),
    ("{{ .a.. }}", "unexpected <.> in operand"),
    ("{{ .a..b }}", "unexpected <.> in operand"),
    (r#"{{ "\x" }}"#, "invalid syntax"),
    (r#"{{ "\x4g" }}"#, "invalid syntax"),
    (r#"{{ "\'" }}"#, "invalid syntax"),
    (r#"{{ "\400" }}"#, "invalid syntax"),
    (r#"{{ "\ud800" }}"#, "invalid syntax"),
    (r#"{{ "\u00e9\U0001F600\a\xff" }}"#, ""),
    ("{{ \"a\nb\" }}", "unterminated quoted string"),
    ("{{ `a\n\\x` }}", ""),
    ("{{ `a }}", "unterminated raw quoted string"),
    ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
    ("{{ 1 | . }}", "non executable command in pipeline stage 2"),
    (
        "{{ 1 | nil }}",
        "non executable command in pipeline stage 2",
    ),
    (
        r#"{{ 1 | "a" }}"#,
        "non executable command in pipeline stage 2",
    ),
    ("{{ 1 | print | print }}", ""),
    ("{{ 1 | .a }}", ""),
    ("{{ 1 | $.a }}", ""),
    ("{{ 1 | (print 2) }}", ""),
    ("{{ 1 | (2) }}", ""),
    ("{{ 1 | }}", ""),
    ("{{ | 1 }}", r#"unexpected "|" in command"#),
    ("{{ 1 || print }}", r#"unexpected "|" in command"#),
    (
        "{{ (1 | 2) }}",
        "non executable command in pipeline stage 2",
    ),
    ("{{ (print 1 }}", "unclosed left paren"),
    ("{{ () }}", "missing value for parenthesized pipeline"),
    ("{{ print (1) (2) }}", ""),
    ("{{ print(1) }}", r#"unexpected "(" in operand"#),
    ("{{ print (1)(2) }}", r#"unexpected "(" in operand"#),
    ("{{ print 1,2 }}", r#"unexpected "," in operand"#),
    ("{{ print ! }}", r#"unexpected "!" in operand"#),
    ("{{ # }}", "unexpected \"#\" in command"),
    ("{{ é }}", r#"function "é" not defined"#),
    ("{{ $é := 1 }}{{ $é }}", ""),
    ("{{ ☃ }}", "unrecognized character in action: U+2603 '☃'"),
    (
        "{{ if 1 }}{{ else }}{{ else }}{{ end }}",
        "expected end; found {{else}}",
    ),
    (
        "{{ if 1 }}{{ else if 2 }}{{ else if 3 }}{{ else }}{{ end }}",
        "",
    ),
    (
        "{{ if 1 }}{{ else if 2 }}{{ end }}{{ end }}",
        "unexpected {{end}}",
    ),
    (
        "{{ if 1 }}{{ else with 2 }}{{ end }}",
        "unexpected <with> in input",
    ),
    (
        "{{ with 1 }}{{ else if 2 }}{{ end }}",
        "unexpected <if> in input",
    ),
    ("{{ with 1 }}{{ else with 2 }}{{ end }}", ""),
    ("{{ with 1 }}{{ else with 2 }}{{ else }}{{ end }}", ""),
    (
        "{{ range .x }}{{ else if 2 }}{{ end }}",
        "unexpected <if> in input",
    ),
    ("{{ range .x }}{{ else }}{{ end }}", ""),
    ("{{ else }}", "unexpected {{else}}"),
    (
        "{{ if 1 }}{{ else print }}{{ end }}",
        r#"unexpected "print" in else"#,
    ),
    ("{{ if 1 }}{{ end 1 }}", r#"unexpected "1" in end"#),
    ("{{ if }}{{ end }}", "missing value for if"),
    ("{{ range }}{{ end }}", "missing value for range"),
    ("{{ with }}{{ end }}", "missing value for with"),
    ("{{ range .x }}{{ break }}{{ continue }}{{ end }}", ""),
    ("{{ range .x }}{{ if .y }}{{ break }}{{ end }}{{ end }}", ""),
    (
        "{{ range .x }}{{ else }}{{ break }}{{ end }}",
        "{{break}} outside {{range}}",
    ),
    ("{{ break }}", "{{break}} outside {{range}}"),
    (
        "{{ if 1 }}{{ continue }}{{ end }}",
        "{{continue}} outside {{range}}",
    ),
    (
        "{{ range .x }}{{ break 1 }}{{ end }}",
        r#"unexpected "1" in {{break}}"#,
    ),
    (
        r#"{{ range .x }}{{ block "b" . }}{{ break }}{{ end }}{{ end }}"#,
        "{{break}} outside {{range}}",
    ),
    (
        r#"{{ define "a" }}{{ $labels }}{{ end }}"#,
        r#"undefined variable "$labels""#,
    ),
    (r#"{{ define "a" }}{{ $ }}{{ end }}"#, ""),
    (
        r#"{{ define "a" }}x{{ end }}{{ define "a" }}y{{ end }}"#,
        r#"multiple definition of template "a""#,
    ),
    (
        r#"{{ define "a" }} {{ end }}{{ define "a" }}y{{ end }}"#,
        "",
    ),
    (
        r#"{{ define "a" }}x{{ end }}{{ define "a" }} {{/* c */}}{{ end }}"#,
        "",
    ),
    (
        "{{ define a }}x{{ end }}",
        r#"unexpected "a" in define clause"#,
    ),
    (
        r#"{{ define "a" . }}x{{ end }}"#,
        "unexpected <.> in define clause",
    ),
    (r#"{{ define "a }}x{{ end }}"#, "unterminated quoted string"),
    ("{{ define `a` }}x{{ end }}", ""),
    (
        r#"{{ define "a" }}{{ else }}{{ end }}"#,
        "unexpected {{else}} in define clause",
    ),
    (
        r#"{{ if 1 }}{{ define "a" }}{{ end }}{{ end }}"#,
        "unexpected <define> in command",
    ),
    (r#"{{ define "a" }}"#, "unexpected EOF"),
    (r#"{{ define "\z" }}{{ end }}"#, "invalid syntax"),
    (
        r#"{{ template "a" }}{{ template "a" . }}{{ template `b` 1 | print }}"#,
        "",
    ),
    ("{{ template a }}", r#"unexpected "a" in template clause"#),
    ("{{ template .a }}", r#"unexpected ".a" in template clause"#),
    ("{{ template }}", r#"unexpected "}}" in template clause"#),
    (
        r#"{{ template "a" | }}"#,
        r#"unexpected "|" in template clause"#,
    ),
    (r#"{{ block "a" . }}x{{ end }}"#, ""),
    (
        r#"{{ block "a" }}x{{ end }}"#,
        "missing value for block clause",
    ),
    (
        r#"{{ block "a" 1 }}{{ $labels }}{{ end }}"#,
        r#"undefined variable "$labels""#,
    ),
    ("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", ""),
    ("{{ $x = 2 }}", ""),
    ("{{ $x := }}", "missing value for command"),
    ("{{ $x, $y := 1 }}", "too many declarations in command"),
    (
        "{{ range $x, $y, $z := 1 }}{{ end }}",
        "too many declarations in range",
    ),
    ("{{ range $x, $y := 1 }}{{ $x }}{{ $y }}{{ end }}", ""),
    (
        "{{ range $x, .y := 1 }}{{ end }}",
        "range can only initialize variables",
    ),
    ("{{ range $x, $y }}{{ end }}", r#"undefined variable "$y""#),
    ("{{ range $labels }}{{ end }}", ""),
    (
        "{{ range $x := 1 }}{{ end }}{{ $x }}",
        r#"undefined variable "$x""#,
    ),
    ("{{ if $x := 1 }}{{ else }}{{ $x }}{{ end }}", ""),
    ("{{ if 1 }}{{ $y := 1 }}{{ else }}{{ $y }}{{ end }}", ""),
    (
        "{{ if 1 }}{{ $y := 1 }}{{ end }}{{ $y }}",
        r#"undefined variable "$y""#,
    ),
    ("{{ ($x := 1) }}{{ $x }}", ""),
    ("{{ $x := 1 := 2 }}", r#"unexpected ":=" in operand"#),
    ("{{ $labels: 1 }}", "expected :="),
    ("{{ : }}", "expected :="),
    ("{{ $x $labels }}", r#"undefined variable "$x""#),
    ("{{ $labels $value }}", ""),
    ("{{ $labels.a.b $value.c }}", ""),
    ("{{ $labels,1 }}", "too many declarations in command"),
    ("{{/* a */}}{{- /* b */ -}}", ""),
    ("{{/* a }}", "unclosed comment"),
    ("{{/* a */ }}", "comment ends before closing delimiter"),
    ("{{ /* a */ }}", r#"unexpected "/" in command"#),
    ("{{ 1 /* a */ }}", r#"unexpected "/" in operand"#),
    ("{{/* a */ 1}}", "comment ends before closing delimiter"),
    ("{{- 1 -}}", ""),
    ("{{-1}}", ""),
    ("{{- -1 -}}", ""),
    ("{{ 1-}}", r#"bad number syntax: "1-""#),
    ("{{ 1 - }}", r#"illegal number syntax: "-""#),
    ("{{ 1 -}}{{- 2}}", ""),
    ("{{\n1\n}}", ""),
    ("{{", "unclosed action"),
    ("{{ }}", "missing value for command"),
    ("{{ {{ 1 }} }}", r#"unexpected "{" in command"#),
    ("{{ 1 }", r#"unexpected "}" in operand"#),
    ("a }} b", ""),
    ("{{end}}", "unexpected {{end}}"),
    (
        r#"{{ print 1 "a" 'b' `c` true nil . .a $ $.a (print) 1+2i }}"#,
        "",
    ),
    ("{{ print true1 }}", r#"function "true1" not defined"#),
    ("{{ print nilx }}", r#"function "nilx" not defined"#),
    ("{{ a-b }}", "bad character U+002D '-'"),
    (r#"{{ print 1"a" }}"#, r#"unexpected "\"a\"" in operand"#),
    (r#"{{ print "a""b" }}"#, r#"unexpected "\"b\"" in operand"#),
    (r#"{{ print"a" }}"#, r#"bad character U+0022 '"'"#),
    ("{{ print.a }}", ""),
    ("{{ .a(1) }}", r#"unexpected "(" in operand"#),
    ("{{ .1a }}", r#"bad number syntax: ".1a""#),
    ("{{ .a:b }}", "expected :="),
    ("{{ $ }}{{ $.x }}{{ $$ }}", "bad character U+0024 '$'"),
    ("{{ if 1 }}x", "unexpected EOF"),
    ("{{ if (gt 1 2) (lt 1 2) }}{{ end }}", ""),
    ("{{ true | print }}{{ false }}", ""),
    (
        "{{ print | true }}",
        "non executable command in pipeline stage 2",
    ),
    ("{{ nil | print }}", ""),
    ("{{ if nil }}{{ end }}", ""),
];

#[test]
fn texts_are_read_as_in_go() {
    for (text, wanted) in TEXTS {
        // `print`, `gt`, `lt` and `now` are known.
        let found = check(text, Of::Rule(None)).err().unwrap_or_default();
        assert_eq!(found, *wanted, "{text}");
    }
}

#[test]
fn young_syntax_is_known_from_a_version_on() {
    let loops = "{{ range .x }}{{ break }}{{ end }}";
    let chain = "{{ with .x }}{{ else with .y }}{{ end }}";
    for (text, rule, go) in [(loops, (2, 35, 0), Go(18)), (chain, (2, 55, 0), Go(23))] {
        assert_eq!(check(text, Of::Rule(Some(rule))), Ok(()));
        assert_eq!(check(text, Of::Configuration(go)), Ok(()));
        let (major, minor, _) = rule;
        let told = check(text, Of::Rule(Some((major, minor - 1, 0)))).unwrap_err();
        let wanted = format!("is known from Prometheus {major}.{minor}.0 on");
        assert!(told.contains(&wanted), "{told}");
        let told = check(text, Of::Configuration(Go(go.0 - 1))).unwrap_err();
        assert!(
            told.contains(&format!("is known from Go 1.{} on", go.0)),
            "{told}"
        );
    }
}

#[test]
fn depth_is_a_list() {
    let nested = |open: &str, count: usize, close: &str| {
        let (open, close) = (open.repeat(count), close.repeat(count));
        check(&format!("{open}1{close}"), Of::Receiver)
    };
    assert_eq!(nested("{{ if 1 }}", 100_000, "{{ end }}"), Ok(()));
    let brackets = |count: usize| {
        let (open, close) = ("(".repeat(count), ")".repeat(count));
        check(&format!("{{{{ {open}1{close} }}}}"), Of::Receiver)
    };
    assert_eq!(brackets(10_000), Ok(()));
    let told = "max expression depth exceeded".to_owned();
    assert_eq!(brackets(10_001), Err(told));
}
