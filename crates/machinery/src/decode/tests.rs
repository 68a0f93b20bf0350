use serde_json::json;

use super::*;

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
            empty: Empties::default(),
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
        error("", "Secret", r#"{"data":{"a":[1,256]}}"#),
        error("", "Secret", r#"{"data":{"a":["x"]}}"#),
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
            "json: cannot unmarshal number 256 into Go struct field Secret.data of type uint8",
            "json: cannot unmarshal string into Go struct field Secret.data of type uint8",
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
        r#"{"a":fals"#,
        "[-",
        "1.",
        "1e+",
        r#""\"#,
        r#""\u12"#,
        r#""a"#,
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
            "invalid character ' ' in literal null (expecting 'l')",
            "invalid character ' ' in literal false (expecting 'e')",
            "invalid character ' ' in numeric literal",
            "invalid character ' ' after decimal point in numeric literal",
            "invalid character ' ' in exponent of numeric literal",
            "invalid character ' ' in string escape code",
            "invalid character ' ' in \\u hexadecimal character escape",
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

#[test]
fn converting_untyped_objects_has_errors_of_its_own() {
    let deployment = ty("apps", "Deployment");
    let told = [
        json!({"spec": {"template": {"spec": {"containers": {"name": "x"}}}}}),
        json!({"spec": "x"}),
        json!({"spec": {"replicas": "x"}}),
        json!({"spec": {"replicas": 1.5}}),
        json!({"metadata": {"name": 5}}),
        json!({"metadata": {"labels": []}}),
        json!({"metadata": {"creationTimestamp": 5}}),
    ]
    .iter()
    .map(|object| {
        from_unstructured(deployment, object)
            .unwrap_err()
            .to_string()
    })
    .collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "cannot restore slice from map",
            "cannot restore struct from: string",
            "unrecognized type: int32",
            "cannot convert float64 to int32",
            "cannot convert int64 to string",
            "cannot restore map from slice",
            "json: cannot unmarshal number into Go value of type string",
        ]
    );
}

#[test]
fn converting_untyped_objects_sorts_the_strict_errors() {
    let config_map = json!({"zeta": 1, "metadata": {"name": "a", "foo": null}, "data": {"a": null}, "dataa": {}});
    let decoded = from_unstructured(ty("", "ConfigMap"), &config_map);
    assert_eq!(
        decoded,
        Ok(Decoded {
            value: json!({"metadata": {"name": "a"}, "data": {"a": ""}}),
            strict: vec![
                r#"unknown field "dataa""#.into(),
                r#"unknown field "metadata.foo""#.into(),
                r#"unknown field "zeta""#.into(),
            ],
            empty: Empties::default(),
        })
    );
}

#[test]
fn json_schemas_may_be_something_else_in_places() {
    let crd = |schema: &Value| {
        let object = json!({"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}});
        normalise(
            ty("apiextensions.k8s.io", "CustomResourceDefinition"),
            &object,
        )
        .map(|mut crd| crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].take())
        .map_err(|error| error.to_string())
    };
    let schema = json!({
        "items": [{"type": "string", "unknown": 1}],
        "additionalProperties": {"type": "", "nullable": false},
        "dependencies": {"a": ["b"], "c": []},
    });
    assert_eq!(
        crd(&schema),
        Ok(json!({
            "items": [{"type": "string"}],
            "additionalProperties": {},
            "dependencies": {"a": ["b"], "c": null},
        }))
    );
    assert_eq!(
        crd(&json!({"additionalProperties": "x"})),
        Err("boolean or JSON schema expected".to_owned())
    );
    assert_eq!(
        crd(&json!({"dependencies": {"a": [{}]}})).unwrap_err(),
        "json: cannot unmarshal object into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.dependencies of type string"
    );
}

#[test]
fn what_go_does_not_print_is_escaped_where_texts_are_quoted() {
    let text = "ä\u{301}\u{a0}\u{ad}\u{200b}\u{85}\0\u{7f}\u{e000}\u{f0000}\u{1f600}\n'";
    assert_eq!(
        quote(text),
        "\"ä\u{301}\\u00a0\\u00ad\\u200b\\u0085\\x00\\x7f\\ue000\\U000f0000\u{1f600}\\n'\""
    );
}

#[test]
fn offsets_of_times_have_a_day_at_most() {
    let read = |offset: &str| {
        let body =
            format!(r#"{{"metadata":{{"creationTimestamp":"2020-01-01T03:00:00{offset}"}}}}"#);
        decode(TypeTable::builtin(), ty("", "ConfigMap"), body.as_bytes())
            .map(|decoded| decoded.value["metadata"]["creationTimestamp"].clone())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read("+24:60"), Ok(json!("2019-12-31T02:00:00Z")));
    for (offset, part) in [("+25:00", "hour"), ("-24:61", "minute")] {
        let told = format!(
            "parsing time \"2020-01-01T03:00:00{offset}\": time zone offset {part} out of range"
        );
        assert_eq!(read(offset), Err(told));
    }
}
