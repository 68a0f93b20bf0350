//! MON-4 violated: of targets, and of shards that are retained.

use super::*;

const NOTHING: [&str; 0] = [];
const SECOND: &str = "a/prometheus-main-shard-1";

#[test]
fn mon_4_targets_are_divided_by_another_number_of_shards() {
    let mut history = History::usual();
    let divided = "scrape_configs:\n- job_name: serviceMonitor/a/one/0\n  relabel_configs:\n  \
                   - action: hashmod\n    target_label: __tmp_hash\n    modulus: 2\n";
    // So that the jobs may be other ones.
    history.put(MONITORS, "a/one", &monitor("one", "web"));
    history.put(MONITORS, "a/two", &monitor("two", "web"));
    history.publish(divided, Compression::default());
    assert_eq!(history.violated(), [""; 0]);
    history.seen.settled();
    assert_eq!(history.violated(), ["MON-4"]);
}

/// The StatefulSet of a shard, which says what it is and maybe in which zone.
fn shard(number: usize, zone: Option<(&str, usize)>) -> Value {
    let mut set = set("v1");
    if number > 0 {
        set["metadata"]["name"] = json!(format!("prometheus-main-shard-{number}"));
    }
    let mut env = vec![json!({"name": "SHARD", "value": number.to_string()})];
    let pod = &mut set["spec"]["template"]["spec"];
    if let Some((zone, place)) = zone {
        env.push(json!({"name": "TOPOLOGY_ZONE", "value": zone}));
        env.push(json!({"name": "INZONE_SHARD", "value": place.to_string()}));
        pod["nodeSelector"] = json!({"topology.kubernetes.io/zone": zone});
    }
    pod["containers"][0]["env"] = json!(env);
    set
}

/// A server of so many shards with jobs that have these relabelings, and the StatefulSets there are in the end.
fn ended(more: Value, sets: &[Value], steps: &str) -> History {
    let mut history = History::default();
    history.put(
        SERVER,
        "a/main",
        &merge::apply(&server(), &json!({"spec": more})),
    );
    for set in sets {
        let name = set["metadata"]["name"].as_str().unwrap();
        history.put(SETS, &format!("a/{name}"), set);
    }
    let jobs: String = ["serviceMonitor/a/one/0", "others"]
        .map(|name| format!("- job_name: {name}\n  relabel_configs:\n{steps}"))
        .concat();
    history.publish(&format!("scrape_configs:\n{jobs}"), Compression::default());
    history.seen.settled();
    history
}

fn keep(from: &str, regex: &str) -> String {
    format!("  - action: keep\n    source_labels: [{from}]\n    regex: {regex}\n")
}

fn hash(modulus: usize) -> String {
    format!(
        "  - target_label: __tmp_hash\n    source_labels: [__address__, __tmp_hash]\n    regex: (.+);\n  \
         - action: hashmod\n    source_labels: [__tmp_hash]\n    target_label: __tmp_hash\n    modulus: {modulus}\n"
    )
}

/// What keeps a shard's share.
fn own(variable: &str) -> String {
    keep(
        "__tmp_hash, __tmp_disable_sharding",
        &format!("$({variable});|.+;.+"),
    )
}

#[test]
fn mon_4_each_target_is_kept_by_one_shard() {
    let sets = [shard(0, None), shard(1, None)];
    let of = |steps: &str| ended(json!({"shards": 2}), &sets, steps);
    let (hash, own) = (hash(2), own("SHARD"));
    // What is dropped for another reason is no shard's, and what all are to scrape is not looked at.
    let dropped = keep("__meta_kubernetes_service_name", "web");
    let for_all = "  - target_label: __tmp_disable_sharding\n    replacement: 'true'\n";
    for good in [
        format!("{hash}{own}"),
        format!("{dropped}{hash}{own}"),
        format!("{for_all}{hash}{own}"),
    ] {
        assert_eq!(of(&good).violated(), NOTHING, "{good}");
    }
    let second = keep("__tmp_hash", "1");
    for bad in [
        String::new(),
        hash.clone(),
        own.clone(),
        format!("{own}{hash}"),
        format!("{hash}{second}{own}"),
    ] {
        let history = of(&bad);
        assert_eq!(history.violated(), ["MON-4", "MON-4"], "{bad}");
        let said = history.seen.violations.first().unwrap();
        assert!(said.contains("serviceMonitor/a/one/0"), "{said}");
    }
}

