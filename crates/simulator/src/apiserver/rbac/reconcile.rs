//! Default roles and bindings that a start finds: what is missing in them is put back
//! (`component-helpers/auth/rbac/reconciliation`, `pkg/registry/rbac/rest/storage_rbac.go`).

use machinery::meta;
use serde_json::{Map, Value, json};

use super::cover::uncovered;
use super::rule::Rule;

const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// What becomes of a default object that is there already.
#[derive(Debug, Clone, PartialEq)]
pub enum Reconciled {
    /// It stays as it is.
    Kept,
    /// Something was missing.
    Mended(Value),
    /// A binding names another role, which can't be changed: it has to be made anew.
    Replaced,
}

/// Compares the object that is there with the default. Whoever sets the annotation to `false` is left alone.
pub fn reconcile(found: &Value, default: &Value) -> Reconciled {
    if meta::annotation(found, AUTOUPDATE) == Some("false") {
        return Reconciled::Kept;
    }
    if found.get("roleRef") != default.get("roleRef") {
        return Reconciled::Replaced;
    }
    let mut mended = found.clone();
    add_missing(&mut mended, default, "labels");
    add_missing(&mut mended, default, "annotations");
    if let Some(selectors) = list(default, "/aggregationRule/clusterRoleSelectors") {
        let own = list(found, "/aggregationRule/clusterRoleSelectors").unwrap_or_default();
        let missing = selectors.iter().filter(|selector| !own.contains(selector));
        let all: Vec<&Value> = own.iter().chain(missing).collect();
        set(
            &mut mended,
            "aggregationRule",
            json!({"clusterRoleSelectors": all}),
        );
    } else if default.get("rules").is_some() {
        let missing = uncovered(&Rule::all(found), &Rule::all(default));
        append(
            &mut mended,
            "rules",
            missing.iter().map(Rule::to_value).collect(),
        );
    }
    if let Some(subjects) = list(default, "/subjects") {
        let own = list(found, "/subjects").unwrap_or_default();
        let missing = subjects.iter().filter(|subject| !own.contains(subject));
        append(&mut mended, "subjects", missing.cloned().collect());
    }
    if mended == *found {
        Reconciled::Kept
    } else {
        Reconciled::Mended(mended)
    }
}

fn list<'a>(object: &'a Value, at: &str) -> Option<&'a [Value]> {
    object
        .pointer(at)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn append(object: &mut Value, field: &str, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    let own = object.get(field).and_then(Value::as_array).cloned();
    let all: Vec<Value> = own.unwrap_or_default().into_iter().chain(more).collect();
    set(object, field, Value::Array(all));
}

/// Labels or annotations that only the default has.
fn add_missing(object: &mut Value, default: &Value, field: &str) {
    let Some(wanted) = default
        .pointer(&format!("/metadata/{field}"))
        .and_then(Value::as_object)
    else {
        return;
    };
    let own = object
        .pointer(&format!("/metadata/{field}"))
        .and_then(Value::as_object);
    let mut all: Map<String, Value> = own.cloned().unwrap_or_default();
    for (key, value) in wanted {
        all.entry(key.clone()).or_insert_with(|| value.clone());
    }
    if own != Some(&all) {
        meta::set(object, field, Value::Object(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(annotation: &str, rules: &Value) -> Value {
        json!({"metadata": {"name": "r", "annotations": {AUTOUPDATE: annotation}}, "rules": rules})
    }

    #[test]
    fn what_was_taken_from_a_role_is_put_back_and_what_was_added_stays() {
        let read = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]});
        let own = json!({"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]});
        let default = role("true", &json!([read]));
        let Reconciled::Mended(mended) = reconcile(&role("true", &json!([own])), &default) else {
            panic!("nothing was mended");
        };
        let list = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]});
        assert_eq!(mended["rules"], json!([own, list]));
        assert_eq!(reconcile(&mended, &default), Reconciled::Kept);
        assert_eq!(
            reconcile(&role("false", &json!([])), &default),
            Reconciled::Kept
        );
    }

    #[test]
    fn subjects_come_back_and_another_role_is_another_binding() {
        let binding = |role: &str, subjects: Value| json!({"metadata": {"name": "b"}, "roleRef": {"name": role}, "subjects": subjects});
        let default = binding("r", json!([{"kind": "Group", "name": "g"}]));
        let found = binding("r", json!([{"kind": "User", "name": "u"}]));
        let Reconciled::Mended(mended) = reconcile(&found, &default) else {
            panic!("nothing was mended");
        };
        assert_eq!(mended["subjects"].as_array().map(Vec::len), Some(2));
        let other = binding("other", json!([]));
        assert_eq!(reconcile(&other, &default), Reconciled::Replaced);
    }
}
