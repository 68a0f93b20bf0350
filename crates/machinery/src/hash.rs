//! Hashes that must be byte-equal to upstream's.
//!
//! Mirrors argo-rollouts `utils/hash/hash.go`, `utils/conditions/conditions.go` and
//! `k8s.io/apimachinery/pkg/util/rand`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::decode;
use crate::go_json;
use crate::schema::{TypeId, TypeTable};

/// FNV-1a of 32 bits, as Go's `hash/fnv` `New32a`.
pub fn fnv32a(bytes: &[u8]) -> u32 {
    fnv32a_more(0x811c_9dc5, bytes)
}

/// FNV-1a of 64 bits, as Go's `hash/fnv` `New64a`.
pub fn fnv64a<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    let bytes = bytes.into_iter();
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Goes on with a sum.
fn fnv32a_more(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// `rand.SafeEncodeString`: each byte becomes a letter or digit that spells no words.
pub fn safe_encode(text: &str) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let letter = |byte: u8| ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied();
    text.bytes().filter_map(letter).map(char::from).collect()
}

/// FNV-32a of any text, in decimal, safely encoded: the form of all hashes here.
pub fn encoded(bytes: &[u8]) -> String {
    safe_encode(&fnv32a(bytes).to_string())
}

/// Bytes, such as a digest's, as hexadecimal digits: two for each, in small letters.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Which Go client wrote the JSON that is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreationTimestamp {
    /// apimachinery 0.34 and newer (Rollouts 1.9): a zero timestamp is left out.
    Omitted,
    /// Older (Rollouts 1.8 and before): `"creationTimestamp":null` is part of the text.
    Null,
}

/// The hash that names a Rollout's ReplicaSet: FNV-32a over Go's JSON of the pod template, as Rollouts 1.9 computes it.
///
/// The template may be as a user wrote it: it is normalised here, not defaulted.
pub fn pod_template_hash(template: &Value, collision: Option<i32>) -> String {
    pod_template_hash_as(template, collision, CreationTimestamp::Omitted)
}

static POD_TEMPLATE: LazyLock<Option<TypeId>> =
    LazyLock::new(|| TypeTable::builtin().type_named("io.k8s.api.core.v1.PodTemplateSpec"));

/// [`pod_template_hash`] in the form of a chosen client.
pub fn pod_template_hash_as(
    template: &Value,
    collision: Option<i32>,
    form: CreationTimestamp,
) -> String {
    let normal = POD_TEMPLATE.and_then(|ty| decode::normalise(ty, template).ok());
    // A template that no Go client could read has no hash upstream either.
    let mut normal = normal.unwrap_or_else(|| template.clone());
    match form {
        CreationTimestamp::Omitted => {}
        CreationTimestamp::Null => write_null_timestamps(&mut normal),
    }
    let mut sum = fnv32a(&go_json::to_vec(&normal, *POD_TEMPLATE));
    if let Some(count) = collision {
        // Eight bytes, of which Go fills the first four.
        sum = fnv32a_more(sum, &count.cast_unsigned().to_le_bytes());
        sum = fnv32a_more(sum, &[0; 4]);
    }
    safe_encode(&sum.to_string())
}

/// Sets `creationTimestamp: null` in the metadata of the template and of its ephemeral volume claims.
fn write_null_timestamps(template: &mut Value) {
    let null_in = |holder: &mut Value| {
        if let Some(metadata) = holder.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.entry("creationTimestamp").or_insert(Value::Null);
        }
    };
    null_in(template);
    let volumes = template
        .pointer_mut("/spec/volumes")
        .and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        if let Some(claim) = volume.pointer_mut("/ephemeral/volumeClaimTemplate") {
            null_in(claim);
        }
    }
}

/// The hash in the name of a StatefulSet's `ControllerRevision`: FNV-32 (not 32a) over its data as Go prints a map, then the
/// number of collisions in decimal. Mirrors `HashControllerRevision` of `pkg/controller/history/controller_history.go`.
pub fn revision_hash(data: &Value, collisions: i64) -> String {
    let mut text = go_json::to_vec(data, None);
    text.extend_from_slice(collisions.to_string().as_bytes());
    let sum = text.iter().fold(0x811c_9dc5_u32, |sum, byte| {
        sum.wrapping_mul(0x0100_0193) ^ u32::from(*byte)
    });
    safe_encode(&sum.to_string())
}

static STEPS: LazyLock<Option<TypeTable>> =
    LazyLock::new(|| TypeTable::load(include_str!("../data/rollout_steps.json")));

/// The hash of `spec.strategy.canary.steps` (`None`: no steps, Go's `null`).
pub fn step_hash(steps: Option<&Value>) -> String {
    let text = steps
        .and_then(step_json)
        .unwrap_or_else(|| b"null".to_vec());
    encoded(&text)
}

/// The steps as Go prints them; sorted if they are not what the types say.
fn step_json(steps: &Value) -> Option<Vec<u8>> {
    let table = STEPS.as_ref()?;
    let holder = table.type_named("io.k8s.rollouts.CanarySteps")?;
    let normal = decode::normalise_in(table, holder, &json!({ "steps": steps })).ok();
    let Some(normal) = normal else {
        return Some(go_json::to_vec(steps, None));
    };
    let whole = go_json::to_vec_in(table, &normal, holder);
    let inner = whole.strip_prefix(b"{\"steps\":")?.strip_suffix(b"}")?;
    Some(inner.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_and_encoding_are_go_s() {
        assert_eq!(fnv32a(b""), 0x811c_9dc5);
        assert_eq!(fnv32a(b"a"), 0xe40c_292c);
        assert_eq!(safe_encode("0123456789"), "456789bcdf");
    }

    #[test]
    fn step_hashes_are_upstream_s() {
        let hashes: Vec<String> = [
            json!([{"pause": {}}]),
            json!([{"pause": {}}, {"pause": {}}]),
            json!([{"setWeight": 10}, {"pause": {}}]),
        ]
        .iter()
        .map(|steps| step_hash(Some(steps)))
        .collect();
        assert_eq!(hashes, ["6b9b86fbd5", "79c9b9f6bf", "849b756fd4"]);
        assert_eq!(step_hash(None), "5ffbfbbd64");
    }

    #[test]
    fn a_revision_hash_is_the_one_a_real_controller_wrote() {
        let data = json!({"spec": {"template": {"$patch": "replace", "metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [{"name": "c", "image": "web:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler", "securityContext": {},
            "terminationGracePeriodSeconds": 30}}}});
        assert_eq!(revision_hash(&data, 0), "5fbc746d77");
        assert_ne!(revision_hash(&data, 1), "5fbc746d77");
    }

    #[test]
    fn a_template_hash_does_not_depend_on_how_the_template_was_written() {
        let short = json!({"metadata": {"labels": {"key": "good"}}, "spec": {"containers": [{"image": "good"}]}});
        let long = json!({
            "metadata": {"labels": {"key": "good"}, "creationTimestamp": null, "annotations": {}},
            "spec": {"containers": [{"image": "good", "name": "", "resources": {}, "unknown": 1}], "nodeName": ""},
        });
        assert_eq!(pod_template_hash(&short, None), "85547955bd");
        assert_eq!(pod_template_hash(&long, None), "85547955bd");
        assert_ne!(pod_template_hash(&short, Some(1)), "85547955bd");
        assert_ne!(
            pod_template_hash_as(&short, None, CreationTimestamp::Null),
            "85547955bd"
        );
    }
}
