//! Who writes without end doesn't fill the server's memory: old changes are forgotten, and whoever wants them is told so.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, pod, version};
use crate::apiserver::Options;
use crate::apiserver::store::{Bounds, Store};

const BYTES: usize = 4 << 20;

fn bounded() -> Server {
    Server::with(Options {
        history_bytes: BYTES,
        whole_bytes: 1 << 20,
        ..Options::default()
    })
}

/// Bytes of JSON that the history of a table keeps alive.
fn kept(server: &Server, table: &str) -> usize {
    let table = server.api.store().table(table).unwrap();
    let changes = table.since(table.compacted());
    changes
        .map(|event| event.after.entry().value.to_string().len())
        .sum()
}

#[test]
fn an_object_that_is_patched_without_end_leaves_a_bounded_history() {
    let mut server = bounded();
    let text = "x".repeat(100_000);
    let body = json!({"metadata": {"name": "large"}, "data": {"text": text}});
    let made = server.ok("POST", CONFIG_MAPS, &body);
    server.ok("POST", PODS, &pod("before"));
    let behind = server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&resourceVersion={}",
        version(&made)
    ));
    for number in 0..200 {
        let change = json!({"data": {"number": number.to_string()}});
        server.ok("PATCH", &format!("{CONFIG_MAPS}/large"), &change);
    }
    let kept = kept(&server, "/configmaps");
    assert!((BYTES / 2..=BYTES).contains(&kept), "{kept} bytes are kept");
    // A watch that fell behind is told so, and ends; its client lists again.
    let poll = server.api.watch_frames(behind, server.now);
    let line = String::from_utf8_lossy(poll.frames.first().unwrap()).into_owned();
    assert!(line.contains(r#""reason":"Expired","code":410"#), "{line}");
    assert!(poll.ended);
    let exact = format!(
        "{CONFIG_MAPS}?resourceVersion={}&resourceVersionMatch=Exact",
        version(&made)
    );
    let (status, expired) = server.call("GET", &exact, &Value::Null);
    assert_eq!((status, &expired["reason"]), (410, &json!("Expired")));
    let listed = server.get(CONFIG_MAPS);
    let after = server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&resourceVersion={}",
        version(&listed)
    ));
    server.ok(
        "PATCH",
        &format!("{CONFIG_MAPS}/large"),
        &json!({"data": {"number": "last"}}),
    );
    assert_eq!(server.events(after).len(), 1);
    // Other resources still have all of theirs.
    let pods = server.watch(&format!(
        "{PODS}?watch=1&resourceVersion={}",
        version(&made)
    ));
    assert_eq!(server.events(pods).len(), 1);
}

#[test]
fn objects_that_come_and_go_leave_a_bounded_history() {
    let mut server = bounded();
    let text = "<".repeat(20_000);
    for number in 0..100 {
        let name = format!("c{number}");
        let body = json!({"metadata": {"name": name}, "data": {"text": text}});
        server.ok("POST", CONFIG_MAPS, &body);
        server.ok("DELETE", &format!("{CONFIG_MAPS}/{name}"), &Value::Null);
    }
    // Six bytes for each of those characters, as a watch would be sent them.
    let table = server.api.store().table("/configmaps").unwrap();
    let sent = table.since(table.compacted()).count() * 6 * text.len();
    assert!((BYTES / 2..=BYTES).contains(&sent), "{sent} bytes are kept");
}

#[test]
fn who_writes_when_there_is_no_room_is_told_so_until_something_is_removed() {
    let text = |letter: &str| json!({"data": {"text": letter.repeat(500_000)}});
    let mut server = Server::with(Options {
        object_bytes: 2_000_000,
        ..Options::default()
    });
    let mut refusal = None;
    for number in 0..8 {
        let mut body = text("x");
        body["metadata"] = json!({"name": format!("c{number}")});
        let (status, said) = server.call("POST", CONFIG_MAPS, &body);
        if status != 201 {
            refusal = Some((number, status, said));
            break;
        }
    }
    let (number, status, said) = refusal.unwrap();
    assert!((3..=4).contains(&number), "{number} were stored");
    assert_eq!(status, 500);
    assert_eq!(said["message"], "etcdserver: mvcc: database space exceeded");
    let (patched, _) = server.call("PATCH", &format!("{CONFIG_MAPS}/c0"), &text("y"));
    assert_eq!(patched, 500);
    assert_eq!(
        server.get(CONFIG_MAPS)["items"].as_array().unwrap().len(),
        number
    );
    server.ok("DELETE", &format!("{CONFIG_MAPS}/c1"), &Value::Null);
    server.ok("PATCH", &format!("{CONFIG_MAPS}/c0"), &text("y"));
    // What takes the place of something else of its size takes no more.
    for letter in ["a", "b", "c", "d", "e"] {
        server.ok("PATCH", &format!("{CONFIG_MAPS}/c0"), &text(letter));
    }
}

fn store(history_bytes: usize) -> Store {
    Store::new(Bounds {
        history_seconds: 300,
        history_bytes,
        whole_bytes: usize::MAX,
        object_bytes: usize::MAX,
    })
}

#[test]
fn a_table_keeps_so_many_changes_at_most() {
    let mut store = store(usize::MAX);
    let now = jiff::Timestamp::UNIX_EPOCH;
    for number in 0..102_405 {
        store.put("/t", "a", json!({"n": number, "metadata": {}}), now);
    }
    store.put("/u", "a", json!({"metadata": {}}), now);
    let table = store.table("/t").unwrap();
    assert_eq!(table.compacted(), 5);
    assert_eq!(table.since(5).count(), 102_400);
    assert_eq!(store.table("/u").unwrap().compacted(), 0);
}

#[test]
fn the_table_with_the_most_history_forgets_it() {
    let mut store = store(100_000);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let text = "x".repeat(1000);
    for number in 0..1000 {
        let value = json!({"text": text, "metadata": {}});
        store.put("/busy", "a", value.clone(), now);
        if number % 100 == 0 {
            store.put("/calm", "a", value, now);
        }
    }
    assert_eq!(store.table("/calm").unwrap().compacted(), 0);
    let busy = store.table("/busy").unwrap();
    let count = busy.since(busy.compacted()).count();
    assert!((40..70).contains(&count), "{count}");
    let at = |revision: u64| busy.versions_at(revision, "", "");
    assert!(at(busy.compacted() - 1).is_none());
    assert!(at(busy.compacted()).is_some());
}
