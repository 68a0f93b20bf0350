use super::{ANYWHERE, Options, check, enforced, located};

const ALL: Options = Options {
    experimental_functions: true,
    duration_expressions: true,
    extended_range_selectors: true,
    fill_modifiers: true,
};

fn printed(text: &str) -> String {
    match super::parse(text, ALL, ANYWHERE) {
        Ok(expr) => expr.to_string(),
        Err(wrong) => located(text, wrong).to_string(),
    }
}

#[test]
fn what_is_printed_is_what_prometheus_prints() {
    for (given, wanted) in [
        ("sum by(job)(rate(x[5m]))", "sum by (job) (rate(x[5m]))"),
        ("sum(x) without (a,b)", "sum without (a, b) (x)"),
        ("topk(5, x)", "topk(5, x)"),
        ("a + on(x) group_left(y) b", "a + on (x) group_left (y) b"),
        ("a/ignoring(x)b", "a / ignoring (x) b"),
        ("a == bool 1", "a == bool 1"),
        ("-x^2", "-x ^ 2"),
        ("-1", "-1"),
        ("1e3", "1000"),
        ("0x1f + 010", "31 + 8"),
        ("Inf", "+Inf"),
        ("x{b='1',a=~\"c.*\"}", "x{a=~\"c.*\",b=\"1\"}"),
        (
            "{\"my.metric\",a=\"b\"}",
            "{__name__=\"my.metric\",a=\"b\"}",
        ),
        ("x[90s] offset -1h @ 10", "x[1m30s] @ 10.000 offset -1h"),
        ("x @ start() offset 5m", "x @ start() offset 5m"),
        ("rate(x[5m])[1h:]", "rate(x[5m])[1h:]"),
        (
            "rate(x[5m])[1h:1m] offset 1d",
            "rate(x[5m])[1h:1m] offset 1d",
        ),
        (
            "label_replace(x, `a`, \"$1\", 'b', \"\\n\")",
            "label_replace(x, \"a\", \"$1\", \"b\", \"\\n\")",
        ),
        ("sum", "sum"),
        (r#"x{a="\303\251\x41\u00e9\U0001F600"}"#, "x{a=\"éAé😀\"}"),
        ("x # comment", "x"),
        ("rate(x[step() * 2])", "rate(x[step() * 2])"),
        ("rate(x[5m] smoothed)", "rate(x[5m] smoothed)"),
        ("a + fill(0) b", "a + fill (0) b"),
        ("foo offset -2^2", "foo offset -2s ^ 2"),
    ] {
        assert_eq!(printed(given), wanted, "{given}");
    }
}

#[test]
fn what_isnt_an_expression_is_refused_with_its_place() {
    for text in [
        "",
        "sum(",
        "x{",
        "x{a=}",
        "x[5m",
        "x[0s]",
        "1 +",
        "(x",
        "x)",
        "rate(x)",
        "sum(x[5m])",
        "nosuch(x)",
        "x{a=~\"(\"}",
        "{}",
        "{a=~\".*\"}",
        "x{__name__=\"y\"}",
        "1 == 1",
        "x and 1",
        "x bool + 1",
        "\"a\" + 1",
        "x offset 5m offset 5m",
        "sum(x) offset 5m",
        "vector(x)",
        "x[5m][5m]",
        "a and on(x) group_left b",
        "rate(x[5m],)",
        "x == bool",
        "5x",
        "a b",
        "x!y",
        "topk(x)",
        r#"x{a="\400"}"#,
        r#"x{a="\777"}"#,
        r#"x{a="\xff"}"#,
        r#"x{a="\x4"}"#,
        r#"x{a="\ud800"}"#,
        r#"x{a="\U00110000"}"#,
        r#"x{a="\'"}"#,
    ] {
        assert!(check(text, ALL).is_err(), "{text}");
    }
    let error = check("x +\n  sum(", Options::default()).unwrap_err();
    assert_eq!((error.line, error.column), (2, 7));
}

#[test]
fn experiments_are_switched_on_one_by_one() {
    for text in [
        "mad_over_time(x[5m])",
        "limitk(1, x)",
        "rate(x[step() + 1m])",
        "rate(x[5m] anchored)",
        "a + fill(0) b",
    ] {
        assert!(check(text, Options::default()).is_err(), "{text}");
        assert!(check(text, ALL).is_ok(), "{text}");
    }
    let some = Options::of_features(["promql-duration-expr", "otlp"]);
    assert!(some.duration_expressions && !some.experimental_functions);
}

#[test]
fn deep_nesting_is_refused_and_not_the_end() {
    let nested = |open: &str, count: usize, close: &str| {
        format!("{}x{}", open.repeat(count), close.repeat(count))
    };
    for (text, taken) in [
        (nested("(", 300, ")"), true),
        (nested("(", 1_900, ")"), true),
        (nested("-(", 600, ")"), true),
        (nested("1 + sum(", 900, ")"), true),
        (nested("", 19_000, " + 1"), true),
        (nested("(", 2_100, ")"), false),
        (nested("(", 100_000, ")"), false),
        (nested("-", 100_000, ""), false),
        (nested("", 100_000, " + 1"), false),
        (nested("", 100_000, "[5m:]"), false),
        (format!("x[{}5m]", "5m + ".repeat(100_000)), false),
        (nested("(x +", 900, "* 1 )"), true),
    ] {
        let told = text.get(..40).unwrap_or(&text);
        let refusal = check(&text, ALL).err().map(|error| error.text);
        let wanted = (!taken).then(|| "expression is nested too deeply".to_owned());
        assert_eq!(refusal, wanted, "{told}");
        assert_eq!(enforced(&text, ALL, "a", "b").is_ok(), taken, "{told}");
    }
}

#[test]
fn a_label_is_enforced_in_every_selector() {
    let text =
        "sum(rate(a{ns=\"x\",b=\"c\"}[5m])) / count_over_time((b > 1)[1h:]) + absent({c!=\"\"})";
    assert_eq!(
        enforced(text, Options::default(), "ns", "team").unwrap(),
        "sum(rate(a{b=\"c\",ns=\"team\"}[5m])) / count_over_time((b{ns=\"team\"} > 1)[1h:]) + absent({c!=\"\",ns=\"team\"})"
    );
}

#[test]
fn patterns_nest_as_far_as_in_go() {
    let nested = |count: usize| format!("x{{a=~\"{}b{}\"}}", "(".repeat(count), ")".repeat(count));
    assert_eq!(check(&nested(900), ALL), Ok(()));
    let error = check(&nested(1_001), ALL).unwrap_err();
    assert!(
        error.text.contains("expression nests too deeply"),
        "{error}"
    );
}
