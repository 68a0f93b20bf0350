//! Long lists come portion by portion: the same bytes as at once, made when they are taken.

use std::io::Read as _;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::applies::{DEFINITIONS, definition, establish};
use super::{CONFIG_MAPS, PODS, Server, asking, pod};
use crate::apiserver::list_options::list_options;
use crate::apiserver::negotiate::{Conversions, Route, negotiate};
use crate::apiserver::reply::list_body;
use crate::apiserver::selection::Selection;
use crate::request::{Reply, Request};

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
const PARTIAL: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

fn read(path: &str, accept: &'static str) -> Request {
    with(asking("GET", path, &Value::Null), ACCEPT, accept)
}

fn with(mut request: Request, name: HeaderName, value: &'static str) -> Request {
    request
        .headers
        .insert(name, HeaderValue::from_static(value));
    request
}

impl Server {
    fn listed(&mut self, request: &Request) -> Reply {
        self.api.handle(request, self.now, &mut self.entropy)
    }

    /// The list as it would be written in one go.
    fn at_once(&self, group: &str, plural: &str, request: &Request) -> bytes::Bytes {
        let served = self.api.registry().get(group, "v1", plural).unwrap();
        let selection = Selection::of_request(request, served, "default").unwrap();
        let options = list_options(request).unwrap();
        let listed = self.api.list(served, &selection, &options).unwrap();
        let route = Route {
            routed: true,
            streams: true,
            conversions: Conversions::All,
        };
        let form = negotiate(request, route).unwrap();
        let (entries, metadata) = (&listed.entries, &listed.metadata);
        list_body(served, entries, metadata, request, &form, self.now).unwrap()
    }
}

#[test]
fn a_list_is_the_same_however_it_is_written() {
    let mut server = Server::new();
    server.ok("POST", DEFINITIONS, &definition("granular"));
    establish(&mut server);
    let text = "line\n  <two> & \"three\": [\"items\":[]\nitems: []\n";
    for name in ["a", "b", "c"] {
        let body = json!({"metadata": {"name": name, "annotations": {"x": text}},
            "data": {"a": text, "b": "", "c": "true"}});
        server.ok("POST", CONFIG_MAPS, &body);
        server.ok("POST", PODS, &pod(name));
        let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name},
            "spec": {"size": 3, "labels": {"x": text}, "set": []}});
        server.ok("POST", THINGS, &thing);
    }
    for (path, group, plural) in [
        (CONFIG_MAPS, "", "configmaps"),
        (PODS, "", "pods"),
        (THINGS, "example.com", "things"),
    ] {
        for accept in ["application/json", "application/yaml", TABLE, PARTIAL] {
            for query in ["", "?pretty=true", "?includeObject=Object", "?limit=2"] {
                let request = read(&format!("{path}{query}"), accept);
                let expected = server.at_once(group, plural, &request);
                let Reply::Full(reply) = server.listed(&request) else {
                    panic!("a short list in portions");
                };
                let texts = [&reply.body, &expected].map(|body| String::from_utf8_lossy(body));
                assert_eq!(texts[0], texts[1], "{accept} {path}{query}");
            }
        }
    }
}

#[test]
fn of_a_long_list_little_is_written_before_it_is_taken() {
    const OBJECTS: usize = 50;
    const LARGEST: usize = 400 * 1024;
    let mut server = Server::new();
    let text = "some text\n".repeat(10_000);
    for number in 0..OBJECTS {
        let body = json!({"metadata": {"name": format!("c{number}")}, "data": {"text": text}});
        server.ok("POST", CONFIG_MAPS, &body);
    }
    for (accept, query) in [
        ("application/json", ""),
        ("application/json", "?pretty=true"),
        ("application/yaml", ""),
        (TABLE, "?includeObject=Object"),
    ] {
        let request = read(&format!("{CONFIG_MAPS}{query}"), accept);
        let expected = server.at_once("", "configmaps", &request);
        assert!(expected.len() > OBJECTS * text.len());
        for gzip in [false, true] {
            let request = request.clone();
            let request = if gzip {
                with(request, ACCEPT_ENCODING, "gzip")
            } else {
                request
            };
            let Reply::List(list) = server.listed(&request) else {
                panic!("{accept}: all of it was written at once");
            };
            assert_eq!(list.headers().contains_key("content-encoding"), gzip);
            let portions = list.clone().portions();
            let weight = portions.weight();
            assert!(weight < 2 * LARGEST, "{accept}: {weight} bytes are kept");
            let mut whole = Vec::new();
            for portion in portions {
                let portion = portion.unwrap();
                assert!(portion.len() < LARGEST, "{accept}: {}", portion.len());
                whole.extend_from_slice(&portion);
            }
            assert_eq!(list.whole().body, whole);
            if gzip {
                let mut plain = Vec::new();
                let mut reader = flate2::read::GzDecoder::new(whole.as_slice());
                reader.read_to_end(&mut plain).unwrap();
                whole = plain;
            }
            assert!(whole == expected, "{accept}{query}, gzip {gzip}");
        }
    }
}
