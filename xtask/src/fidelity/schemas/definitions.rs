//! Definitions with a flaw each: what the server says of them. All are dry runs; a definition is made up anew for each.
//!
//! One flaw alone is told in one order. Where Go walks through a map there may be several errors of one flaw; the flaws here
//! are of a kind that has none.
use serde_json::{Value, json};

use super::super::area::Chance;
use super::super::sequence::{Sequence, Step};
use super::made;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// How many there are in a sequence.
const FLAWED: usize = 40;

/// Merged into a definition.
const AROUND: [&str; 34] = [
    r#"{"spec":{"group":""}}"#,
    r#"{"spec":{"group":"nodots"}}"#,
    r#"{"spec":{"group":"Upper.example.com"}}"#,
    r#"{"spec":{"scope":"Global"}}"#,
    r#"{"spec":{"scope":null}}"#,
    r#"{"spec":{"names":{"kind":"two words"}}}"#,
    r#"{"spec":{"names":{"plural":"Things"}}}"#,
    r#"{"spec":{"names":{"listKind":"Thing"}}}"#,
    r#"{"spec":{"names":{"shortNames":["ok","not ok"]}}}"#,
    r#"{"spec":{"names":{"categories":["ALL"]}}}"#,
    r#"{"spec":{"names":{"kind":null}}}"#,
    r#"{"spec":{"preserveUnknownFields":true}}"#,
    r#"{"spec":{"conversion":{"strategy":"Magic"}}}"#,
    r#"{"spec":{"conversion":{"strategy":"Webhook"}}}"#,
    r#"{"spec":{"conversion":{"strategy":"None","webhook":{"conversionReviewVersions":["v1"]}}}}"#,
    r#"{"spec":{"conversion":{"strategy":"Webhook","webhook":{"clientConfig":{"url":"http://a"},"conversionReviewVersions":["v1"]}}}}"#,
    r#"{"spec":{"conversion":{"strategy":"Webhook","webhook":{"clientConfig":{"url":"https://a"},"conversionReviewVersions":["v7","v7"]}}}}"#,
    r#"{"spec":{"conversion":{"strategy":"Webhook","webhook":{"clientConfig":{"service":{"name":"a","namespace":"b","port":70000}},"conversionReviewVersions":["v1"]}}}}"#,
    r#"{"metadata":{"name":"others.example.com"}}"#,
    r#"{"version":{"name":"V1"}}"#,
    r#"{"version":{"storage":false}}"#,
    r#"{"version":{"served":false}}"#,
    r#"{"version":{"schema":null}}"#,
    r#"{"version":{"deprecationWarning":"old"}}"#,
    r#"{"version":{"deprecated":true,"deprecationWarning":""}}"#,
    r#"{"version":{"deprecated":true,"deprecationWarning":"one\ntwo"}}"#,
    r#"{"version":{"subresources":{"scale":{"specReplicasPath":"spec.n","statusReplicasPath":".status.n"}}}}"#,
    r#"{"version":{"subresources":{"scale":{"specReplicasPath":".status.n","statusReplicasPath":".spec.n","labelSelectorPath":".x"}}}}"#,
    r#"{"version":{"subresources":{"scale":{"specReplicasPath":".spec.a[0].n","statusReplicasPath":""}}}}"#,
    r#"{"version":{"additionalPrinterColumns":[{"name":"","type":"text","jsonPath":"x"},{"name":"a","type":"string","format":"odd","jsonPath":".a"}]}}"#,
    r#"{"version":{"additionalPrinterColumns":[{"name":"a","type":"string","jsonPath":".a[*].b"}]}}"#,
    r#"{"version":{"selectableFields":[{"jsonPath":".spec"},{"jsonPath":".nowhere"},{"jsonPath":"spec"}]}}"#,
    r#"{"version":{"selectableFields":[{"jsonPath":".metadata.name"},{"jsonPath":".spec['f0']"},{"jsonPath":""},{"jsonPath":".spec."}]}}"#,
    r#"{"again":true}"#,
];

