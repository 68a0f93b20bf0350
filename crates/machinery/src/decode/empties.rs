//! Lists and maps that a body has and that hold nothing. Go prints none of them where a field is left out when it is empty,
//! and its storage forgets them; in between they are something else than nil: a message shows `[]` or `{}`, and a comparison
//! by `reflect.DeepEqual` sees a change.

use serde_json::Value;

/// One step to a place in an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A key of an object.
    Key(String),
    /// An index of a list.
    Index(usize),
}

/// Where the empty lists and maps of an object are that its printed form leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Empties {
    places: Vec<Vec<Part>>,
}

impl Empties {
    /// Notes a place.
    pub(super) fn note(&mut self, place: impl IntoIterator<Item = Part>) {
        self.places.push(place.into_iter().collect());
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The places.
    pub(crate) fn places(&self) -> impl Iterator<Item = &[Part]> {
        self.places.iter().map(Vec::as_slice)
    }

    /// Keeps those whose first key is one that `keeps` says.
    pub fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.places
            .retain(|place| matches!(place.first(), Some(Part::Key(key)) if keeps(key)));
    }

    /// Puts them into an object, maps too as empty lists: an empty object would be a struct with nothing in it, which is no
    /// nil to anybody. What is there by now stays.
    pub fn put_into(&self, object: &mut Value) {
        for place in &self.places {
            if let Some((fields, key)) = holder(object, place)
                && !fields.contains_key(key)
            {
                fields.insert(key.clone(), Value::Array(Vec::new()));
            }
        }
    }

    /// Takes them out again.
    pub fn take_from(&self, object: &mut Value) {
        for place in &self.places {
            if let Some((fields, key)) = holder(object, place)
                && fields.get(key) == Some(&Value::Array(Vec::new()))
            {
                fields.remove(key);
            }
        }
    }
}

/// The object that holds the last key of a place.
fn holder<'o, 'p>(
    object: &'o mut Value,
    place: &'p [Part],
) -> Option<(&'o mut serde_json::Map<String, Value>, &'p String)> {
    let (Part::Key(last), parents) = place.split_last()? else {
        return None;
    };
    let found = parents.iter().try_fold(object, |at, part| match part {
        Part::Key(key) => at.get_mut(key),
        Part::Index(index) => at.get_mut(index),
    });
    Some((found?.as_object_mut()?, last))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode::{from_unstructured, normalise_strict};
    use crate::schema::TypeTable;

    #[test]
    fn what_was_sent_empty_is_known_until_it_is_stored() {
        let policy = TypeTable::builtin().type_of("networking.k8s.io", "v1", "NetworkPolicy");
        let policy = policy.expect("network policies");
        let sent = json!({"metadata": {"labels": {}}, "spec": {"podSelector": {"matchLabels": {}}, "ingress": [{"from": []}], "egress": []}});
        for read in [normalise_strict, from_unstructured] {
            let decoded = read(policy, &sent).expect("a policy");
            let without = decoded.value.clone();
            assert_eq!(without.pointer("/spec/egress"), None);
            let mut object = decoded.value;
            decoded.empty.put_into(&mut object);
            for pointer in [
                "/metadata/labels",
                "/spec/podSelector/matchLabels",
                "/spec/ingress/0/from",
                "/spec/egress",
            ] {
                assert_eq!(object.pointer(pointer), Some(&json!([])), "{pointer}");
            }
            decoded.empty.take_from(&mut object);
            assert_eq!(object, without);
        }
    }

    #[test]
    fn what_is_there_by_now_stays_and_parents_are_not_made() {
        let mut empties = Empties::default();
        let key = |key: &str| Part::Key(key.to_owned());
        empties.note([key("spec"), key("types")]);
        empties.note([key("status"), key("conditions")]);
        let object = json!({"spec": {"types": ["Ingress"]}});
        let mut with = object.clone();
        empties.put_into(&mut with);
        empties.take_from(&mut with);
        assert_eq!(with, object);
        empties.retain(|key| key == "spec");
        let mut bare = json!({"spec": {}, "status": {}});
        empties.put_into(&mut bare);
        assert_eq!(bare, json!({"spec": {"types": []}, "status": {}}));
    }
}
