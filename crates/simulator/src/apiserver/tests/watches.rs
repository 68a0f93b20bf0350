use bytes::Bytes;
use serde_json::{Value, json};

use super::{CONFIG_MAPS, Server, config_map, version};
use crate::request::WatchId;

#[test]
fn a_watch_begins_with_what_is_there_and_goes_on_with_changes() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let id = server.watch(&format!("{CONFIG_MAPS}?watch=1"));
    server.ok("POST", CONFIG_MAPS, &config_map("b"));
    server.ok(
        "PATCH",
        &format!("{CONFIG_MAPS}/a"),
        &json!({"data": {"x": "1"}}),
    );
    server.ok("DELETE", &format!("{CONFIG_MAPS}/b"), &Value::Null);
    assert_eq!(
        server.event_names(id),
        ["ADDED a", "ADDED b", "MODIFIED a", "DELETED b"]
    );
    assert_eq!(server.event_names(id), [""; 0]);
}

#[test]
fn a_watch_from_a_revision_replays_what_came_after() {
    let mut server = Server::new();
    let a = server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.ok("POST", CONFIG_MAPS, &config_map("b"));
    let id = server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&resourceVersion={}",
        version(&a)
    ));
    assert_eq!(server.event_names(id), ["ADDED b"]);
}

/// What a watch has to send, in frames as they go out.
fn chunks(server: &mut Server, id: WatchId) -> Vec<Bytes> {
    server.api.watch_chunks(id, server.now).frames
}

#[test]
fn watches_that_see_the_same_are_sent_the_same_bytes() {
    let mut server = Server::new();
    let all = "/api/v1/configmaps?watch=1";
    let [one, two, late] = [0; 3].map(|_| server.watch(all));
    let own = server.watch(&format!("{CONFIG_MAPS}?watch=1"));
    let lines = server.watch(all);
    for id in [one, two, late, own, lines] {
        // What was there when it began.
        chunks(&mut server, id);
    }
    for name in ["a", "b"] {
        server.ok("POST", CONFIG_MAPS, &config_map(name));
    }
    let (first, second) = (chunks(&mut server, one), chunks(&mut server, two));
    assert_eq!(first.len(), 1);
    assert_eq!(first, second);
    let at = |frames: &[Bytes]| {
        frames
            .iter()
            .map(|frame| frame.as_ptr())
            .collect::<Vec<_>>()
    };
    assert_eq!(at(&first), at(&second));
    assert!(chunks(&mut server, one).is_empty());
    // Another prefix and another revision are other watches.
    assert_eq!(chunks(&mut server, own), first);
    server.ok("POST", CONFIG_MAPS, &config_map("c"));
    let third = chunks(&mut server, one);
    assert_eq!(chunks(&mut server, two), third);
    let whole = [&first[0][..], &third[0][..]].concat();
    assert_eq!(chunks(&mut server, late).concat(), whole);
    let frames = server.api.watch_frames(lines, server.now).frames;
    assert_eq!((frames.len(), frames.concat()), (3, whole));
}

#[test]
fn objects_enter_and_leave_a_selection() {
    let mut server = Server::new();
    let id = server.watch(&format!("{CONFIG_MAPS}?watch=1&labelSelector=x%3D1"));
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let path = format!("{CONFIG_MAPS}/a");
    server.ok("PATCH", &path, &json!({"metadata": {"labels": {"x": "1"}}}));
    server.ok("PATCH", &path, &json!({"data": {"k": "v"}}));
    let left = server.ok("PATCH", &path, &json!({"metadata": {"labels": {"x": "2"}}}));
    let events = server.events(id);
    let kinds: Vec<&str> = events.iter().map(|(kind, _, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["ADDED", "MODIFIED", "DELETED"]);
    assert_eq!(events[2].2, version(&left));
}

#[test]
fn a_streaming_list_ends_with_its_bookmark() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let revision = server.api.revision();
    let id = server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    ));
    let frames = server.api.watch_frames(id, server.now).frames;
    let last: Value = serde_json::from_slice(frames.last().unwrap()).unwrap();
    assert_eq!(
        last,
        json!({"type": "BOOKMARK", "object": {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {
            "resourceVersion": revision.to_string(), "annotations": {"k8s.io/initial-events-end": "true"}}}})
    );
    assert_eq!(frames.len(), 2);
}

