//! `ServiceAccounts`: tokens in Secrets, and in pods.

use super::*;

#[test]
fn a_token_secret_is_filled_in_and_goes_with_its_account() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::SERVICE_ACCOUNTS,
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot", "namespace": "default"}}),
    );
    cluster.create(
        &known::SECRETS,
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "robot", "namespace": "default", "annotations": {"kubernetes.io/service-account.name": "robot"}}}),
    );
    cluster.run(1);
    let secret = cluster.get(&known::SECRETS, "robot").unwrap();
    assert_eq!(secret["data"]["namespace"], "ZGVmYXVsdA==");
    assert!(!text(&secret, "/data/token").is_empty());
    let account = cluster.get(&known::SERVICE_ACCOUNTS, "robot").unwrap();
    assert_eq!(
        object::annotation(&secret, "kubernetes.io/service-account.uid"),
        Some(object::uid(&account))
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
    cluster.delete(&known::SERVICE_ACCOUNTS, "robot", &DeleteOptions::default());
    cluster.run(1);
    assert_eq!(cluster.get(&known::SECRETS, "robot"), None);
}

#[test]
fn a_pod_runs_as_default_and_gets_its_token() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::PODS,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "web:1"}]}}),
    );
    let pod = cluster.get(&known::PODS, "p").unwrap();
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
    let mount = &pod["spec"]["containers"][0]["volumeMounts"][0];
    assert_eq!(
        mount["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    assert_eq!(mount["name"], pod["spec"]["volumes"][0]["name"]);
    let sources = pod["spec"]["volumes"][0]["projected"]["sources"]
        .as_array()
        .unwrap();
    assert_eq!(sources[0]["serviceAccountToken"]["expirationSeconds"], 3607);
    assert_eq!(sources[1]["configMap"]["name"], "kube-root-ca.crt");
    assert_eq!(
        pod["spec"]["tolerations"],
        json!([
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ])
    );
}