#[test]
fn mon_4_two_stateful_sets_take_the_same_share() {
    let steps = format!("{}{}", hash(2), own("SHARD"));
    let mut second = shard(1, None);
    second["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = json!("0");
    let history = ended(json!({"shards": 2}), &[shard(0, None), second], &steps);
    assert_eq!(history.violated(), ["MON-4", "MON-4"]);
}

#[test]
fn mon_4_a_retained_shard_scrapes_nothing() {
    let sets = [shard(0, None), shard(1, None)];
    let current = "  - target_label: __tmp_current_shard\n    replacement: $(SHARD)\n";
    let steps = format!(
        "{current}{}{}{}",
        keep("__tmp_current_shard", "0"),
        hash(1),
        own("SHARD")
    );
    let history = ended(json!({"shards": 1}), &sets, &steps);
    assert_eq!(history.violated(), NOTHING);
    // Here it divides by another number than it is of, and takes nothing of that number: told by who is meant.
    let steps = format!("{}{}", hash(1), keep("__tmp_hash", "0|$(SHARD)"));
    let history = ended(json!({"shards": 1}), &sets, &steps);
    assert_eq!(history.violated(), ["MON-4", "MON-4"]);
    // As upstream leaves them: jobs that nobody divides, or that the user does.
    let mine = "  - action: hashmod\n    source_labels: [__address__]\n    target_label: mine\n    modulus: 1\n";
    for steps in ["", mine] {
        let history = ended(json!({"shards": 1}), &sets, steps);
        assert_eq!(history.violated(), ["MON-4", "MON-4"], "{steps}");
    }
    let steps = format!("{mine}{current}{}", keep("__tmp_current_shard", "0"));
    let history = ended(json!({"shards": 1}), &sets, &steps);
    assert_eq!(history.violated(), NOTHING);
}

#[test]
fn mon_4_each_zone_is_divided_among_its_shards() {
    let zones = ["b", "c"];
    let spec = json!({"shards": 4, "shardingStrategy": {"mode": "Topology", "topology": {"values": zones}}});
    let sets = |at: fn(usize) -> usize| -> Vec<Value> {
        let zone = |number: usize| Some((zones[at(number)], number / 2));
        (0..4).map(|number| shard(number, zone(number))).collect()
    };
    let zone = |from: &str, regex: &str| {
        format!(
            "  - target_label: __tmp_topology\n    source_labels: [{from}__tmp_topology]\n    regex: (.+);{regex}\n"
        )
    };
    let node = "__meta_kubernetes_node_label";
    let node = zone(
        &format!("{node}_topology_kubernetes_io_zone, {node}present_topology_kubernetes_io_zone, "),
        "true;",
    );
    let slice = zone("__meta_kubernetes_endpointslice_endpoint_zone, ", "");
    let within = keep(
        "__tmp_topology, __tmp_disable_sharding",
        "$(TOPOLOGY_ZONE);|.+;.+",
    );
    let share = format!("{}{}", hash(2), own("INZONE_SHARD"));
    let all = format!("{slice}{node}{within}{share}");
    let each = sets(|number| number % 2);
    assert_eq!(ended(spec.clone(), &each, &all).violated(), NOTHING);
    for bad in [
        format!("{node}{within}{share}"),
        format!("{slice}{within}{share}"),
        format!("{slice}{node}{share}"),
        format!("{slice}{node}{within}{}{}", hash(2), own("SHARD")),
    ] {
        assert_eq!(
            ended(spec.clone(), &each, &bad).violated(),
            ["MON-4", "MON-4"],
            "{bad}"
        );
    }
    // By the number of all shards, and where all shards are in one zone.
    let other = format!("{slice}{node}{within}{}{}", hash(4), own("INZONE_SHARD"));
    assert_eq!(ended(spec.clone(), &each, &other).violated(), ["MON-4"]);
    let together = ended(spec.clone(), &sets(|_| 0), &all);
    assert_eq!(together.violated(), ["MON-4", "MON-4"]);
    // The right share, scraped from elsewhere.
    let mut astray = each;
    astray[0]["spec"]["template"]["spec"]["nodeSelector"] =
        json!({"topology.kubernetes.io/zone": "c"});
    assert_eq!(ended(spec, &astray, &all).violated(), ["MON-4", "MON-4"]);
}

/// A history of one wanted shard, and one that is retained until three in the morning.
fn retaining(deadline: Option<&str>) -> History {
    let mut history = History::usual();
    let policy = json!({"spec": {"shardRetentionPolicy": {"whenScaled": "Retain"}}});
    history.change(SERVER, "a/main", &policy);
    let mut second = shard(1, None);
    if let Some(deadline) = deadline {
        second["metadata"]["annotations"] =
            json!({"operator.prometheus.io/deletion-deadline": deadline});
    }
    history.put(SETS, SECOND, &second);
    history
}

fn at(time: &str) -> Timestamp {
    format!("2030-01-01T{time}Z").parse().unwrap()
}

#[test]
fn mon_4_a_retained_shard_is_deleted_early() {
    let deadline = "2030-01-01T03:00:00Z";
    let leave = |mut history: History, time: &str| {
        history.now = at(time);
        history.delete(SETS, SECOND);
        history.violated().join(" ")
    };
    assert_eq!(leave(retaining(Some(deadline)), "03:00:01"), "");
    assert_eq!(leave(retaining(Some(deadline)), "02:59:59"), "MON-4");
    assert_eq!(
        leave(retaining(Some("0001-01-01T00:00:00Z")), "03:00:01"),
        "MON-4"
    );
    assert_eq!(leave(retaining(Some("tomorrow")), "03:00:01"), "MON-4");
    assert_eq!(leave(retaining(None), "03:00:01"), "MON-4");
    // Another policy, a shard that is wanted and made anew, and a server that goes itself.
    for change in [
        json!({"spec": {"shardRetentionPolicy": {"whenScaled": "Delete"}}}),
        json!({"spec": {"shards": 2}}),
        json!({"metadata": {"deletionTimestamp": "2030-01-01T02:00:00Z"}}),
    ] {
        let mut history = retaining(Some(deadline));
        history.change(SERVER, "a/main", &change);
        assert_eq!(leave(history, "02:59:59"), "", "{change}");
    }
}

#[test]
fn mon_4_a_deletion_counts_from_its_beginning() {
    let deadline = "2030-01-01T03:00:00Z";
    let going = json!({"metadata": {"deletionTimestamp": "2030-01-01T02:00:00Z"}});
    let mut history = retaining(Some(deadline));
    history.now = at("02:00:00");
    history.change(SETS, SECOND, &going);
    assert_eq!(history.violated(), ["MON-4"]);
    history.now = at("03:00:01");
    history.delete(SETS, SECOND);
    assert_eq!(history.violated(), ["MON-4"]);
}
