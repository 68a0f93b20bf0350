//! What the body of a JSON patch says, in the words of the API server's decoder or of the library alone.

use serde_json::{Map, Value};

use super::{JsonPatch, MAX_OPERATIONS, PatchError};
use crate::decode;

/// What Go's decoder calls a patch and one of its operations, and what stands before its errors.
struct Words {
    before: &'static str,
    patch: &'static str,
    operation: &'static str,
}

/// The API server's own decoder.
const SERVER: Words = Words {
    before: "error decoding patch: ",
    patch: "[]handlers.jsonPatchOp",
    operation: "handlers.jsonPatchOp",
};

/// The library's.
const LIBRARY: Words = Words {
    before: "",
    patch: "jsonpatch.Patch",
    operation: "jsonpatch.Operation",
};

impl Words {
    fn malformed(&self, error: &str) -> PatchError {
        PatchError::Malformed(format!("{}{error}", self.before))
    }

    fn of_another_type(&self, value: &Value, go_type: &str) -> PatchError {
        let what = decode::json_word(value);
        self.malformed(&format!(
            "json: cannot unmarshal {what} into Go value of type {go_type}"
        ))
    }

    /// A list of whatever; numbers in fields other than the value are what Go's decoder makes of them.
    fn decode(&self, patch: &[u8]) -> Result<JsonPatch, PatchError> {
        let decoded =
            decode::decode_kept(patch).map_err(|error| self.malformed(&error.to_string()))?;
        let mut operations = match decoded.value {
            Value::Array(operations) => operations,
            Value::Null => Vec::new(),
            other => return Err(self.of_another_type(&other, self.patch)),
        };
        for fields in operations.iter_mut().filter_map(Value::as_object_mut) {
            for (_, value) in fields.iter_mut().filter(|(name, _)| *name != "value") {
                *value = decode::number::plain(value.take());
            }
        }
        Ok(JsonPatch {
            operations,
            strict: decoded.strict,
        })
    }

    /// The fields of an operation; null has none.
    fn fields<'v>(
        &self,
        operation: &'v Value,
    ) -> Result<Option<&'v Map<String, Value>>, PatchError> {
        match operation {
            Value::Object(fields) => Ok(Some(fields)),
            Value::Null => Ok(None),
            other => Err(self.of_another_type(other, self.operation)),
        }
    }
}

/// Decodes a patch body.
pub fn parse(patch: &[u8]) -> Result<JsonPatch, PatchError> {
    let JsonPatch { operations, strict } = SERVER.decode(patch)?;
    let mut strict: Vec<String> = strict
        .into_iter()
        .map(|error| format!("json patch {error}"))
        .collect();
    for (index, operation) in operations.iter().enumerate() {
        let fields = SERVER.fields(operation)?;
        for (name, value) in fields.into_iter().flatten() {
            match name.as_str() {
                "op" | "path" | "from" if !value.is_string() && !value.is_null() => {
                    let what = decode::json_word(value);
                    return Err(SERVER.malformed(&format!(
                        "json: cannot unmarshal {what} into Go struct field jsonPatchOp.{name} of type string"
                    )));
                }
                "op" | "path" | "from" | "value" => {}
                _ => strict.push(format!("json patch unknown field \"[{index}].{name}\"")),
            }
        }
    }
    limited(JsonPatch { operations, strict })
}

/// Decodes a patch body as the library alone does (`DecodePatch` of `evanphx/json-patch`), for those who want no fields validated
/// and for answers of webhooks: fields of operations may have any type.
pub fn parse_loosely(patch: &[u8]) -> Result<JsonPatch, PatchError> {
    let patch = JsonPatch {
        strict: Vec::new(),
        ..LIBRARY.decode(patch)?
    };
    for operation in &patch.operations {
        LIBRARY.fields(operation)?;
    }
    limited(patch)
}

fn limited(patch: JsonPatch) -> Result<JsonPatch, PatchError> {
    match patch.operations.len() {
        got if got > MAX_OPERATIONS => Err(PatchError::TooManyOperations {
            allowed: MAX_OPERATIONS,
            got,
        }),
        _ => Ok(patch),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_wants_nothing_validated_is_told_by_the_library() {
        let told: Vec<String> = [r#"{"op":"add"}"#, "{", "[1]"]
            .into_iter()
            .map(|body| parse_loosely(body.as_bytes()).unwrap_err().to_string())
            .collect();
        assert_eq!(
            told,
            [
                "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
                "unexpected end of JSON input",
                "json: cannot unmarshal number into Go value of type jsonpatch.Operation",
            ]
        );
        let strange = parse_loosely(br#"[{"op":1,"more":2},null]"#).unwrap();
        assert_eq!(
            strange.operations,
            [json!({"op": 1, "more": 2}), Value::Null]
        );
        assert_eq!(strange.strict, Vec::<String>::new());
    }
}
