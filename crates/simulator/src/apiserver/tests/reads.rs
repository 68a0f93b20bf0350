use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, Server, config_map, names, version};

fn filled() -> Server {
    let mut server = Server::new();
    for name in ["a", "b", "c", "d", "e"] {
        server.ok("POST", CONFIG_MAPS, &config_map(name));
    }
    server
}

#[test]
fn chunks_show_the_state_of_their_first_one() {
    let mut server = filled();
    let first = server.get(&format!("{CONFIG_MAPS}?limit=2"));
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    server.ok("DELETE", &format!("{CONFIG_MAPS}/c"), &Value::Null);
    server.ok("POST", CONFIG_MAPS, &config_map("cc"));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = server.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"));
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = server.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"));
    assert_eq!(names(&third), ["e"]);
    assert_eq!(third["metadata"].get("continue"), None);
}

/// Creates, changes or deletes a config map, of two namespaces.
fn disturb(server: &mut Server, chance: &mut Entropy) {
    let namespace = ["default", "kube-system"][usize::from(chance.below(4) == 0)];
    let all = format!("/api/v1/namespaces/{namespace}/configmaps");
    let name = format!("m{:02}", chance.below(30));
    let one = format!("{all}/{name}");
    let labels = json!({"x": chance.below(2).to_string()});
    let is_there = server.call("GET", &one, &Value::Null).0 == 200;
    match (is_there, chance.below(2)) {
        (false, _) => {
            let created = json!({"metadata": {"name": name, "labels": labels}});
            server.ok("POST", &all, &created)
        }
        (true, 0) => server.ok("PATCH", &one, &json!({"metadata": {"labels": labels}})),
        (true, _) => server.ok("DELETE", &one, &Value::Null),
    };
}

#[test]
fn chunks_are_together_the_list_at_their_revision() {
    let (everywhere, named) = ("/api/v1/configmaps", "fieldSelector=metadata.name%3Dm07");
    for seed in 0..12 {
        let mut server = Server::new();
        let mut chance = Entropy::seeded(seed);
        for (path, selector) in [
            (CONFIG_MAPS, ""),
            (everywhere, ""),
            (CONFIG_MAPS, "labelSelector=x%3D1"),
            (everywhere, "labelSelector=x%3D1"),
            (CONFIG_MAPS, named),
            (everywhere, named),
        ] {
            for _ in 0..40 {
                disturb(&mut server, &mut chance);
            }
            let path = format!("{path}?{selector}");
            let wanted = server.get(&path);
            let then = version(&wanted).to_owned();
            let mut left = wanted["items"].as_array().unwrap().as_slice();
            let limit = 1 + chance.below(9);
            let exact = format!("resourceVersion={then}&resourceVersionMatch=Exact");
            let mut next = format!("{path}&limit={limit}&{exact}");
            loop {
                let chunk = server.get(&next);
                let items = chunk["items"].as_array().unwrap();
                let (these, rest) = left.split_at(items.len());
                assert_eq!(items, these, "{next}");
                assert_eq!(version(&chunk), then);
                left = rest;
                let remaining = &chunk["metadata"]["remainingItemCount"];
                if selector.is_empty() && !left.is_empty() {
                    assert_eq!(*remaining, left.len());
                } else {
                    assert!(remaining.is_null(), "{chunk}");
                }
                let Some(token) = chunk["metadata"]["continue"].as_str() else {
                    break;
                };
                assert_eq!(items.len() as u64, limit);
                next = format!("{path}&limit={limit}&continue={token}");
                for _ in 0..chance.below(6) {
                    disturb(&mut server, &mut chance);
                }
            }
            assert!(left.is_empty(), "{left:?} of {path}");
        }
    }
}

#[test]
fn an_expired_token_comes_with_one_for_the_newest_state() {
    let mut server = filled();
    let first = server.get(&format!("{CONFIG_MAPS}?limit=2"));
    server.ok("DELETE", &format!("{CONFIG_MAPS}/c"), &Value::Null);
    server.api.store_mut().compact();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (status, expired) = server.call(
        "GET",
        &format!("{CONFIG_MAPS}?limit=2&continue={token}"),
        &Value::Null,
    );
    assert_eq!((status, expired["reason"].as_str()), (410, Some("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let rest = server.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"));
    assert_eq!(names(&rest), ["d", "e"]);
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        server.api.revision().to_string()
    );
}

#[test]
fn an_exact_list_shows_the_past_and_zero_ignores_the_limit() {
    let mut server = filled();
    let then = server.api.revision();
    server.ok("DELETE", &format!("{CONFIG_MAPS}/a"), &Value::Null);
    let past = server.get(&format!(
        "{CONFIG_MAPS}?resourceVersion={then}&resourceVersionMatch=Exact"
    ));
    assert_eq!(names(&past), ["a", "b", "c", "d", "e"]);
    let cached = server.get(&format!("{CONFIG_MAPS}?resourceVersion=0&limit=1"));
    assert_eq!(names(&cached), ["b", "c", "d", "e"]);
}

