//! MON-1 violated by files that pods mount as they are.

use super::*;

const WEB: &str = "tls_server_config:\n  cert_file: /etc/prometheus/web_config/secret/tls-cert/crt\n  key_file: /k\n";

/// A Secret of ours with one file.
fn holding(name: &str, file: &str, text: &str) -> Value {
    json!({"kind": "Secret", "metadata": made(name), "data": {file: STANDARD.encode(text)}})
}

#[test]
fn mon_1_a_file_that_its_reader_refuses() {
    for (file, good, bad) in [
        (
            "web-config.yaml",
            WEB,
            "tls_server_config:\n  cert_file: /c\n",
        ),
        (
            "web-config.yaml",
            "",
            "http_server_config:\n  headers:\n    Server: x\n",
        ),
        ("cluster-tls-config.yaml", "", "tls_server_config: {}\n"),
        (
            "remote-write.yaml",
            "remote_write: []\n",
            "remote_write:\n- name: x\n",
        ),
    ] {
        let mut history = History::default();
        history.put(SERVER, "a/main", &server());
        history.put("/secrets", "a/made", &holding("made", file, good));
        assert_eq!(history.violated(), [""; 0], "{file}");
        history.put("/secrets", "a/made", &holding("made", file, bad));
        assert_eq!(history.violated(), ["MON-1"], "{file}");
    }
}

#[test]
fn mon_1_endpoints_of_a_prometheus_are_looked_at_too() {
    let mut history = History::usual();
    history.publish(
        "remote_write:\n- url: http://x\n  queue: {}\n",
        Compression::default(),
    );
    assert!(history.violated().contains(&"MON-1"));
}

/// A history that ends with these volumes and mounts, the web configuration, and a certificate under a key.
fn mounting(secret: &str, folder: &str, key: &str) -> History {
    let mut history = History::default();
    history.put(SERVER, "a/main", &server());
    history.put("/secrets", "a/web", &holding("web", "web-config.yaml", WEB));
    let certificate = json!({"kind": "Secret", "metadata": {"name": "tls", "namespace": "a"}, "data": {key: "eA=="}});
    history.put("/secrets", "a/tls", &certificate);
    let mut set = set("v1");
    let pod = &mut set["spec"]["template"]["spec"];
    pod["volumes"] = json!([
        {"name": "web-config", "secret": {"secretName": secret}},
        {"name": "tls", "secret": {"secretName": "tls"}},
    ]);
    pod["containers"][0]["volumeMounts"] = json!([
        {"name": "web-config", "mountPath": "/etc/prometheus/web_config/web-config.yaml", "subPath": "web-config.yaml"},
        {"name": "tls", "mountPath": folder},
    ]);
    history.put(SETS, "a/prometheus-main", &set);
    history.seen.settled();
    history
}

#[test]
fn mon_1_a_file_that_nobody_mounts() {
    let folder = "/etc/prometheus/web_config/secret/tls-cert";
    let nothing: [&str; 0] = [];
    assert_eq!(mounting("web", folder, "crt").violated(), nothing);
    for (secret, folder, key) in [
        ("other", folder, "crt"),
        ("web", "/etc/prometheus/web_config/secret/tls", "crt"),
        ("web", folder, "other"),
    ] {
        let history = mounting(secret, folder, key);
        assert_eq!(history.violated(), ["MON-1"], "{secret} {folder} {key}");
    }
}
