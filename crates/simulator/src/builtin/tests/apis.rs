//! Group versions that an `APIService` leaves to a Service.

use super::*;
use crate::conformance::request;
use crate::request::Reply;

impl Cluster {
    /// Status and body of a GET.
    fn read(&mut self, path: &str, accept: Option<&'static str>) -> (u16, String) {
        let mut request = request("GET", path, b"", None);
        if let Some(accept) = accept {
            let accept = http::HeaderValue::from_static(accept);
            request.headers.insert(http::header::ACCEPT, accept);
        }
        let world = &mut self.world;
        match world.api.handle(&request, self.now, &mut world.entropy) {
            Reply::Full(response) => (
                response.status,
                String::from_utf8_lossy(&response.body).into_owned(),
            ),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Status, reason and message of the condition.
    fn availability(&mut self) -> [String; 3] {
        let service = self
            .get(&known::API_SERVICES, "v1.metrics.example")
            .unwrap();
        let condition = object::condition(&service, "Available").unwrap();
        ["/status", "/reason", "/message"].map(|key| text(condition, key).to_owned())
    }
}

#[test]
fn what_a_service_lacks_to_serve_an_api_is_told() {
    let mut cluster = Cluster::new();
    let service = json!({"namespace": "default", "name": "metrics", "port": 443});
    let object = json!({"metadata": {"name": "v1.metrics.example"}, "spec": {"group": "metrics.example", "version": "v1",
        "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true, "service": service}});
    cluster.create(&known::API_SERVICES, object);
    let told = |reason: &str, message: &str| ["False", reason, message].map(str::to_owned);
    cluster.run(1);
    assert_eq!(
        cluster.availability(),
        told(
            "ServiceNotFound",
            "service/metrics in \"default\" is not present"
        )
    );
    let ports = |port: u16| json!([{"name": "https", "port": port}]);
    let service = json!({"metadata": {"name": "metrics", "namespace": "default"}, "spec": {"ports": ports(80), "clusterIP": "None"}});
    cluster.create(&known::SERVICES, service);
    cluster.run(1);
    assert_eq!(
        cluster.availability(),
        told(
            "ServicePortError",
            "service/metrics in \"default\" is not listening on port 443"
        )
    );
    let right = json!({"spec": {"ports": ports(443)}});
    cluster.patch(&known::SERVICES, "metrics", &right).unwrap();
    cluster.run(1);
    assert_eq!(
        cluster.availability(),
        told(
            "EndpointsNotFound",
            "cannot find endpointslices for service/metrics in \"default\""
        )
    );
    let slice = |ready: bool| {
        json!({"metadata": {"name": "metrics-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "metrics"}}, "addressType": "IPv4",
            "ports": [{"name": "https", "port": 443}],
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]})
    };
    cluster.create(&known::ENDPOINT_SLICES, slice(false));
    cluster.run(1);
    assert_eq!(
        cluster.availability(),
        told(
            "MissingEndpoints",
            "endpointslices for service/metrics in \"default\" have no addresses with port name \"https\""
        )
    );
    cluster
        .patch(&known::ENDPOINT_SLICES, "metrics-1", &slice(true))
        .unwrap();
    cluster.run(1);
    let [status, reason, _] = cluster.availability();
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "FailedDiscoveryCheck")
    );
    let local = json!({"spec": {"service": null, "insecureSkipTLSVerify": false}});
    cluster
        .patch(&known::API_SERVICES, "v1.metrics.example", &local)
        .unwrap();
    cluster.run(1);
    let text = "Local APIServices are always available";
    assert_eq!(cluster.availability(), ["True", "Local", text]);
}

#[test]
fn what_somebody_else_should_serve_is_listed_and_unavailable() {
    let mut cluster = Cluster::new();
    let service = json!({"namespace": "default", "name": "metrics"});
    let object = json!({"metadata": {"name": "v1.metrics.example"}, "spec": {"group": "metrics.example", "version": "v1",
        "groupPriorityMinimum": 100, "versionPriority": 100, "service": service}});
    let paths = ["", "/", "/namespaces/default/pods", "/nodes/a"];
    let path = |rest: &str| format!("/apis/metrics.example/v1{rest}");
    for rest in paths {
        assert_eq!(cluster.read(&path(rest), None).0, 404, "{rest}");
    }
    cluster.create(&known::API_SERVICES, object);
    for rest in paths {
        let told = cluster.read(&path(rest), None);
        assert_eq!(told, (503, "service unavailable\n".to_owned()), "{rest}");
    }
    assert_eq!(cluster.read("/apis/metrics.example/v2", None).0, 404);
    let group: Value =
        serde_json::from_str(&cluster.read("/apis/metrics.example", None).1).unwrap();
    let version = json!({"groupVersion": "metrics.example/v1", "version": "v1"});
    assert_eq!(group["versions"], json!([version]));
    let groups: Value = serde_json::from_str(&cluster.read("/apis", None).1).unwrap();
    let last = groups["groups"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["name"], "metrics.example");
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let all: Value = serde_json::from_str(&cluster.read("/apis", Some(accept)).1).unwrap();
    let last = all["items"].as_array().unwrap().last().unwrap().clone();
    let stale = json!([{"version": "v1", "freshness": "Stale"}]);
    assert_eq!(
        last,
        json!({"metadata": {"name": "metrics.example"}, "versions": stale})
    );
    let described: Value = serde_json::from_str(&cluster.read("/openapi/v3", None).1).unwrap();
    assert_eq!(described["paths"].get("apis/metrics.example/v1"), None);
}
