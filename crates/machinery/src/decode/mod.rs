//! Request bodies as Go's decoder reads them.
//!
//! Promises the value that a Go struct would hold after `json.Unmarshal`, printed again; the strict errors (unknown and
//! duplicate fields) in body order; and Go's error texts. Mirrors `sigs.k8s.io/json` and
//! `k8s.io/apimachinery/pkg/runtime/serializer/json`.

mod parse;
mod scalar;
mod walk;

use serde_json::Value;

use crate::schema::{TypeId, TypeRef, TypeTable};
use crate::yaml;
use parse::Node;
use walk::Walker;

pub use scalar::quote;

/// A decoded body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The normalised object.
    pub value: Value,
    /// Strict errors, `unknown field "spec.foo"` or `duplicate field "data.a"`, in Go's order.
    pub strict: Vec<String>,
}

/// Why a body cannot be decoded. The text is Go's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON (or YAML): `unexpected end of JSON input`, …
    #[error("{0}")]
    Syntax(String),
    /// A value of the wrong type: `json: cannot unmarshal number into Go struct field ConfigMap.data of type string`.
    #[error("{0}")]
    Type(String),
}

/// Decodes a JSON body into a built-in type.
pub fn decode(table: &TypeTable, ty: TypeId, body: &[u8]) -> Result<Decoded, DecodeError> {
    let node = parse::parse(body).map_err(DecodeError::Syntax)?;
    decode_node(table, &TypeRef::Struct(ty), &node)
}

/// Decodes a YAML body into a built-in type; a key given twice is one strict error ahead of the others.
pub fn decode_yaml(table: &TypeTable, ty: TypeId, body: &[u8]) -> Result<Decoded, DecodeError> {
    let document = yaml_document(body)?;
    let mut decoded = decode_node(table, &TypeRef::Struct(ty), &Node::of(&document.value))?;
    decoded.strict.splice(0..0, yaml_strict(&document));
    Ok(decoded)
}

/// Decodes a YAML body without a type.
pub fn decode_yaml_untyped(body: &[u8]) -> Result<Decoded, DecodeError> {
    let document = yaml_document(body)?;
    let strict = yaml_strict(&document).into_iter().collect();
    Ok(Decoded {
        value: document.value,
        strict,
    })
}

fn yaml_document(body: &[u8]) -> Result<yaml::Document, DecodeError> {
    yaml::parse(&String::from_utf8_lossy(body))
        .map_err(|error| DecodeError::Syntax(error.to_string()))
}