#[test]
fn a_watch_without_a_version_is_a_streaming_list() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    for version in ["", "&resourceVersion=0"] {
        let id = server.watch(&format!(
            "{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true{version}"
        ));
        let frames = server.api.watch_frames(id, server.now).frames;
        let last: Value = serde_json::from_slice(frames.last().unwrap()).unwrap();
        let annotations = &last["object"]["metadata"]["annotations"];
        assert_eq!(frames.len(), 2);
        assert_eq!(annotations["k8s.io/initial-events-end"], "true");
    }
    // Without bookmarks the state comes all the same, whatever the version.
    let newest = server.api.revision();
    let id = server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion={newest}"
    ));
    assert_eq!(server.event_names(id), ["ADDED a"]);
}

#[test]
fn lists_of_metadata_cannot_be_watched() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let id = server.watch_as(&format!("{CONFIG_MAPS}?watch=1"), accept);
    let poll = server.api.watch_frames(id, server.now);
    assert!(poll.ended && poll.frames.is_empty());
}

#[test]
fn bookmarks_have_the_values_that_no_object_is_without() {
    let mut server = Server::new();
    let mut bookmark = |plural: &str| {
        let root = "/apis/apps/v1/namespaces/default";
        let id = server.watch(&format!("{root}/{plural}?watch=1&allowWatchBookmarks=true"));
        let frames = server.api.watch_frames(id, server.now).frames;
        serde_json::from_slice::<Value>(&frames[0]).unwrap()
    };
    for plural in ["deployments", "replicasets", "statefulsets"] {
        assert_eq!(
            bookmark(plural)["object"]["spec"]["replicas"],
            0,
            "{plural}"
        );
    }
    let generation = "deprecated.daemonset.template.generation";
    let daemon_set = bookmark("daemonsets");
    assert_eq!(
        daemon_set["object"]["metadata"]["annotations"][generation],
        "0"
    );
}

#[test]
fn the_object_of_a_bookmark_is_the_same_in_a_table() {
    let mut server = Server::new();
    let path = "/api/v1/pods?watch=1&allowWatchBookmarks=true&includeObject=Object";
    let mut frame = |accept: &'static str| {
        let id = server.watch_as(path, accept);
        let poll = server.api.watch_frames(id, server.now);
        serde_json::from_slice::<Value>(&poll.frames[0]).unwrap()
    };
    let whole = frame("application/json");
    let row = frame("application/json;as=Table;g=meta.k8s.io;v=v1");
    assert_eq!(whole["object"]["status"], json!({}));
    assert_eq!(row["object"]["rows"][0]["object"], whole["object"]);
}

#[test]
fn bookmarks_come_every_minute_and_before_the_end() {
    let mut server = Server::new();
    let from = server.api.revision();
    let path = format!(
        "{CONFIG_MAPS}?watch=1&resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=100"
    );
    let id = server.watch(&path);
    let mut times = Vec::new();
    for second in 1..=100 {
        server.wait(1);
        let poll = server.api.watch_frames(id, server.now);
        times.extend(poll.frames.iter().map(|_| second));
        assert_eq!(poll.ended, second == 100, "{second}");
    }
    assert_eq!(times, [60, 98, 99]);
}

#[test]
fn a_short_watch_has_its_bookmark_before_the_end() {
    let mut server = Server::new();
    let from = server.api.revision();
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}&allowWatchBookmarks=true");
    let mut times = |timeout: i64| {
        let id = server.watch(&format!("{path}&timeoutSeconds={timeout}"));
        let mut times = Vec::new();
        for second in 1..=timeout {
            server.wait(1);
            let poll = server.api.watch_frames(id, server.now);
            times.extend(poll.frames.iter().map(|_| second));
        }
        times
    };
    assert_eq!(times(30), [28, 29]);
    assert_eq!(times(2), [0; 0]);
}

#[test]
fn history_older_than_five_minutes_is_gone() {
    let mut server = Server::new();
    let from = server.api.revision();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    server.wait(301);
    server.ok("POST", CONFIG_MAPS, &config_map("b"));
    let id = server.watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={from}"));
    let poll = server.api.watch_frames(id, server.now);
    let event: Value = serde_json::from_slice(&poll.frames[0]).unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert!(poll.ended);
}

#[test]
fn a_watch_of_one_namespace_sees_no_other() {
    let mut server = Server::new();
    let id = server.watch(&format!("{CONFIG_MAPS}?watch=1"));
    server.ok(
        "POST",
        "/api/v1/namespaces/kube-system/configmaps",
        &config_map("x"),
    );
    assert_eq!(server.event_names(id), [""; 0]);
}
