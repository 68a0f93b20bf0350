//! Simple JSON paths inside a schema: `.spec.name`, `.labels['a.b']` (`schema/cel/validation.go`, `ValidFieldPath`).

use serde_json::Value;

/// The path as errors write it, without a dot in front, or why it is none.
pub(super) fn normalized(path: &str, schema: &Value) -> Result<String, String> {
    walk(path, schema, true).map(|(path, _)| path)
}

/// The path and the schema it leads to; `brackets` are allowed or not.
pub(super) fn walk<'a>(
    path: &str,
    schema: &'a Value,
    brackets: bool,
) -> Result<(String, &'a Value), String> {
    let mut tokens = tokens(path).into_iter();
    let (mut found, mut schema) = (String::new(), schema);
    while let Some(token) = tokens.next() {
        let end = || "unexpected end of JSON path".to_owned();
        let name = match token.as_str() {
            "[" if !brackets => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let quoted = tokens.next().ok_or_else(end)?;
                let inner = quoted
                    .strip_prefix('\'')
                    .and_then(|rest| rest.strip_suffix('\''));
                let inner = inner
                    .ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                let name = inner.replace("\\'", "'").replace("\\\\", "\\");
                match tokens.next().ok_or_else(end)?.as_str() {
                    "]" => name,
                    other => return Err(format!("expected ] but got {other}")),
                }
            }
            "." => tokens.next().ok_or_else(end)?,
            other => return Err(format!("expected [ or . but got: {other}")),
        };
        let nowhere = || "does not refer to a valid field".to_owned();
        if let Some(properties) = schema.get("properties").filter(|found| found.is_object()) {
            schema = properties.get(&name).ok_or_else(nowhere)?;
            if !found.is_empty() {
                found.push('.');
            }
            found.push_str(&name);
        } else {
            let additional = schema.get("additionalProperties");
            schema = additional
                .filter(|found| found.is_object())
                .ok_or_else(nowhere)?;
            found = format!("{found}[{name}]");
        }
    }
    Ok((found, schema))
}

fn tokens(path: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut current = String::new();
    for c in path.chars() {
        if current.starts_with('\'') {
            current.push(c);
            if c == '\'' && !current.ends_with("\\'") {
                tokens.push(std::mem::take(&mut current));
            }
        } else if matches!(c, '.' | '[' | ']') {
            if !current.is_empty() {
                tokens.push(std::mem::take(&mut current));
            }
            tokens.push(c.to_string());
        } else {
            current.push(c);
        }
    }
    if !current.is_empty() {
        tokens.push(current);
    }
    tokens
}