/// Merged into a schema in it.
const WITHIN: [&str; 62] = [
    r#"{"type":"null"}"#,
    r#"{"type":"text"}"#,
    r#"{"type":null}"#,
    r#"{"type":"object","properties":null,"items":null}"#,
    r#"{"type":"array","items":null,"properties":null}"#,
    r#"{"type":"string","pattern":"("}"#,
    r#"{"type":"string","pattern":"[z-a]"}"#,
    r#"{"type":"string","pattern":"a**"}"#,
    r#"{"type":"string","pattern":"(?=a)b"}"#,
    r#"{"type":"string","pattern":"\\8"}"#,
    r#"{"type":"string","pattern":"a{2000}"}"#,
    r#"{"type":"string","pattern":"[[:no:]]"}"#,
    r#"{"type":"string","pattern":"a)"}"#,
    r#"{"type":"string","pattern":"\\p{Nobody}"}"#,
    r#"{"type":"string","format":"nobody-knows"}"#,
    r#"{"type":"integer","format":"email"}"#,
    r#"{"type":"string","default":7}"#,
    r#"{"type":"string","enum":["a"],"default":"b"}"#,
    r#"{"type":"object","properties":{"a":{"type":"string"}},"default":{"b":1},"required":null}"#,
    r#"{"x-kubernetes-list-type":"set"}"#,
    r#"{"x-kubernetes-list-type":"bag"}"#,
    r#"{"x-kubernetes-map-type":"atomic","type":"string"}"#,
    r#"{"x-kubernetes-map-type":"odd","type":"object"}"#,
    r#"{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"map"}"#,
    r#"{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a","b"]}"#,
    r#"{"type":"array","items":{"type":"object","properties":{"a":{"type":"object"}},"required":["a"]},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["a","a"]}"#,
    r#"{"type":"array","items":{"type":"string","nullable":true},"x-kubernetes-list-type":"set"}"#,
    r#"{"type":"array","items":{"type":"object"},"x-kubernetes-list-type":"set"}"#,
    r#"{"type":"array","items":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set"},"x-kubernetes-list-type":"set"}"#,
    r#"{"x-kubernetes-list-map-keys":["a"]}"#,
    r#"{"x-kubernetes-preserve-unknown-fields":false}"#,
    r#"{"x-kubernetes-int-or-string":true,"type":"string"}"#,
    r#"{"x-kubernetes-int-or-string":true,"x-kubernetes-preserve-unknown-fields":true}"#,
    r#"{"x-kubernetes-int-or-string":true,"x-kubernetes-embedded-resource":true}"#,
    r#"{"x-kubernetes-embedded-resource":true,"type":"object","properties":null}"#,
    r#"{"x-kubernetes-embedded-resource":true,"type":"string"}"#,
    r#"{"x-kubernetes-embedded-resource":true,"type":"object","properties":{"metadata":{"type":"string"},"kind":{"type":"integer"}}}"#,
    r#"{"uniqueItems":true}"#,
    r##"{"$ref":"#/definitions/a"}"##,
    r#"{"id":"a","definitions":{"a":{"type":"string"}}}"#,
    r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":{"type":"string"}}"#,
    r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true}"#,
    r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
    r#"{"allOf":[{"type":"string"}]}"#,
    r#"{"anyOf":[{"properties":{"nobody":{"minLength":1}}}]}"#,
    r#"{"oneOf":[{"default":1,"title":"a","description":"b","nullable":true}]}"#,
    r#"{"not":{"x-kubernetes-preserve-unknown-fields":true,"additionalProperties":{"minLength":1}}}"#,
    r#"{"allOf":[{"x-kubernetes-validations":[{"rule":"true"}]}]}"#,
    r#"{"not":{"items":{"pattern":"["}}}"#,
    r#"{"x-kubernetes-validations":[{"rule":""}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"self +"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"1"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"self.nobody.knows"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"true\n&& true"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"true","message":" "},{"rule":"true","message":"a\nb"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"true","messageExpression":"1"},{"rule":"true","messageExpression":" "}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"true","reason":"Because"},{"rule":"true","fieldPath":".nobody"},{"rule":"true","fieldPath":"a\nb"}]}"#,
    r#"{"x-kubernetes-validations":[{"rule":"true","optionalOldSelf":true},{"rule":"oldSelf == self"}]}"#,
    r#"{"type":"array","maxItems":null,"x-kubernetes-list-type":null,"items":{"type":"string"},"x-kubernetes-validations":[{"rule":"self.all(x, self.exists(y, x != y))"}]}"#,
    r#"{"type":"array","maxItems":400,"x-kubernetes-list-type":null,"items":{"type":"string","maxLength":30},"x-kubernetes-validations":[{"rule":"self.all(x, self.exists(y, x.contains(y) || y.startsWith(x)))"}]}"#,
    r#"{"type":"array","maxItems":30000,"x-kubernetes-list-type":null,"items":{"type":"integer"},"x-kubernetes-validations":[{"rule":"self.all(x, x < 9 && self.size() > 1 && self[0] != x)","messageExpression":"self.map(x, string(x) + 'abc').join(',')"}]}"#,
    r#"{"type":"string","maxLength":null,"x-kubernetes-validations":[{"rule":"self.matches('^a+b+(c|d)*$') && self.split(',').all(p, p.lowerAscii() == p)"},{"rule":"self.replace('a', 'bb').size() < 9 && [self, self].exists(q, q == self)"}]}"#,
];

