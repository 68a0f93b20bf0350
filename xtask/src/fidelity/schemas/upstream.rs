//! Upstream's definitions, as others publish them; read where there are any, never kept here.
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/upstream-crds");

/// Read once: it takes a while.
static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    if !Path::new(FOLDER).is_dir() {
        // A closed pipe ends the output, not the run.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: definitions of others, which are not in ../shared/upstream-crds"
        );
    }
    let mut files = Vec::new();
    gather(Path::new(FOLDER), &mut files);
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let documents = machinery::yaml::parse_documents(&shortened(&text)).unwrap_or_default();
        all.extend(
            documents
                .into_iter()
                .filter(|document| document["kind"] == "CustomResourceDefinition")
                .map(bare),
        );
    }
    all
});

/// All of them, in the order of their files; without descriptions, which nobody compares, and without conversion, which asks
/// programs that aren't there.
pub fn definitions() -> &'static [Value] {
    &DEFINITIONS
}

/// The text without most descriptions, four fifths of it: reading them takes longest. A description has its text or the sign
/// of a block on its line; a property of that name has neither.
fn shortened(text: &str) -> String {
    let mut out = String::with_capacity(text.len() / 4);
    let mut within = None;
    for line in text.lines() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        if within.is_some_and(|around| indent > around || inner.is_empty()) {
            continue;
        }
        within = inner.starts_with("description: ").then_some(indent);
        if within.is_none() {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The version objects are stored in.
pub fn stored(definition: &Value) -> &Value {
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array);
    let mut versions = versions.into_iter().flatten();
    versions
        .find(|version| version["storage"] == true)
        .unwrap_or(&Value::Null)
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "yaml") {
            files.push(path);
        }
    }
}

fn bare(mut definition: Value) -> Value {
    if let Some(spec) = definition["spec"].as_object_mut() {
        spec.remove("conversion");
    }
    if let Some(fields) = definition.as_object_mut() {
        fields.remove("status");
    }
    let name = definition["metadata"]["name"].clone();
    let annotations = definition["metadata"]["annotations"].clone();
    definition["metadata"] = json!({"name": name, "annotations": annotations});
    let versions = definition["spec"]["versions"].as_array_mut();
    for version in versions.into_iter().flatten() {
        undescribed(&mut version["schema"]["openAPIV3Schema"]);
    }
    definition
}

/// Takes descriptions out of a schema. A property may be called `description` too.
fn undescribed(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.remove("description");
    for (key, value) in fields {
        match key.as_str() {
            "properties" => {
                let properties = value.as_object_mut().into_iter().flatten();
                properties.for_each(|(_, schema)| undescribed(schema));
            }
            "items" | "additionalProperties" | "not" => undescribed(value),
            "allOf" | "anyOf" | "oneOf" => {
                let schemas = value.as_array_mut().into_iter().flatten();
                schemas.for_each(undescribed);
            }
            _ => {}
        }
    }
}

#[test]
fn descriptions_go_and_properties_called_so_stay() {
    let text = "a:\n  description: |-\n    x\n\n    y: z\n  type: object\n  properties:\n    description:\n      description: one\n        two\n      type: string\n";
    let wanted = "a:\n  type: object\n  properties:\n    description:\n      type: string\n";
    assert_eq!(shortened(text), wanted);
}
