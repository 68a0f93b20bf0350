//! What a write through a converted version is compared with before anything is stored.

use serde_json::{Value, json};

use super::conversions::{NEW, OLD, answer, new, server};

#[test]
fn a_write_that_changes_nothing_of_what_was_cached_begins_again_with_what_is_stored() {
    let mut server = server();
    server.ok("POST", NEW, &new("a"));
    server.asked(("GET", OLD), &Value::Null, |_, question| {
        answer(question, |_| {})
    });
    // Without its spec every object is converted back alike, so that the cache seems to be what is to be stored.
    let same = json!({"spec": {"port": "2"}});
    let patch = ("PATCH", format!("{OLD}/a"));
    let outcome = server.asked((patch.0, &patch.1), &same, |_, question| {
        answer(question, |review| {
            review["response"]["convertedObjects"][0]["spec"] = Value::Null;
        })
    });
    let stored = server.get(&format!("{NEW}/a"));
    assert_eq!(
        (
            outcome.status,
            outcome.body.get("spec"),
            stored.get("spec"),
            &stored["metadata"]["generation"]
        ),
        (200, None, None, &json!(2))
    );
}
