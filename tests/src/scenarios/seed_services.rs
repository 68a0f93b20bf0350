//! By which addresses people and programs reach what kube-prometheus-stack 14.0.1 runs (S15 of the acceptance).

use anyhow::{Result, ensure};
use machinery::meta;
use machinery::patch::merge;
use runtime::ResourceRef;
use serde_json::{Value, json};

use super::seed::{MANAGER, SERVER, SET, alertmanager_installed, installed, until_running};
use crate::cluster::Cluster;
use crate::explore::difference;
use crate::objects::{ALERTMANAGER, ENDPOINTS, POD, PROMETHEUS, SERVICE, text};
use crate::seed::FULLNAME;

/// A Service that leads to one pod.
struct Reached {
    name: String,
    /// Its spec as the API server completes it, but for the addresses it chooses.
    spec: Value,
    /// Its pod.
    pod: String,
    /// Name, number and protocol of the pod's ports, by name.
    ports: Value,
}

/// Of fields that the API server chooses, those of the object that was found.
fn completed(mut spec: Value, found: &Value) -> Value {
    let chosen = found.get("spec").unwrap_or(&Value::Null);
    for field in ["clusterIP", "clusterIPs"] {
        if spec.get(field).is_none() {
            spec[field] = chosen.get(field).cloned().unwrap_or_default();
        }
    }
    spec
}

/// Fails unless two objects say the same.
fn same(what: &str, wanted: &Value, found: &Value) -> Result<()> {
    ensure!(
        wanted == found,
        "{what} is another: {}",
        difference(wanted, found)
    );
    Ok(())
}

impl Reached {
    /// Its spec and its addresses are the wanted ones, all of them.
    async fn look(&self, cluster: &Cluster) -> Result<()> {
        let found = cluster.get(&SERVICE, &self.name).await?;
        let wanted = completed(self.spec.clone(), &found);
        let spec = found.get("spec").unwrap_or(&Value::Null);
        same(&self.name, &wanted, spec)?;
        let pod = cluster.get(&POD, &self.pod).await?;
        let address = json!([{
            "ip": text(&pod, "/status/podIP"), "nodeName": text(&pod, "/spec/nodeName"),
            "targetRef": {
                "kind": "Pod", "namespace": meta::namespace(&pod), "name": self.pod, "uid": meta::uid(&pod),
            },
        }]);
        let wanted = json!([{"addresses": address, "ports": self.ports}]);
        let what = format!("the pod behind {}: {wanted}", self.name);
        cluster
            .until(&what, &ENDPOINTS, &self.name, |endpoints| {
                let mut found = endpoints.get("subsets").cloned().unwrap_or_default();
                for subset in found.as_array_mut().into_iter().flatten() {
                    sort_by_name(&mut subset["ports"]);
                    // A headless Service tells the name of the pod too.
                    for address in subset["addresses"].as_array_mut().into_iter().flatten() {
                        if let Some(address) = address.as_object_mut() {
                            address.remove("hostname");
                        }
                    }
                }
                found == wanted
            })
            .await
            .map(drop)
    }
}

fn sort_by_name(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by(|one, other| text(one, "/name").cmp(text(other, "/name")));
    }
}

/// What the API server adds to every Service with one address family.
fn as_stored(spec: &Value) -> Value {
    let added = json!({
        "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None", "type": "ClusterIP",
    });
    merge::apply(&added, spec)
}

/// A port as it is stored, by the number or the name that pods have for it.
fn port(name: &str, port: i64, protocol: &str, target: &Value) -> Value {
    json!({"name": name, "port": port, "protocol": protocol, "targetPort": target})
}

/// The chart's Service for people, which selects `app`, at a port of every node: as a manifest, and what becomes of it.
fn for_people(name: &str, app: &str, (web, of_nodes): (i64, i64)) -> (Value, Reached) {
    let selector = json!({"app": app, app: name});
    let given = json!({"name": "web", "nodePort": of_nodes, "port": web, "targetPort": web});
    let spec = json!({"type": "NodePort", "selector": selector, "ports": [given]});
    let mut stored = as_stored(&spec);
    stored["externalTrafficPolicy"] = json!("Cluster");
    stored["ports"][0]["protocol"] = json!("TCP");
    let reached = Reached {
        name: name.to_owned(),
        spec: stored,
        pod: format!("{app}-{name}-0"),
        ports: json!([{"name": "web", "port": web, "protocol": "TCP"}]),
    };
    (service(name, &spec), reached)
}

