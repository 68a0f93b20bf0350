//! What is fed. The first byte of an input chooses a variant, the rest are the bytes.
//!
//! | target | takes | what holds for everything accepted |
//! |---|---|---|
//! | `bodies` | objects as JSON, YAML and protobuf | sent back as it was answered, it is accepted and changes nothing |
//! | `patches` | JSON, merge and strategic merge patches | the same; and a merge patch twice is the patch once |
//! | `apply` | server-side applies | an apply twice is the apply once |
//! | `selectors` | label and field selectors | printed and read again it is the same selector |
//! | `cel` | expressions | the same result and cost each time, within the limit |
//! | `continue` | continue tokens | items after the token, in order, to an end |

mod apply;
mod bodies;
mod cel;
mod pages;
mod patches;
mod selectors;
mod server;

use super::Target;

/// All targets.
pub fn all() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(bodies::Bodies::default()),
        Box::new(patches::Patches::default()),
        Box::new(apply::Applies::default()),
        Box::new(selectors::Selectors),
        Box::new(cel::Expressions::default()),
        Box::new(pages::Pages::default()),
    ]
}

/// The variant an input asks for, and its bytes.
fn variant(input: &[u8], variants: usize) -> (usize, &[u8]) {
    match input.split_first() {
        None => (0, input),
        Some((first, rest)) => (usize::from(first.wrapping_sub(b'0')) % variants, rest),
    }
}

/// Words of objects and of what is written about them.
const OBJECT_WORDS: &[&str] = &[
    "\"apiVersion\"",
    "\"kind\"",
    "\"metadata\":{",
    "\"name\":\"subject\"",
    "\"namespace\"",
    "\"generateName\"",
    "\"labels\":{",
    "\"annotations\":{",
    "\"finalizers\":[\"a.b/c\"]",
    "\"ownerReferences\":[",
    "\"resourceVersion\":\"1\"",
    "\"uid\"",
    "\"managedFields\":[",
    "\"creationTimestamp\":null",
    "\"deletionTimestamp\"",
    "\"spec\":{",
    "\"status\":{",
    "\"data\":{",
    "\"binaryData\":{\"a\":\"AAE=\"}",
    "\"immutable\":true",
    "\"replicas\":",
    "\"selector\"",
    "\"template\"",
    "\"containers\":[",
    "\"env\":[",
    "\"ports\":[",
    "\"containerPort\"",
    "\"resources\":{\"limits\":{\"cpu\":\"1\"}}",
    "\"strategy\":{\"type\":\"Recreate\"}",
    "\"parts\":[",
    "\"size\"",
    "\"any\":{",
    "null",
    "true",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"100m\"",
    "\"25%\"",
    "\"2030-01-01T00:00:00Z\"",
    "\"$patch\":\"replace\"",
    "\"$patch\":\"delete\"",
    "\"$retainKeys\":[\"type\"]",
    "\"$setElementOrder/containers\":[{\"name\":\"a\"}]",
    "\"$deleteFromPrimitiveList/finalizers\":[\"a\"]",
    "{\"op\":\"add\",\"path\":\"/metadata/labels/x\",\"value\":\"y\"}",
    "\"op\":\"remove\"",
    "\"op\":\"copy\"",
    "\"op\":\"move\"",
    "\"op\":\"test\"",
    "\"from\":\"/spec\"",
    "\"path\":\"/spec/template/spec/containers/-\"",
    "~1",
    "~0",
    "<<: *a",
    "!!binary ",
    "---\n",
    "|\n  ",
    "0x1F",
    "0o17",
    ".inf",
];
