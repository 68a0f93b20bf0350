//! Objects that are kept as bytes are served as those that are kept whole.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, asking, config_map, pod, version};
use crate::apiserver::Options;
use crate::request::{Reply, WatchId};

/// Everything a client was told, in order.
struct Told {
    server: Server,
    said: Vec<String>,
}

impl Told {
    fn new(whole_bytes: usize) -> Self {
        let options = Options {
            whole_bytes,
            ..Options::default()
        };
        Self {
            server: Server::with(options),
            said: Vec::new(),
        }
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) {
        let request = asking(method, path, body);
        let server = &mut self.server;
        match server.api.handle(&request, server.now, &mut server.entropy) {
            Reply::Full(response) => {
                let body = String::from_utf8_lossy(&response.body);
                self.said.push(format!("{} {body}", response.status));
            }
            other => panic!("{method} {path}: {other:?}"),
        }
        self.server.api.store().settle();
    }

    fn read(&mut self, id: WatchId) {
        let frames = self.server.api.watch_frames(id, self.server.now).frames;
        let frames = frames.iter().map(|frame| String::from_utf8_lossy(frame));
        self.said.extend(frames.map(std::borrow::Cow::into_owned));
    }

    /// How many objects are whole.
    fn whole(&self) -> usize {
        let tables = self.server.api.store().tables();
        let versions = tables.flat_map(|(_, table)| table.versions("", ""));
        versions.filter(|(_, version)| version.is_whole()).count()
    }
}

/// Lists of each kind, watches that are behind, and every kind of write.
fn play(told: &mut Told) {
    let plain = told.server.watch(&format!("{CONFIG_MAPS}?watch=1"));
    let selecting = told
        .server
        .watch(&format!("{CONFIG_MAPS}?watch=1&labelSelector=x"));
    for name in ["a", "b", "c"] {
        told.call("POST", CONFIG_MAPS, &config_map(name));
    }
    told.call("POST", PODS, &pod("p"));
    let before = told.server.get(CONFIG_MAPS);
    let one = format!("{CONFIG_MAPS}/a");
    told.call("PATCH", &one, &json!({"data": {"x": "<&>\u{2028}"}}));
    told.read(plain);
    told.call("PATCH", &one, &json!({"metadata": {"labels": {"x": "1"}}}));
    told.call("PATCH", &one, &json!({"metadata": {"labels": {"x": null}}}));
    told.call("PATCH", &one, &json!({"data": {"x": "<&>\u{2028}"}}));
    told.call("DELETE", &format!("{CONFIG_MAPS}/b"), &Value::Null);
    told.call("GET", &one, &Value::Null);
    for list in [
        CONFIG_MAPS.to_owned(),
        format!("{CONFIG_MAPS}?limit=1"),
        format!("{CONFIG_MAPS}?labelSelector=!x"),
        format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Da"),
        format!(
            "{CONFIG_MAPS}?resourceVersion={}&resourceVersionMatch=Exact",
            version(&before)
        ),
        PODS.to_owned(),
    ] {
        told.call("GET", &list, &Value::Null);
    }
    told.read(plain);
    told.read(selecting);
    let late = told.server.watch(&format!(
        "{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    ));
    told.read(late);
    told.call("DELETE", CONFIG_MAPS, &Value::Null);
    told.read(late);
}

#[test]
fn bytes_are_served_as_whole_objects_are() {
    let (mut whole, mut packed) = (Told::new(usize::MAX), Told::new(0));
    play(&mut whole);
    play(&mut packed);
    assert!(whole.said.len() > 30);
    assert_eq!(packed.said, whole.said);
    assert_eq!(packed.whole(), 0);
    assert!(whole.whole() > 50);
}

#[test]
fn a_limit_keeps_the_newest_whole() {
    let mut told = Told::new(20_000);
    for number in 0..100 {
        told.call("POST", CONFIG_MAPS, &config_map(&format!("c{number}")));
    }
    let table = told.server.api.store().table("/configmaps").unwrap();
    let whole = table
        .versions("", "")
        .filter(|(_, version)| version.is_whole());
    let whole: Vec<&str> = whole.map(|(key, _)| key.as_ref()).collect();
    assert!((1..20).contains(&whole.len()), "{whole:?}");
    assert!(whole.contains(&"default/c99"), "{whole:?}");
    // What is asked for is whole again.
    told.call("GET", &format!("{CONFIG_MAPS}/c5"), &Value::Null);
    let table = told.server.api.store().table("/configmaps").unwrap();
    let mut versions = table.versions("default/c5", "");
    assert!(versions.next().unwrap().1.is_whole());
}