/// Definitions that chance makes, with a flaw each.
pub fn sequence(title: &str, chance: &mut Chance) -> Sequence {
    let steps = (0..FLAWED).map(|_| {
        let definition = flawed(chance);
        Step::new("POST", format!("{DEFINITIONS}?dryRun=All")).json(&definition)
    });
    Sequence {
        title: title.to_owned(),
        steps: steps.collect(),
    }
}

fn flawed(chance: &mut Chance) -> Value {
    let mut definition = made::definition(chance);
    definition["apiVersion"] = json!("apiextensions.k8s.io/v1");
    definition["kind"] = json!("CustomResourceDefinition");
    definition["metadata"] = json!({"name": "things.made.example.com"});
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    if chance.once_in(3) {
        let mut flaw: Value = read(chance.pick(&AROUND));
        let version = flaw.as_object_mut().and_then(|flaw| flaw.remove("version"));
        let again = flaw.as_object_mut().and_then(|flaw| flaw.remove("again"));
        definition = machinery::patch::merge::apply(&definition, &flaw);
        let first = &mut definition["spec"]["versions"][0];
        if let Some(version) = version {
            *first = machinery::patch::merge::apply(first, &version);
        }
        if again.is_some() {
            let copy = first.clone();
            definition["spec"]["versions"] = json!([copy.clone(), copy]);
        }
        return definition;
    }
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut places = Vec::new();
    gather(schema, String::new(), &mut places);
    let place = chance.pick(&places);
    let flaw = read(chance.pick(&WITHIN));
    if let Some(node) = schema.pointer_mut(&place) {
        *node = machinery::patch::merge::apply(node, &flaw);
    }
    definition
}

/// Pointers to all schemas in one.
fn gather(schema: &Value, at: String, places: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        gather(property, format!("{at}/properties/{name}"), places);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            gather(&schema[key], format!("{at}/{key}"), places);
        }
    }
    places.push(at);
}

#[test]
fn each_flaw_is_one() {
    for flaw in AROUND.iter().chain(&WITHIN) {
        assert!(serde_json::from_str::<Value>(flaw).is_ok(), "{flaw}");
    }
}
