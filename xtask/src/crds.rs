//! `cargo xtask crds`: the custom resource definitions, printed, and compared with upstream's; `generate` writes them.
//!
//! The comparison looks at structure alone: descriptions and annotations are dropped, lists of required fields sorted. Every
//! difference needs a reason in [`REASONS`].

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value};

/// What client-side `kubectl apply` can store in its annotation.
const MOST_BYTES: usize = 262_144;

/// Differences from upstream by a part of their line (after `*`) or its beginning, each with its reason.
const REASONS: &[(&str, &str)] = &[
    (
        "*.template.spec.schedulingGroup: only ours",
        "the field is newer than the Kubernetes release upstream was built with",
    ),
    (
        "*.job.spec.podFailurePolicy.rules.items.onPodConditions.items.required: upstream [\"status\",\"type\"]",
        "Kubernetes 1.36 no longer demands the status, upstream was built with an older release",
    ),
];

/// What to do with the definitions; prints them if nothing is asked for.
#[derive(Args)]
pub struct CrdsArgs {
    /// Compare with upstream's definitions in this folder's subfolders `rollouts` and `monitoring`; without a value, the shared one's
    #[arg(long, num_args = 0..=1, default_missing_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/upstream-crds"))]
    compare: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &CrdsArgs) -> Result<()> {
    let products = products();
    for crd in products.iter().flat_map(|(_, crds)| crds) {
        check_size(crd)?;
    }
    for (product, crds) in &products {
        match &args.compare {
            Some(folder) => compare(crds, &folder.join(product))?,
            None => write!(
                std::io::stdout(),
                "{}",
                machinery::yaml::documents_to_string(crds)
            )?,
        }
    }
    Ok(())
}

/// What each product defines.
fn products() -> [(&'static str, Vec<Value>); 2] {
    [
        ("rollouts", rollouts::api::crds::crds()),
        ("monitoring", monitoring::api::crds::full_crds()),
    ]
}

/// Whether client-side `kubectl apply` can store a definition.
fn check_size(crd: &Value) -> Result<()> {
    let size = crd.to_string().len();
    if size >= MOST_BYTES {
        bail!(
            "{}: {size} bytes are too many for client-side apply",
            name(crd)
        );
    }
    Ok(())
}

fn name(crd: &Value) -> &str {
    crd["metadata"]["name"].as_str().unwrap_or_default()
}

fn compare(ours: &[Value], folder: &Path) -> Result<()> {
    if !folder.exists() {
        eprintln!("skipped: no {}", folder.display());
        return Ok(());
    }
    let mut theirs = BTreeMap::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?
    {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let documents = machinery::yaml::parse_documents(&fs::read_to_string(&path)?)?;
            theirs.extend(
                documents
                    .into_iter()
                    .map(|crd| (name(&crd).to_owned(), crd)),
            );
        }
    }
    let mut differences = Vec::new();
    for crd in ours {
        match theirs.remove(name(crd)) {
            Some(upstream) => {
                let path = format!("{}:", name(crd));
                differ(
                    &path,
                    &structure(&upstream),
                    &structure(crd),
                    &mut differences,
                );
            }
            None => differences.push(format!("{}: only ours", name(crd))),
        }
    }
    differences.extend(theirs.keys().map(|name| format!("{name}: only upstream's")));
    report(&differences)
}

fn report(differences: &[String]) -> Result<()> {
    let mut out = std::io::stdout();
    let mut unexplained = 0;
    for difference in differences {
        let fits = |path: &str| match path.strip_prefix('*') {
            Some(rest) => difference.contains(rest),
            None => difference.starts_with(path),
        };
        let reason = REASONS.iter().find(|(path, _)| fits(path));
        if let Some((_, reason)) = reason {
            writeln!(out, "{difference}\n    because {reason}")?;
        } else {
            unexplained += 1;
            writeln!(out, "{difference}\n    UNEXPLAINED")?;
        }
    }
    writeln!(
        out,
        "{} differences, {unexplained} unexplained",
        differences.len()
    )?;
    if unexplained > 0 {
        bail!("{unexplained} unexplained differences");
    }
    Ok(())
}

/// A definition without descriptions and annotations.
fn structure(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let dropped = |key: &str, field: &Value| {
                (key == "description" && field.is_string())
                    || (key == "annotations" && fields.contains_key("name"))
            };
            let kept = fields.iter().filter(|(key, field)| !dropped(key, field));
            let sorted = |key: &str, field: Value| match field {
                Value::Array(mut items) if key == "required" => {
                    items.sort_by_key(Value::to_string);
                    Value::Array(items)
                }
                other => other,
            };
            let kept: Map<String, Value> = kept
                .map(|(key, field)| (key.clone(), sorted(key, structure(field))))
                .collect();
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(structure).collect()),
        other => other.clone(),
    }
}

fn differ(path: &str, theirs: &Value, ours: &Value, differences: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let keys: std::collections::BTreeSet<&String> =
                theirs.keys().chain(ours.keys()).collect();
            for key in keys {
                let path = if key == "properties" {
                    path.to_owned()
                } else {
                    format!("{path}.{key}")
                };
                match (theirs.get(key), ours.get(key)) {
                    (Some(theirs), Some(ours)) => differ(&path, theirs, ours, differences),
                    (Some(theirs), None) => {
                        differences.push(format!("{path}: only upstream's: {}", short(theirs)));
                    }
                    (None, Some(ours)) => {
                        differences.push(format!("{path}: only ours: {}", short(ours)));
                    }
                    (None, None) => {}
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                differ(&format!("{path}[{index}]"), theirs, ours, differences);
            }
        }
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => {
            differences.push(format!(
                "{path}: upstream {}, ours {}",
                short(theirs),
                short(ours)
            ));
        }
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_the_structure_of_upstreams() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/upstream-crds");
        for (product, crds) in products() {
            let found = compare(&crds, &folder.join(product));
            assert!(found.is_ok(), "{product}: {found:?}");
        }
    }

    #[test]
    fn a_field_that_only_one_side_has_is_told() {
        let crd = |field: &str| {
            let properties = serde_json::json!({field: {"type": "string"}});
            serde_json::json!({"metadata": {"name": "things"}, "spec": {"properties": properties}})
        };
        let mut found = Vec::new();
        differ(
            "things:",
            &structure(&crd("theirs")),
            &structure(&crd("ours")),
            &mut found,
        );
        assert_eq!(
            found,
            [
                r#"things:.spec.ours: only ours: {"type":"string"}"#,
                r#"things:.spec.theirs: only upstream's: {"type":"string"}"#,
            ]
        );
    }

    #[test]
    fn every_definition_fits_into_the_annotation_of_client_side_apply() {
        for (_, crds) in products() {
            for crd in crds {
                let checked = check_size(&crd);
                assert!(checked.is_ok(), "{checked:?}");
            }
        }
    }
}
