//! `lint`: would the Rollouts of a file be refused? (upstream `pkg/kubectl-argo-rollouts/cmd/lint`)

use std::fmt;
use std::sync::LazyLock;

use machinery::decode;
use machinery::schema::TypeTable;
use machinery::{meta, yaml};
use serde_json::Value;

use super::{FieldError, references};
use crate::api::decode::{Lenient, lenient};
use crate::api::rollout::Rollout;

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// A document that can't be read.
    Unreadable(String),
    /// A Rollout, or something it refers to, that would be refused.
    Refused(FieldError),
}

impl Problem {
    /// What is wrong, without where.
    pub fn body(&self) -> String {
        match self {
            Self::Unreadable(text) => text.clone(),
            Self::Refused(error) => error.body(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(text) => f.write_str(text),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// Everything wrong with the documents of a YAML or JSON text: per Rollout, its own errors, then those of what it refers
/// to, in the order of the documents. Services that come along are
/// matched to the Rollouts that name them; what isn't in the text isn't missed.
pub fn lint(text: &str) -> Vec<Problem> {
    let documents = match yaml::parse_documents(text) {
        Ok(documents) => documents,
        Err(error) => return vec![Problem::Unreadable(error.to_string())],
    };
    let mut problems = Vec::new();
    for document in &documents {
        match read(document) {
            Err(unreadable) => problems.extend(unreadable),
            Ok(Some(rollout)) => {
                let errors = of_rollout(&rollout, document, &documents).into_iter();
                problems.extend(errors.map(Problem::Refused));
            }
            Ok(None) => {}
        }
    }
    problems
}

/// What the Rollouts of a readable text ask for that this version of Carrick refuses, each with the Rollout's name.
pub fn unsupported(text: &str) -> Vec<String> {
    let documents = yaml::parse_documents(text).unwrap_or_default();
    let rollouts = documents.iter().filter(|document| is_rollout(document));
    rollouts
        .flat_map(|document| {
            let rollout: Rollout = lenient(document).object;
            let name = meta::name(document).to_owned();
            let errors = super::support::unsupported(&rollout).into_iter();
            errors.map(move |error| format!("Rollout {name}: {error}"))
        })
        .collect()
}

/// A Rollout, `None` for another kind, or what of the document can't be read as the fields that it claims to be: unknown
/// fields, and values of another type.
pub fn read(document: &Value) -> Result<Option<Rollout>, Vec<Problem>> {
    if let Some(field) = unknown_field(document) {
        let text =
            format!("error unmarshaling JSON: while decoding JSON: json: unknown field {field:?}");
        return Err(vec![Problem::Unreadable(text)]);
    }
    if !is_rollout(document) {
        return Ok(None);
    }
    let Lenient { object, problems } = lenient(document);
    if problems.is_empty() {
        return Ok(Some(object));
    }
    let explained = |problem| Problem::Unreadable(format!("error unmarshaling JSON: {problem}"));
    Err(problems.into_iter().map(explained).collect())
}

fn of_rollout(rollout: &Rollout, document: &Value, documents: &[Value]) -> Vec<FieldError> {
    let mut errors = super::rollout(rollout, false);
    let beside = |kind: &'static str| {
        documents.iter().filter(move |other| {
            meta::kind(other) == kind && meta::namespace(other) == meta::namespace(document)
        })
    };
    let services = references::services(rollout);
    for service in beside("Service") {
        // A Service of several roles is checked in one of them.
        let roles = services
            .iter()
            .filter(|(_, name)| meta::name(service) == *name);
        if let Some((role, _)) = roles.max_by_key(|(role, _)| role.lint_rank()) {
            errors.extend(references::service(rollout, *role, service));
        }
    }
    errors.extend(references::router_configuration(rollout));
    errors
}

fn is_rollout(document: &Value) -> bool {
    meta::kind(document) == "Rollout" && meta::api_version(document).starts_with("argoproj.io/")
}

/// The name of the first field that a Rollout, Service or Ingress shouldn't have.
fn unknown_field(document: &Value) -> Option<String> {
    if is_rollout(document) {
        static SCHEMA: LazyLock<Value> = LazyLock::new(crate::api::crds::rollout_schema);
        return unknown_to(&SCHEMA, document);
    }
    let (group, version) = meta::api_version(document)
        .rsplit_once('/')
        .unwrap_or(("", meta::api_version(document)));
    let table = TypeTable::builtin();
    let ty = table.type_of(group, version, meta::kind(document))?;
    let body = serde_json::to_vec(document).ok()?;
    let strict = decode::decode(table, ty, &body).ok()?.strict;
    let path = strict
        .first()?
        .strip_prefix("unknown field \"")?
        .trim_end_matches('"');
    Some(path.rsplit('.').next().unwrap_or(path).to_owned())
}

/// The first field of `value` that a structural schema doesn't know.
fn unknown_to(schema: &Value, value: &Value) -> Option<String> {
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        return None;
    }
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let any = schema
                .get("additionalProperties")
                .filter(|any| any.is_object());
            if known.is_none() && any.is_none() {
                return None; // metadata, and whatever else the schema leaves open
            }
            fields.iter().find_map(|(name, field)| {
                match known.and_then(|known| known.get(name)).or(any) {
                    Some(schema) => unknown_to(schema, field),
                    None => Some(name.clone()),
                }
            })
        }
        Value::Array(items) => {
            let schema = schema.get("items")?;
            items.iter().find_map(|item| unknown_to(schema, item))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
