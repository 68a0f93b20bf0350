use serde_json::{Value as Json, json};

use super::*;

fn run(source: &str, data: &Json) -> String {
    let env = Env::new().variable("self", Type::Dyn);
    let program = match env.compile(source) {
        Ok(program) => program,
        Err(error) => return format!("compile: {error}"),
    };
    let mut variables = Variables::new();
    variables.set("self", untyped(data));
    match program.run(&variables).result {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

fn typed(source: &str, schema: &Json, data: &Json) -> String {
    let shape = Shape::of(schema, false);
    let env = Env::new().variable("self", shape.type_named("selfType"));
    let program = match env.compile(source) {
        Ok(program) => program,
        Err(error) => return format!("compile: {error}"),
    };
    let mut variables = Variables::new();
    variables.set("self", shape.value(data));
    match program.run(&variables).result {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

/// Expressions about the data of the test, and their values.
const VALUES: &[(&str, &str)] = &[
    ("1 + 2 * 3 == 7 && !false", "true"),
    (
        "self.a.all(x, x > 0) && self.a.exists_one(x, x == 2)",
        "true",
    ),
    ("self.a.map(x, x * 2)", "[6, 2, 4]"),
    ("self.a.filter(x, x > 1).size()", "2"),
    ("self.a.all(i, x, i < 3 && x > 0)", "true"),
    ("self.a.transformList(i, x, i + x)", "[3, 2, 4]"),
    ("self.m.transformMap(k, v, k + string(v))", "{x: x1}"),
    ("self.a.sort()", "[1, 2, 3]"),
    ("self.a.sortBy(x, -x)", "[3, 2, 1]"),
    (
        "self.a.isSorted() || self.a.max() == 3 && self.a.sum() == 6",
        "true",
    ),
    (
        "[1, 2, 3].slice(1, 2) + [[1], [2]].flatten() + [1, 1].distinct()",
        "[2, 1, 2, 1]",
    ),
    ("self.s.lowerAscii().charAt(1) + self.s.substring(3)", "elo"),
    ("'a-b-c'.split('-').join('+')", "a+b+c"),
    (
        "'%s is %d, %.2f, %x'.format(['x', 3, 1.5, 255])",
        "x is 3, 1.50, ff",
    ),
    (
        "'%s|%s|%s'.format([['a'], {'b': duration('1h'), 'a': 1.5}, 1000000.0])",
        r#"["a"]|{"a":1.500000, "b":duration("3600s")}|1e+06"#,
    ),
    (
        "'%f|%.2f|%.9e|%s'.format([1234567.5, 'NaN', 1234567.5, 1.0 / 0.0])",
        "1,234,567.500000|NaN|1.234568×10⁰⁶|+Inf",
    ),
    (
        "'abc123'.find('[0-9]+') + '1a2'.findAll('[0-9]').join(',')",
        "1231,2",
    ),
    ("has(self.s) && !has(self.zzz) && has(self.n)", "true"),
    (
        "self.?zzz.orValue('none') + self.?s.orValue('')",
        "noneHello",
    ),
    ("self[?'s'].optMap(x, x + '!').value()", "Hello!"),
    (
        "url(self.u).getHostname() + url(self.u).getPort() + url(self.u).getEscapedPath()",
        "example.com8080/p%20q",
    ),
    ("url(self.u).getQuery()['k']", "[v, w]"),
    (
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && ip('::1').family() == 6 && isIP('1.2.3.4')",
        "true",
    ),
    (
        "quantity('1Gi').isGreaterThan(quantity('500Mi')) && quantity('2').add(1) == quantity('3')",
        "true",
    ),
    (
        "semver('1.2.3').isLessThan(semver('v1.10', true)) && !isSemver('1.2')",
        "true",
    ),
    (
        "format.dns1123Label().validate('Ab').hasValue() && !format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
        "true",
    ),
    (
        "duration('1h30m').getMinutes() == 90 && timestamp('2024-02-29T12:00:00Z').getMonth() == 1",
        "true",
    ),
    (
        "string(duration('90s')) + string(timestamp('2024-02-29T12:00:00Z') + duration('1s'))",
        "90s2024-02-29T12:00:01Z",
    ),
    ("type(1) == int && type(self.s) == string", "true"),
    (
        "sets.equivalent(self.a, [1, 2, 3]) && 1 in self.a && 'x' in self.m",
        "true",
    ),
    (
        "1 == 1.0 ? 'same' : 'other'",
        "compile: ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, double)'\n | 1 == 1.0 ? 'same' : 'other'\n | ..^",
    ),
    ("dyn(1) == 1.0 && dyn(2) > 1.5", "true"),
    ("self.zzz == 1", "error: no such key: zzz"),
    ("self.n.zzz == 1", "error: no such key: zzz"),
    ("self.n['zzz'] == 1", "error: no such key: zzz"),
    ("has(self.n.zzz) || self.s.?zzz.hasValue()", "false"),
    (
        "[1].exists(x, [2].exists(y, x == y",
        "compile: ERROR: <input>:1:35: Syntax error: mismatched input '<EOF>' expecting ')'\n | [1].exists(x, [2].exists(y, x == y\n | ..................................^",
    ),
    ("self.a[7]", "error: index out of bounds: 7"),
    ("int('+7') == 7 && uint('7') == 7u", "true"),
    (
        "uint('+7') == 7u",
        "error: type conversion error from 'string' to 'uint'",
    ),
    ("1 / 0 == 1 || true", "true"),
    ("1 / (self.a.size() - 3) == 1", "error: division by zero"),
    (
        "9223372036854775807 + self.a[0] == 1",
        "error: integer overflow",
    ),
    ("self.s < 3", "error: no such overload"),
    ("double('1_000') + double('0x1p4')", "1016"),
    ("duration('1h2m3.5s').getMilliseconds()", "3723500"),
    (
        "quantity('9e400').add(quantity('0.5')).asApproximateFloat() > 1e300 && quantity('9e400').isGreaterThan(quantity('8Ei'))",
        "true",
    ),
    (
        "quantity('1.5Ki').isInteger() || quantity('1.0').isInteger()",
        "false",
    ),
    (
        "quantity('2Ki').asInteger() + quantity('1e3').asInteger()",
        "3048",
    ),
    ("isURL('urn:x:y') && url('urn:x:y').getHost() == ''", "true"),
    (
        "url('http://a:b').getPort() == ''",
        "error: URL parse error during conversion from string: parse \"http://a:b\": invalid port \":b\" after host",
    ),
    (
        "format.uri().validate('a b').value()[0]",
        "parse \"a b\": invalid URI for request",
    ),
    (
        "semver('1.2.3-01').major() == 1",
        "error: Numeric PreRelease version must not contain leading zeroes \"01\"",
    ),
    (
        "semver('1..3').major() == 1",
        "error: strconv.ParseUint: parsing \"\": invalid syntax",
    ),
    ("semver('v01.02', true).minor()", "2"),
    (
        "cidr('10.0.0.0/8').containsIP('a')",
        "error: no such overload",
    ),
    (
        "ip('1.2.3').family() == 4",
        "error: IP Address \"1.2.3\" parse error during conversion from string: ParseAddr(\"1.2.3\"): IPv4 address too short",
    ),
    (
        "isIP('fe80::1%eth0') || ip('fe80::1%eth0') == ip('::1')",
        "error: IP address \"fe80::1%eth0\" with zone value is not allowed",
    ),
    (
        "cidr('10.0.0.0/8').containsCIDR('1.2.3.4/33')",
        "error: network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix(\"1.2.3.4/33\"): prefix length out of range",
    ),
    (
        "cidr('::ffff:1.2.3.4/100').prefixLength() == 100",
        "error: network address parse error during conversion from string: IPv4-mapped IPv6 address \"::ffff:1.2.3.4/100\" is not allowed",
    ),
    ("[1, 2].exists(x, x / 0 == 1 || x == 2)", "true"),
    ("strings.quote('a\\n')", "\"a\\n\""),
    ("'abcab'.lastIndexOf('ab') + 'tacocat'.indexOf('a', 2)", "8"),
];

#[test]
fn no_length_is_too_large_for_a_schema() {
    let schema = json!({"type": "string", "maxLength": i64::MAX});
    assert_eq!(Shape::of(&schema, false).max, u64::MAX - 3);
}

#[test]
fn expressions_have_the_values_cel_go_gives_them() {
    let data = json!({"a": [3, 1, 2], "m": {"x": 1}, "s": "Hello", "n": null, "u": "https://user@example.com:8080/p%20q?k=v&k=w"});
    for (source, wanted) in VALUES {
        assert_eq!(run(source, &data), *wanted, "{source}");
    }
}

#[test]
fn complaints_are_written_as_cel_go_writes_them() {
    let schema = json!({"type": "object", "properties": {
        "replicas": {"type": "integer"}, "name": {"type": "string"}, "my-field": {"type": "string"},
        "list": {"type": "array", "items": {"type": "string"}}, "any": {"x-kubernetes-int-or-string": true}}});
    let cases = [
        (
            "self.x > 1",
            "compile: ERROR: <input>:1:5: undefined field 'x'\n | self.x > 1\n | ....^",
        ),
        (
            "foo",
            "compile: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo\n | ^",
        ),
        // A policy may ask it, a rule may not.
        (
            "authorizer.group('').resource('pods').check('get').allowed()",
            "compile: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n | authorizer.group('').resource('pods').check('get').allowed()\n | ^",
        ),
        (
            "self.replicas.size() > 1",
            "compile: ERROR: <input>:1:19: found no matching overload for 'size' applied to 'int.()'\n | self.replicas.size() > 1\n | ..................^",
        ),
        (
            "self.name == 1",
            "compile: ERROR: <input>:1:11: found no matching overload for '_==_' applied to '(string, int)'\n | self.name == 1\n | ..........^",
        ),
        (
            "self.replicas.x",
            "compile: ERROR: <input>:1:14: type 'int' does not support field selection\n | self.replicas.x\n | .............^",
        ),
        (
            "self.replicas.all(x, true)",
            "compile: ERROR: <input>:1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.replicas.all(x, true)\n | ....^",
        ),
        (
            "self.replicas && true",
            "compile: ERROR: <input>:1:5: expected type 'bool' but found 'int'\n | self.replicas && true\n | ....^",
        ),
        (
            "[1, 'a'].size() > 0",
            "compile: ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() > 0\n | ....^",
        ),
        (
            "self.name.matches('[')",
            "compile: ERROR: <input>:1:19: invalid matches argument\n | self.name.matches('[')\n | ..................^",
        ),
        (
            "'%f'.format([1])",
            "compile: ERROR: <input>:1:14: error during formatting: fixed-point clause can only be used on doubles, was given int\n | '%f'.format([1])\n | .............^",
        ),
        (
            "'%s %s'.format(['a'])",
            "compile: ERROR: <input>:1:15: index 1 out of range\n | '%s %s'.format(['a'])\n | ..............^",
        ),
        (
            "quantity('1').foo",
            "compile: ERROR: <input>:1:14: unexpected failed resolution of 'kubernetes.Quantity'\n | quantity('1').foo\n | .............^",
        ),
        (
            "self.name ==",
            "compile: ERROR: <input>:1:13: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | self.name ==\n | ............^",
        ),
    ];
    for (source, wanted) in cases {
        assert_eq!(typed(source, &schema, &json!({})), wanted, "{source}");
    }
}

#[test]
fn schemas_decide_types_names_and_comparison() {
    let schema = json!({"type": "object", "properties": {
        "d": {"type": "string", "format": "duration"}, "t": {"type": "string", "format": "date-time"},
        "n": {"type": "number"}, "b": {"type": "string", "format": "byte"},
        "my-field": {"type": "string"}, "namespace": {"type": "string"}, "a__b": {"type": "string"},
        "any": {"x-kubernetes-int-or-string": true},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
        "other": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
        "wrong": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string"}}}},
        "nul": {"type": "string", "nullable": true}, "bad": {"type": "string"}}});
    let data = json!({"d": "1h", "t": "2024-01-01T00:00:00Z", "n": 3, "b": "aGk=", "my-field": "x", "namespace": "y",
        "a__b": "z", "any": "5%", "set": ["a", "b"], "map": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
        "other": [{"k": "b", "v": 2}, {"k": "a", "v": 1}], "nul": null, "bad": null,
        "wrong": [{"k": "a", "v": {}}, {"k": "b", "v": {}}]});
    let cases = [
        (
            "self.d == duration('60m') && self.t < timestamp('2025-01-01T00:00:00Z')",
            "true",
        ),
        ("self.n == 3.0 && self.b == b'hi'", "true"),
        (
            "self.my__dash__field + self.__namespace__ + self.a__underscores__b",
            "xyz",
        ),
        ("self.any == '5%' && type(self.any) == string", "true"),
        (
            "self.set == ['b', 'a'] && self.set + ['b', 'c'] == ['a', 'b', 'c']",
            "true",
        ),
        ("self.map.exists(e, e.k == 'a' && e.v == 1)", "true"),
        (
            "self.nul == null",
            "compile: ERROR: <input>:1:10: found no matching overload for '_==_' applied to '(string, null)'\n | self.nul == null\n | .........^",
        ),
        ("self.bad == ''", "error: no such key: bad"),
        (
            "self.wrong.exists_one(e, e == self.wrong[0])",
            "error: invalid data, expected string, got map[string]interface {}",
        ),
        (
            "[self.any] != [self.any] || self.wrong[0] == self.wrong[1]",
            "false",
        ),
        (
            "has(self.nul) || has(self.bad) || self.?nul.hasValue()",
            "false",
        ),
    ];
    for (source, wanted) in cases {
        assert_eq!(typed(source, &schema, &data), wanted, "{source}");
    }
}

#[test]
fn what_is_too_much_is_stopped() {
    let long = format!(
        "[{}].all(a, [{}].all(b, [{}].all(c, a + b + c > 0)))",
        vec!["self"; 90].join(","),
        vec!["self"; 90].join(","),
        vec!["self"; 90].join(",")
    );
    let env = Env::new().variable("self", Type::Int);
    let mut variables = Variables::new();
    variables.set("self", Value::Int(1));
    let run = env.compile(&long).unwrap().run(&variables);
    assert_eq!(run.result.unwrap_err(), EvalError::TooExpensive);
    for source in [
        "(".repeat(100_000),
        "!".repeat(90_000),
        vec!["1"; 40_000].join("+"),
        format!("self{}", ".a".repeat(40_000)),
        "[".repeat(99_000),
        "a?b:".repeat(20_000),
        // What is quoted and has no end is read as code.
        format!("0ip('1{}", "mily(".repeat(2_000)),
        format!(r"'\q{}'", "mily(".repeat(2_000)),
        format!("'\n{}'", "mily(".repeat(2_000)),
        // Nor is there a comment in it.
        format!("0url('https://a{}", "mily(".repeat(300)),
        format!("`https://a{}", "mily(".repeat(300)),
    ] {
        assert!(env.compile(&source).is_err());
    }
    let deep = format!("{}self{} == 1", "(".repeat(60), ")".repeat(60));
    assert!(env.compile(&deep).is_ok());
}

#[test]
fn constants_are_looked_at_before_anything_runs() {
    let ready = |source: &str| {
        let env = Env::new().variable("self", Type::Dyn);
        let made = env.compile(source).unwrap().instantiate();
        made.err().unwrap_or_default()
    };
    let pattern = "error parsing regexp: missing closing ): `(`";
    for (source, wanted) in [
        ("self.find('(') == ''", pattern),
        ("self.exists(x, x.findAll('(').size() == 1)", pattern),
        ("self.findAll(string('('), 1).size() == 1", pattern),
        ("{'a': [self.find('(')]}.a.size() == 1", pattern),
        ("self.find(self) == '' && 'a'.find('b') == ''", ""),
        (
            "self || int('a') == 1",
            "type conversion error from 'string' to 'int'",
        ),
        ("int(self) == int('1')", ""),
    ] {
        assert_eq!(ready(source), wanted, "{source}");
    }
}

#[test]
fn signs_in_a_row_are_no_depth_and_brackets_are() {
    let deep = |open: &str, levels: usize, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    let said = |source: &str| run(source, &json!({}));
    let limit = "compile: ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
    assert_eq!(said(&format!("{}true", "!".repeat(2001))), "false");
    assert_eq!(said(&format!("{}true", "!".repeat(2000))), "true");
    assert_eq!(said(&format!("{}1 == -1", "-".repeat(2001))), "true");
    assert_eq!(said(&deep("(", 249, "true", ")")), "true");
    assert_eq!(said(&deep("(", 250, "true", ")")), limit);
    assert_eq!(said(&deep("[", 300, "1", "]")), limit);
}

#[test]
fn what_hides_is_told_in_short_as_by_the_shape() {
    let mut schemas = vec![
        json!({}),
        json!({"type": "any"}),
        json!({"type": "array"}),
        json!({"type": "object"}),
    ];
    for plain in ["string", "boolean", "number", "integer"] {
        schemas.push(json!({"type": plain}));
    }
    schemas.push(json!({"x-kubernetes-int-or-string": true}));
    schemas.push(json!({"x-kubernetes-preserve-unknown-fields": true}));
    for _ in 0..2 {
        let inner = schemas.clone();
        for schema in inner {
            schemas.push(json!({"type": "array", "items": schema}));
            schemas.push(json!({"type": "object", "additionalProperties": schema}));
            schemas.push(json!({"type": "object", "properties": {"a": schema}}));
        }
    }
    for schema in schemas {
        assert_eq!(
            Shape::hides(&schema),
            Shape::of(&schema, false).is_hidden(),
            "{schema}"
        );
    }
}
