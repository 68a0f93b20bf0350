//! Expressions, against an object without and with a schema.

use anyhow::{Result, ensure};
use machinery::cel::{Env, PER_CALL, Program, Shape, Type, Variables, untyped};
use serde_json::{Value, json};

use super::variant;
use crate::fuzz::{Target, general};

/// The target.
pub struct Expressions {
    free: Env,
    typed: Env,
    free_values: Variables,
    typed_values: Variables,
}

fn object() -> Value {
    json!({
        "metadata": {"name": "subject", "labels": {"app": "a"}},
        "spec": {"size": 3, "share": 0.5, "text": "größe", "parts": [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}],
            "tags": ["x", "y"], "map": {"a": "1", "b": "2"}},
    })
}

fn schema() -> Value {
    let text = || json!({"type": "string", "maxLength": 50});
    let part =
        json!({"type": "object", "properties": {"name": text(), "weight": {"type": "integer"}}});
    json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"}, "share": {"type": "number"}, "text": text(),
        "parts": {"type": "array", "maxItems": 10, "items": part},
        "tags": {"type": "array", "maxItems": 10, "items": text(), "x-kubernetes-list-type": "set"},
        "map": {"type": "object", "maxProperties": 10, "additionalProperties": text()},
    }}}})
}

impl Default for Expressions {
    fn default() -> Self {
        let shape = Shape::of(&schema(), true);
        let (mut free_values, mut typed_values) = (Variables::new(), Variables::new());
        free_values.set("self", untyped(&object()));
        typed_values.set("self", shape.value(&object()));
        Self {
            free: Env::new().variable("self", Type::Dyn),
            typed: Env::new().variable("self", shape.type_named("Self")),
            free_values,
            typed_values,
        }
    }
}

impl Target for Expressions {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "self",
            ".spec",
            ".size",
            ".parts",
            ".tags",
            ".map",
            ".text",
            ".all(x, x > 1)",
            ".exists(x, x)",
            ".map(x, x)",
            ".filter(x, true)",
            "has(self.spec.size)",
            "size(",
            ".size()",
            "int(",
            "string(",
            "double(",
            "bytes(",
            "duration('1h')",
            "timestamp('2030-01-01T00:00:00Z')",
            ".matches('a+')",
            ".split(',')",
            ".join(',')",
            ".find('[a-z]*')",
            ".findAll('.')",
            ".replace('a', 'b')",
            ".substring(1)",
            ".lowerAscii()",
            "quantity('1Gi')",
            ".isSorted()",
            ".sum()",
            ".indexOf('a')",
            "url('https://a/b')",
            "ip('10.0.0.1')",
            "cidr('10.0.0.0/8')",
            "semver('1.2.3')",
            "optional.of(1)",
            "?",
            ".?a",
            ".orValue(1)",
            "dyn(",
            "type(",
            "in",
            "&&",
            "||",
            "==",
            "!=",
            "<=",
            "+",
            "-",
            "*",
            "/",
            "%",
            "'\\u00e9'",
            "b'\\xff'",
            "r'\\'",
            "[1, 2.0, 'a', null]",
            "{'a': 1}",
            "1u",
            "0x1F",
            "9223372036854775807",
            "-9223372036854775808",
            "1e308",
            "format.dns1123Label()",
            "cel.bind(x, 1, x)",
            "sets.contains([1], [1])",
            ".sort()",
            ".flatten()",
            "'%s'.format([1])",
            ".transformList(i, v, v)",
        ]
    }

    fn run(&mut self, input: &[u8]) -> Result<String> {
        let (number, bytes) = variant(input, 2);
        let source = String::from_utf8_lossy(bytes);
        let (env, values) = match number {
            0 => (&self.free, &self.free_values),
            _ => (&self.typed, &self.typed_values),
        };
        match env.compile(&source) {
            Ok(program) => run(&program, values).map(|outcome| format!("{outcome} {number}")),
            Err(error) => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Ok(general(line))
            }
        }
    }
}

fn run(program: &Program, values: &Variables) -> Result<String> {
    let first = program.run(values);
    let second = program.run(values);
    let shown = |result: &Result<machinery::cel::Value, machinery::cel::EvalError>| match result {
        Ok(value) => format!("ok {value}"),
        Err(error) => error.to_string(),
    };
    ensure!(
        shown(&first.result) == shown(&second.result) && first.cost == second.cost,
        "another result the second time: {} for {}, {} for {}",
        shown(&first.result),
        first.cost,
        shown(&second.result),
        second.cost
    );
    Ok(match first.result {
        // What it costs is in ranges of ten.
        Ok(value) => format!(
            "ok {} {}",
            value.type_of(),
            first.cost.checked_ilog10().unwrap_or(0)
        ),
        Err(error) => {
            ensure!(
                first.cost <= 2 * PER_CALL,
                "a run cost too much: {}",
                first.cost
            );
            general(&format!("run {error}"))
        }
    })
}
