//! Lists that a write changes although they look the same.
//!
//! Lists that are compared as wholes are compared by `reflect.DeepEqual` over Go's structs
//! (`structured-merge-diff/value/listreflect.go`). There an empty list or map that is sent differs from the nil that storage
//! gives back, even where neither is ever printed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::element::element_of;
use super::path::{Path, PathElement};
use super::set::FieldSet;
use super::types::{Form, Relation, Type};
use crate::decode::{Empties, Part};

/// The fields that are compared as wholes and have such a list in both objects, with something empty in the new one's.
pub(super) fn rewritten(empties: &Empties, old: &Value, new: &Value, ty: Type<'_>) -> FieldSet {
    let places = empties.places();
    let mut known = Known::new();
    places
        .filter_map(|place| whole(place, old, new, ty, &mut known))
        .collect()
}

/// The elements of old lists, of equal ones the first, by where the lists are: they are gone through once.
type Known<'v, 'p> = BTreeMap<&'p [Part], BTreeMap<PathElement, &'v Value>>;

/// The whole that a place belongs to, if one of its lists is compared in memory.
fn whole<'v, 'p>(
    place: &'p [Part],
    old: &'v Value,
    new: &Value,
    ty: Type<'_>,
    known: &mut Known<'v, 'p>,
) -> Option<Path> {
    let (mut path, mut at, mut before, mut ty) = (Path::new(), new, old, ty);
    for (step, part) in place.iter().enumerate() {
        let rest = place.get(step..).unwrap_or_default();
        let in_list = || rest.iter().any(|part| matches!(part, Part::Index(_)));
        match (ty.forms().of(Some(at)), part) {
            (Form::Map(map), Part::Key(_)) if map.atomic => return in_list().then_some(path),
            (Form::Map(map), Part::Key(key)) => {
                (at, before) = (at.get(key)?, before.get(key)?);
                ty = map.field(key)?;
                path.push(PathElement::field(key));
            }
            (Form::List(list), Part::Index(_)) if list.relation == Relation::Atomic => {
                return Some(path);
            }
            (Form::List(list), Part::Index(index)) => {
                at = at.get(index)?;
                let element = element_of(&list, at).ok()?;
                let olds = before.as_array()?;
                let olds = known.entry(place.get(..step)?).or_insert_with(|| {
                    let named = olds.iter().rev();
                    let named =
                        named.filter_map(|item| Some((element_of(&list, item).ok()?, item)));
                    named.collect()
                });
                before = olds.get(&element).copied()?;
                ty = list.element;
                path.push(element);
            }
            (
                Form::Map(_) | Form::List(_) | Form::Scalar(_) | Form::Invalid,
                Part::Key(_) | Part::Index(_),
            ) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::normalise_strict;
    use crate::schema::TypeTable;

    fn found(kind: &str, old: &Value, new: &Value) -> FieldSet {
        let (group, version) = match kind {
            "LimitRange" | "Pod" => ("", "v1"),
            _ => ("networking.k8s.io", "v1"),
        };
        let table = TypeTable::builtin();
        let id = table.type_of(group, version, kind).expect("a type");
        let read = |value: &Value| normalise_strict(id, value).expect("an object");
        let (old, new) = (read(old), read(new));
        rewritten(&new.empty, &old.value, &new.value, Type::builtin(table, id))
    }

    #[test]
    fn a_list_with_something_empty_in_it_is_another_one() {
        let of = |limits: Value| json!({"spec": {"limits": limits}});
        let old = of(json!([{"type": "Pod", "max": {"cpu": "1"}}]));
        let new = of(json!([{"type": "Pod", "max": {"cpu": "1"}, "min": {}}]));
        let spec = |name: &str| vec![PathElement::field("spec"), PathElement::field(name)];
        let limits: FieldSet = [spec("limits")].into_iter().collect();
        assert_eq!(found("LimitRange", &old, &new), limits);
        // A selector is compared field by field, the peers it is in aren't.
        let of = |peers: Value| json!({"spec": {"podSelector": {"matchLabels": {}}, "ingress": [{"from": peers}]}});
        let (old, new) = (
            of(json!([{"podSelector": {}}])),
            of(json!([{"podSelector": {"matchLabels": {}}}])),
        );
        assert_eq!(found("NetworkPolicy", &old, &old), FieldSet::new());
        let ingress: FieldSet = [spec("ingress")].into_iter().collect();
        assert_eq!(found("NetworkPolicy", &old, &new), ingress);
        // It is added, not changed.
        let without = json!({"spec": {"podSelector": {}}});
        assert_eq!(found("NetworkPolicy", &without, &new), FieldSet::new());
    }

    #[test]
    fn elements_with_keys_are_compared_one_by_one() {
        let of = |container: Value| json!({"spec": {"containers": [{"name": "a"}, container]}});
        let old = of(json!({"name": "b", "resources": {}}));
        let new = of(json!({"name": "b", "resources": {"limits": {}}, "args": [], "command": []}));
        assert_eq!(found("Pod", &old, &new), FieldSet::new());
    }
}