/// The chart's Service by which other programs find the Thanos sidecar.
fn for_thanos() -> (Value, Reached) {
    let name = format!("{FULLNAME}-thanos-discovery");
    let selector = json!({"app": "prometheus", "prometheus": SERVER});
    let given = json!({"name": "grpc", "port": 10901, "targetPort": "grpc"});
    let spec = json!({"clusterIP": "None", "selector": selector, "ports": [given]});
    let mut stored = as_stored(&spec);
    stored["clusterIPs"] = json!(["None"]);
    stored["ports"][0]["protocol"] = json!("TCP");
    let reached = Reached {
        name: name.clone(),
        spec: stored,
        pod: format!("{SET}-0"),
        ports: json!([{"name": "grpc", "port": 10901, "protocol": "TCP"}]),
    };
    (service(&name, &spec), reached)
}

fn service(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

/// The governing Service of the one workload that shares it: labels and owner are as they should be, and what its spec and
/// its addresses should be.
async fn governing(
    cluster: &Cluster,
    (resource, owner): (&ResourceRef, &str),
    program: &str,
    ports: &[Value],
) -> Result<Reached> {
    let name = format!("{program}-operated");
    let found = cluster.get(&SERVICE, &name).await?;
    let uid = cluster.get(resource, owner).await?;
    let labels = json!({
        "managed-by": "prometheus-operator", "app.kubernetes.io/managed-by": "prometheus-operator",
        format!("operated-{program}"): "true",
    });
    let owners = json!([{
        "apiVersion": resource.api_version(), "kind": resource.kind, "name": owner, "uid": meta::uid(&uid),
    }]);
    let metadata = found.get("metadata").unwrap_or(&Value::Null);
    same(
        &format!("the metadata of {name}"),
        &json!([labels, owners, null]),
        &json!([
            metadata["labels"],
            metadata["ownerReferences"],
            metadata["annotations"]
        ]),
    )?;
    let spec = json!({
        "clusterIP": "None", "clusterIPs": ["None"], "ports": ports,
        "selector": {"app.kubernetes.io/name": program},
    });
    let number = |port: &Value| json!({"name": port["name"], "port": port["port"], "protocol": port["protocol"]});
    let mut numbers: Value = ports.iter().map(number).collect();
    sort_by_name(&mut numbers);
    Ok(Reached {
        name,
        spec: as_stored(&spec),
        pod: format!("{program}-{owner}-0"),
        ports: numbers,
    })
}

/// S15: all Services, those of the chart, which select `app`, and those that govern. Their node ports are the manifest's, so that
/// no other scenario asks for these.
pub async fn lead_to_the_pods(cluster: &Cluster) -> Result<()> {
    if !installed(cluster).await? {
        return Ok(());
    }
    until_running(cluster, SET).await?;
    alertmanager_installed(cluster).await?;
    let mut all = Vec::new();
    for (manifest, reached) in [
        for_people(SERVER, "prometheus", (9090, 30008)),
        for_people(MANAGER, "alertmanager", (9093, 30903)),
        for_thanos(),
    ] {
        cluster.apply(&manifest).await?;
        all.push(reached);
    }
    let server = (&PROMETHEUS, SERVER);
    let ports = [
        port("web", 9090, "TCP", &json!("web")),
        port("grpc", 10901, "TCP", &json!("grpc")),
    ];
    all.push(governing(cluster, server, "prometheus", &ports).await?);
    let manager = (&ALERTMANAGER, MANAGER);
    let ports = [
        port("web", 9093, "TCP", &json!("web")),
        port("tcp-mesh", 9094, "TCP", &json!("mesh-tcp")),
        port("udp-mesh", 9094, "UDP", &json!("mesh-udp")),
    ];
    let mut members = governing(cluster, manager, "alertmanager", &ports).await?;
    members.spec["publishNotReadyAddresses"] = json!(true);
    all.push(members);
    for reached in all {
        reached.look(cluster).await?;
    }
    Ok(())
}