/// The one error go-yaml makes of all duplicate keys.
fn yaml_strict(document: &yaml::Document) -> Option<String> {
    let lines = document.duplicates.join("\n  ");
    (!lines.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {lines}"))
}

/// Decodes a JSON body without a type (custom resources): duplicate keys are reported, numbers are int64 or float64.
pub fn decode_untyped(body: &[u8]) -> Result<Decoded, DecodeError> {
    let node = parse::parse(body).map_err(DecodeError::Syntax)?;
    let table = TypeTable::builtin();
    let mut walker = Walker::new(table);
    let value = walker.untyped_strict(&node);
    Ok(Decoded {
        value,
        strict: walker.strict,
    })
}

/// What Go's struct would print for this object: unknown fields dropped, zero values as Go has them.
pub fn normalise(ty: TypeId, value: &Value) -> Result<Value, DecodeError> {
    normalise_strict(ty, value).map(|decoded| decoded.value)
}

/// [`normalise`] with a type of another table.
pub fn normalise_in(table: &TypeTable, ty: TypeId, value: &Value) -> Result<Value, DecodeError> {
    decode_node(table, &TypeRef::Struct(ty), &Node::of(value)).map(|decoded| decoded.value)
}

/// [`normalise`] with the unknown fields by path (`unknown field "spec.foo"`, sorted by key at each level).
pub fn normalise_strict(ty: TypeId, value: &Value) -> Result<Decoded, DecodeError> {
    let node = Node::of(value);
    decode_node(TypeTable::builtin(), &TypeRef::Struct(ty), &node)
}

fn decode_node(table: &TypeTable, ty: &TypeRef, node: &Node<'_>) -> Result<Decoded, DecodeError> {
    let mut walker = Walker::new(table);
    // An error of a type's own decoder wins over an earlier type error, as in Go.
    let value = walker.value(node, ty).map_err(DecodeError::Type)?;
    match walker.saved {
        Some(error) => Err(DecodeError::Type(error)),
        None => Ok(Decoded {
            value,
            strict: walker.strict,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ty(group: &str, kind: &str) -> TypeId {
        TypeTable::builtin().type_of(group, "v1", kind).unwrap()
    }

    fn body(group: &str, kind: &str, text: &str) -> Result<Decoded, DecodeError> {
        decode(TypeTable::builtin(), ty(group, kind), text.as_bytes())
    }

    fn error(group: &str, kind: &str, text: &str) -> String {
        body(group, kind, text).unwrap_err().to_string()
    }

    #[test]
    fn strict_errors_come_in_body_order() {
        let decoded = body(
            "",
            "ConfigMap",
            r#"{"metadata":{"name":"b","foo":1},"dataa":{},"data":{"a":"1","a":"2"}}"#,
        );
        assert_eq!(
            decoded,
            Ok(Decoded {
                value: json!({"metadata": {"name": "b"}, "data": {"a": "2"}}),
                strict: vec![
                    r#"unknown field "metadata.foo""#.into(),
                    r#"unknown field "dataa""#.into(),
                    r#"duplicate field "data.a""#.into(),
                ],
            })
        );
        let decoded = body(
            "apps",
            "Deployment",
            r#"{"spec":{"template":{"spec":{"containers":[{"name":"c","foo":1}],"bar":1}}}}"#,
        );
        assert_eq!(
            decoded.unwrap().strict,
            [
                r#"unknown field "spec.template.spec.containers[0].foo""#,
                r#"unknown field "spec.template.spec.bar""#
            ]
        );
    }

    #[test]
    fn wrong_types_are_told_in_go_words() {
        let told = [
            error("", "ConfigMap", r#"{"data":{"a":1}}"#),
            error("apps", "Deployment", r#"{"spec":{"replicas":"x"}}"#),
            error(
                "apps",
                "Deployment",
                r#"{"spec":{"template":{"spec":{"containers":[{"ports":[{"containerPort":"x"}]}]}}}}"#,
            ),
            error("", "ConfigMap", r#"{"metadata":5}"#),
            error("", "ConfigMap", r#"{"kind":5}"#),
            error(
                "",
                "Pod",
                r#"{"spec":{"volumes":[{"name":"a","emptyDir":[]}]}}"#,
            ),
            error(
                "",
                "Pod",
                r#"{"spec":{"containers":[{"resources":{"limits":[]}}]}}"#,
            ),
            error("apps", "Deployment", r#"{"spec":{"replicas":1.5}}"#),
            error("", "ConfigMap", "[]"),
        ];
        assert_eq!(
            told,
            [
                "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
                "json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32",
                "json: cannot unmarshal number into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
                "json: cannot unmarshal number into Go struct field ConfigMap.TypeMeta.kind of type string",
                "json: cannot unmarshal array into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type v1.EmptyDirVolumeSource",
                "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
                "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
                "json: cannot unmarshal array into Go value of type v1.ConfigMap",
            ]
        );
    }

    #[test]
    fn types_with_their_own_decoder_tell_their_own_errors() {
        let told = [
            error("", "ConfigMap", r#"{"metadata":{"creationTimestamp":"x"}}"#),
            error(
                "",
                "Pod",
                r#"{"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}}"#,
            ),
            error("", "Secret", r#"{"data":{"a":"not base64!"}}"#),
            error("", "Secret", r#"{"data":{"a":"!!"}}"#),
            error(
                "",
                "ConfigMap",
                r#"{"metadata":{"creationTimestamp":"2020-13-01T00:00:00Z"}}"#,
            ),
            error("", "ConfigMap", r#"{"metadata":{"creationTimestamp":7}}"#),
            error("", "Service", r#"{"spec":{"ports":[{"targetPort":true}]}}"#),
        ];
        assert_eq!(
            told,
            [
                r#"parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006""#,
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                "illegal base64 data at input byte 3",
                "illegal base64 data at input byte 0",
                r#"parsing time "2020-13-01T00:00:00Z": month out of range"#,
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
                "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
            ]
        );
    }

    #[test]
    fn bad_json_is_told_in_go_words() {
        let told: Vec<String> = [
            "",
            "{",
            r#"{"a":"#,
            "x",
            r#"{"a" 1}"#,
            "{} x",
            "[1 2]",
            "nul",
            "01",
            "\"\n\"",
        ]
        .into_iter()
        .map(|text| decode_untyped(text.as_bytes()).unwrap_err().to_string())
        .collect();
        assert_eq!(
            told,
            [
                "unexpected end of JSON input",
                "unexpected end of JSON input",
                "unexpected end of JSON input",
                "invalid character 'x' looking for beginning of value",
                "invalid character '1' after object key",
                "invalid character 'x' after top-level value",
                "invalid character '2' after array element",
                "unexpected end of JSON input",
                "invalid character '1' after top-level value",
                "invalid character '\\n' in string literal",
            ]
        );
    }

    #[test]
    fn normalising_gives_what_the_go_struct_prints() {
        let deployment = json!({
            "kind": "Deployment",
            "metadata": {"name": "d", "creationTimestamp": null, "labels": {}, "deletionTimestamp": null},
            "spec": {
                "replicas": 0,
                "paused": false,
                "unknown": 1,
                "template": {"spec": {"containers": [{"name": "c", "command": [], "securityContext": {}}], "nodeName": ""}},
            },
        });
        assert_eq!(
            normalise(ty("apps", "Deployment"), &deployment),
            Ok(json!({
                "kind": "Deployment",
                "metadata": {"name": "d"},
                "spec": {
                    "replicas": 0,
                    "selector": null,
                    "strategy": {},
                    "template": {"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {}, "securityContext": {}}]}},
                },
                "status": {},
            }))
        );
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        let service = json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81}], "selector": {"a": "b"}}});
        let once = normalise(ty("", "Service"), &service).unwrap();
        assert_eq!(
            once["spec"]["ports"],
            json!([{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 0}])
        );
        assert_eq!(normalise(ty("", "Service"), &once), Ok(once));
    }

    #[test]
    fn times_are_printed_in_utc_and_quantities_canonically() {
        let pod = json!({
            "metadata": {"creationTimestamp": "2026-01-02T03:04:05.678+02:00"},
            "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "0.5", "memory": "1024Ki"}}}]},
        });
        let pod = normalise(ty("", "Pod"), &pod).unwrap();
        assert_eq!(
            pod["metadata"]["creationTimestamp"],
            json!("2026-01-02T01:04:05Z")
        );
        assert_eq!(
            pod["spec"]["containers"][0]["resources"]["limits"],
            json!({"cpu": "500m", "memory": "1Mi"})
        );
    }

    #[test]
    fn a_second_object_under_a_key_is_merged_into_the_first() {
        let decoded = body("", "ConfigMap", r#"{"data":{"a":"1"},"data":{"b":"2"}}"#).unwrap();
        assert_eq!(decoded.value["data"], json!({"a": "1", "b": "2"}));
        assert_eq!(decoded.strict, [r#"duplicate field "data""#]);
    }
}
