//! Who owns the replicas, seen from the object and from its `/scale`.

use super::*;
use crate::apply::managed::{Identity, Managers, Operation, Owned};
use crate::apply::scale::{ReplicasPaths, to_parent, to_scale};

fn paths() -> ReplicasPaths {
    let replicas = vec![PathElement::field("spec"), PathElement::field("replicas")];
    [("apps/v1".to_owned(), Some(replicas))]
        .into_iter()
        .collect()
}

fn owned(version: &str, fields: &Value) -> Owned {
    Owned {
        api_version: version.to_owned(),
        time: NOW.to_owned(),
        fields: FieldSet::from_value(fields).unwrap(),
    }
}

fn parent() -> Managers {
    let fields = json!({"f:spec": {"f:replicas": {}, "f:paused": {}}});
    let other = json!({"f:spec": {"f:paused": {}}});
    [
        (
            Identity::new("m", Operation::Apply, "", ""),
            owned("apps/v1", &fields),
        ),
        (
            Identity::new("n", Operation::Apply, "", ""),
            owned("apps/v1", &other),
        ),
    ]
    .into_iter()
    .collect()
}

#[test]
fn only_owners_of_the_replicas_are_seen_through_scale() {
    let scale = to_scale(&parent(), &paths());
    assert_eq!(
        managed::encode(&scale),
        [
            json!({"manager": "m", "operation": "Apply", "apiVersion": "autoscaling/v1", "time": NOW,
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}})
        ]
    );
    assert_eq!(to_parent(&parent(), &scale, &paths(), "apps/v1"), parent());
}

#[test]
fn who_scales_takes_the_replicas_without_a_time() {
    let scaler = Identity::new("s", Operation::Update, "autoscaling/v1", "scale");
    let scale: Managers = [(
        scaler,
        owned("autoscaling/v1", &json!({"f:spec": {"f:replicas": {}}})),
    )]
    .into_iter()
    .collect();
    let after = to_parent(&parent(), &scale, &paths(), "apps/v1");
    assert_eq!(
        managed::encode(&after),
        [
            json!({"manager": "m", "operation": "Apply", "apiVersion": "apps/v1", "time": NOW,
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:paused": {}}}}),
            json!({"manager": "n", "operation": "Apply", "apiVersion": "apps/v1", "time": NOW,
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:paused": {}}}}),
            json!({"manager": "s", "operation": "Update", "apiVersion": "apps/v1", "subresource": "scale",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}),
        ]
    );
}