#[test]
fn an_exact_list_of_what_never_was_is_empty_until_the_past_is_forgotten() {
    let mut server = filled();
    let then = server.api.revision() - 1;
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let exact = format!("{leases}?resourceVersion={then}&resourceVersionMatch=Exact");
    let token = |revision: u64| {
        use base64::Engine as _;
        let text = format!(r#"{{"v":"meta.k8s.io/v1","rv":{revision},"start":"/a"}}"#);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let next = format!("{leases}?limit=1&continue={}", token(then));
    for path in [&exact, &next] {
        let past = server.get(path);
        assert_eq!(names(&past), [""; 0]);
        assert_eq!(past["metadata"]["resourceVersion"], then.to_string());
    }
    server.api.store_mut().compact();
    server.ok("POST", leases, &json!({"metadata": {"name": "a"}}));
    for path in [&exact, &next] {
        assert_eq!(server.call("GET", path, &Value::Null).0, 410);
    }
    let others = format!("{PODS}?watch=1&resourceVersion={then}");
    let watch = server.watch(&others);
    let lines = server.api.watch_frames(watch, server.now);
    assert!(lines.ended, "{lines:?}");
}

#[test]
fn selectors_narrow_a_list() {
    let mut server = filled();
    server.ok(
        "PATCH",
        &format!("{CONFIG_MAPS}/b"),
        &json!({"metadata": {"labels": {"x": "1"}}}),
    );
    assert_eq!(
        names(&server.get(&format!("{CONFIG_MAPS}?labelSelector=x%3D1"))),
        ["b"]
    );
    assert_eq!(
        names(&server.get(&format!("{CONFIG_MAPS}?fieldSelector=metadata.name!%3Db"))),
        ["a", "c", "d", "e"]
    );
    assert_eq!(
        names(&server.get("/api/v1/configmaps?fieldSelector=metadata.name%3Dd")),
        ["d"]
    );
}

#[test]
fn a_future_revision_is_waited_for() {
    let mut server = filled();
    let next = server.api.revision() + 1;
    let path = format!("{CONFIG_MAPS}?resourceVersion={next}");
    let reply = server.raw("GET", &path, "", "application/json");
    assert!(
        matches!(reply, crate::request::Reply::Later { .. }),
        "{reply:?}"
    );
    server.ok("POST", CONFIG_MAPS, &config_map("f"));
    assert_eq!(names(&server.get(&path)).len(), 6);
}

#[test]
fn events_and_autoscalers_are_served_in_two_versions() {
    let mut server = Server::new();
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
        "message": "hello", "reason": "R", "type": "Normal"});
    server.ok("POST", "/api/v1/namespaces/default/events", &event);
    let other = server.get("/apis/events.k8s.io/v1/namespaces/default/events/e");
    assert_eq!(other["note"], "hello");
    let newer = json!({"metadata": {"name": "f"}, "eventTime": "2030-01-01T00:00:00.000000Z", "reportingController": "c",
        "reportingInstance": "i", "action": "Did", "reason": "R", "type": "Normal", "regarding": {"kind": "Pod", "name": "p"}});
    server.ok(
        "POST",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        &newer,
    );
    let of_source = "/api/v1/namespaces/default/events?fieldSelector=source%3Dc";
    assert_eq!(names(&server.get(of_source)), ["f"]);
    assert_eq!(other["regarding"]["name"], "p");
    let scaler = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
        "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}});
    server.ok(
        "POST",
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        &scaler,
    );
    let path = "namespaces/default/horizontalpodautoscalers/h";
    let second = server.get(&format!("/apis/autoscaling/v2/{path}"));
    assert_eq!(
        second["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        70
    );
    let first = server.get(&format!("/apis/autoscaling/v1/{path}"));
    assert_eq!(first["spec"]["targetCPUUtilizationPercentage"], 70);
}

#[test]
fn a_get_is_no_watch_whatever_its_query_says() {
    let mut server = Server::new();
    server.ok("POST", CONFIG_MAPS, &config_map("a"));
    let one = server.get("/api/v1/namespaces/default?watch=1&timeoutSeconds=1");
    assert_eq!(one["kind"], "Namespace");
    let one = server.get(&format!("{CONFIG_MAPS}/a?watch=true"));
    assert_eq!(one["metadata"]["name"], "a");
    let path = format!("{CONFIG_MAPS}/b?watch=true");
    assert_eq!(server.call("GET", &path, &Value::Null).0, 404);
}

#[test]
fn a_path_names_no_object_that_could_not_be_one() {
    let mut server = Server::new();
    for (path, text) in [
        (
            "a%25b",
            r#"Name parameter invalid: "a%b": may not contain '%'"#,
        ),
        ("..", r#"Name parameter invalid: "..": may not be '..'"#),
    ] {
        let path = format!("/api/v1/namespaces/{path}");
        let (status, reply) = server.call("GET", &path, &Value::Null);
        assert_eq!((status, reply["message"].as_str()), (400, Some(text)));
    }
    let head = server.call("HEAD", "/api/v1/namespaces/default", &Value::Null);
    assert_eq!(head.0, 405);
}

#[test]
fn a_time_limit_must_be_a_duration_unless_the_request_is_meant_to_take_long() {
    let mut server = Server::new();
    let text =
        "invalid timeout specified in the request URL - time: missing unit in duration \"2\"";
    for path in [CONFIG_MAPS, "/api/v1/nonsense", "/foo"] {
        let (status, reply) = server.call("GET", &format!("{path}?timeout=2"), &Value::Null);
        assert_eq!(
            (status, reply["message"].as_str()),
            (400, Some(text)),
            "{path}"
        );
    }
    for timeout in ["", "0", "-1s", "100h"] {
        server.get(&format!("{CONFIG_MAPS}?timeout={timeout}"));
    }
    server.watch(&format!("{CONFIG_MAPS}?watch=1&timeout=2"));
}

#[test]
fn what_is_false_is_so_in_letters_of_any_size() {
    let mut server = Server::new();
    for no in ["0", "false", "False", "FALSE"] {
        let list = server.ok("GET", &format!("{PODS}?watch={no}"), &Value::Null);
        assert_eq!(list["kind"], "PodList", "{no}");
    }
}
