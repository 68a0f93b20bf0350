//! Whether expressions of policies fit the types of the resources they are about
//! (`apiserver/pkg/admission/plugin/policy/validating/typechecking.go`).

use std::collections::BTreeSet;
use std::sync::Arc;

use machinery::cel::Type;
use machinery::cel::admission::{checking_environment, with_variables};
use machinery::cel::resource_types;
use machinery::meta;
use serde_json::{Value, json};

use super::object::{items, text};
use crate::apiserver::registry::{Backing, Served};

/// More types than these are not looked at.
const MOST_TYPES: usize = 10;

/// Group, version and kind.
type Kind = (String, String, String);

/// Complaints about the validations of a policy and their message expressions (`ExpressionWarning`), in their order.
/// Types are named after their kind and `mark`, which is the time upstream.
pub(super) fn warnings(policy: &Value, served: &[Arc<Served>], mark: i32) -> Vec<Value> {
    let kinds = kinds(policy, served);
    let subjects: Vec<(String, Type)> = kinds
        .iter()
        .filter_map(|kind| {
            let (group, version, name) = kind;
            let shown = format!("{group}/{version}, Kind={name}");
            Some((shown, type_of(kind, served, mark)?))
        })
        .collect();
    let params = params(policy, served, mark);
    let variables: Vec<(&str, &str)> = items(policy, "/spec/variables")
        .iter()
        .map(|variable| (text(variable, "/name"), text(variable, "/expression")))
        .collect();
    let check = |expression: &str| {
        let complaints = subjects.iter().filter_map(|(shown, object)| {
            let env = checking_environment(object, params.as_ref());
            let error = with_variables(env, &variables).compile(expression).err()?;
            Some(format!("{shown}: {error}\n"))
        });
        let complaints: Vec<String> = complaints.collect();
        complaints.join("\n")
    };
    let mut found = Vec::new();
    for (index, validation) in items(policy, "/spec/validations").iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let expression = text(validation, &format!("/{field}"));
            if field == "messageExpression" && expression.is_empty() {
                continue;
            }
            let warning = check(expression);
            if !warning.is_empty() {
                let field = format!("spec.validations[{index}].{field}");
                found.push(json!({"fieldRef": field, "warning": warning}));
            }
        }
    }
    found
}

/// The type of parameters: `None` if the policy has none, anything if the kind is not known.
fn params(policy: &Value, served: &[Arc<Served>], mark: i32) -> Option<Type> {
    let kind = policy
        .pointer("/spec/paramKind")
        .filter(|kind| !kind.is_null())?;
    let (group, version) = meta::group_version(text(kind, "/apiVersion"));
    let kind = (
        group.to_owned(),
        version.to_owned(),
        text(kind, "/kind").to_owned(),
    );
    Some(type_of(&kind, served, mark).unwrap_or(Type::Dyn))
}

fn type_of(kind: &Kind, served: &[Arc<Served>], mark: i32) -> Option<Type> {
    let (group, version, kind) = kind;
    let found = served.iter().find(|served| {
        let of = &served.resource;
        of.group == *group && of.version == *version && of.kind == *kind
    })?;
    let name = format!("{kind}{mark}");
    Some(match &found.backing {
        Backing::Builtin { type_id, .. } => resource_types::of_builtin(*type_id, &name),
        Backing::Custom(version) => resource_types::of_custom(version.open_api_schema(), &name),
    })
}

/// The kinds whose types are looked at, sorted: those of resources that rules name, without wildcards.
fn kinds(policy: &Value, served: &[Arc<Served>]) -> BTreeSet<Kind> {
    let mut found = BTreeSet::new();
    for rule in items(policy, "/spec/matchConstraints/resourceRules") {
        let names = |field: &str| {
            let names = items(rule, field).iter().filter_map(Value::as_str);
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            names
        };
        let (groups, versions) = (names("/apiGroups"), names("/apiVersions"));
        if groups
            .iter()
            .chain(&versions)
            .any(|name| name.contains('*'))
        {
            continue;
        }
        let mut resources = names("/resources");
        resources.retain(|name| !name.contains(['*', '/']));
        let mut count = 0;
        for group in &groups {
            for version in &versions {
                for resource in &resources {
                    for kind in mapped((group, version, resource), served) {
                        found.insert(kind);
                        count += 1;
                        if count == MOST_TYPES {
                            return found;
                        }
                    }
                }
            }
        }
    }
    found
}

/// The kinds of a resource, by its plural or singular name. The core group stands for all that have the version
/// (`apimachinery/pkg/api/meta/restmapper.go`).
fn mapped<'a>(
    (group, version, resource): (&'a str, &'a str, &str),
    served: &'a [Arc<Served>],
) -> impl Iterator<Item = Kind> + use<'a> {
    let resource = resource.to_lowercase();
    let fits = move |served: &&Arc<Served>| {
        let singular = match &served.backing {
            Backing::Builtin { entry, .. } => &entry.singular,
            Backing::Custom(version) => &version.singular,
        };
        let of = &served.resource;
        (group.is_empty() || of.group == group)
            && of.version == version
            && (of.plural == resource || *singular == resource)
    };
    served.iter().filter(fits).map(|served| {
        let of = &served.resource;
        (
            of.group.to_string(),
            of.version.to_string(),
            of.kind.to_string(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::registry::Registry;

    fn said(spec: &Value) -> Vec<(String, String)> {
        let served: Vec<_> = Registry::builtin().all().cloned().collect();
        let found = warnings(&json!({ "spec": spec }), &served, 7);
        let texts = found.iter();
        texts
            .map(|found| {
                (
                    text(found, "/fieldRef").to_owned(),
                    text(found, "/warning").to_owned(),
                )
            })
            .collect()
    }

    fn rule(groups: &[&str], resources: &[&str]) -> Value {
        json!({"resourceRules": [{"apiGroups": groups, "apiVersions": ["v1"], "operations": ["*"], "resources": resources}]})
    }

    #[test]
    fn an_expression_is_checked_against_each_kind_it_is_about() {
        let found = said(&json!({
            "matchConstraints": rule(&["apps"], &["deployments", "daemonsets", "deployments/scale"]),
            "variables": [{"name": "n", "expression": "object.spec.replicas"}, {"name": "m", "expression": "object.metadata"}],
            "validations": [
                {"expression": "variables.n < 5 && variables.m.nobody == 1", "messageExpression": "'n: ' + string(object.spec.replicas)"},
                {"expression": "object.spec.replicas < 5"},
                {"expression": "object == 1"},
                {"expression": "namespaceObject.metadata.name == request.name && authorizer.group('').resource('pods').check('get').allowed()"},
            ],
        }));
        let text = "apps/v1, Kind=DaemonSet: ERROR: <input>:1:12: undefined field 'replicas'\n | object.spec.replicas < 5\n | ...........^\n";
        assert_eq!(
            found[1],
            ("spec.validations[1].expression".to_owned(), text.to_owned())
        );
        let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "spec.validations[0].messageExpression",
                "spec.validations[1].expression",
                "spec.validations[2].expression"
            ]
        );
        assert!(
            found[2].1.contains("applied to '(Deployment7, int)'"),
            "{found:?}"
        );
    }

    #[test]
    fn kinds_are_found_by_names_without_wildcards() {
        let served: Vec<_> = Registry::builtin().all().cloned().collect();
        let of = |groups: &[&str], resources: &[&str]| {
            let policy = json!({"spec": {"matchConstraints": rule(groups, resources)}});
            let found = kinds(&policy, &served).into_iter();
            let found: Vec<String> = found
                .map(|(group, _, kind)| format!("{group}/{kind}"))
                .collect();
            found.join(" ")
        };
        assert_eq!(of(&["*"], &["pods"]), "");
        assert_eq!(
            of(&[""], &["pod", "*", "events", "nobody"]),
            "/Event /Pod events.k8s.io/Event"
        );
        assert_eq!(
            of(&["apps"], &["Deployments", "deployments/scale"]),
            "apps/Deployment"
        );
    }
}
