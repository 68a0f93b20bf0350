//! Logs of simulated containers, through the API.

use super::*;
use crate::request::{Reply, Response, User};

fn pod(name: &str, annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": "web:1"}]}})
}

impl Cluster {
    fn log(&mut self, pod: &str, query: &str) -> Reply {
        let path = format!("/api/v1/namespaces/default/pods/{pod}/log?{query}");
        let mut request = crate::conformance::request("GET", &path, b"", None);
        request.user = Some(User::admin("test"));
        self.world.handle(&request, self.now)
    }

    fn log_text(&mut self, pod: &str, query: &str) -> (u16, String) {
        match self.log(pod, query) {
            Reply::Full(Response { status, body, .. }) => {
                (status, String::from_utf8(body.to_vec()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_log_tells_of_stages_and_is_cut_as_asked() {
    let mut cluster = Cluster::new();
    cluster.create(
        &known::PODS,
        pod("p", &json!({"carrick.dev/ready-after": "5s"})),
    );
    let (status, text) = cluster.log_text("p", "");
    assert_eq!((status, text.as_str()), (204, ""));
    cluster.world.poll(cluster.now);
    let (status, text) = cluster.log_text("p", "");
    assert_eq!(status, 400);
    assert!(
        text.contains(
            "container \\\"c\\\" in pod \\\"p\\\" is waiting to start: ContainerCreating"
        ),
        "{text}"
    );
    cluster.run(20);
    let (status, text) = cluster.log_text("p", "");
    assert_eq!((status, text.lines().count()), (200, 2));
    let (_, text) = cluster.log_text("p", "tailLines=1&timestamps=true");
    assert!(
        text.starts_with("2030-01-01T00:00:0") && text.ends_with(".000000000Z carrick: ready\n"),
        "{text}"
    );
    assert_eq!(cluster.log_text("p", "sinceSeconds=1").1, "");
    assert_eq!(cluster.log_text("p", "limitBytes=7").1, "carrick");
    let (status, text) = cluster.log_text("p", "previous=true");
    assert_eq!(status, 400);
    assert!(text.contains("previous terminated container"), "{text}");
    assert_eq!(cluster.log_text("p", "container=x").0, 400);
    let (status, text) = cluster.log_text("p", "tailLines=-1&limitBytes=0");
    assert_eq!(status, 422);
    assert!(text.contains("PodLogOptions \\\"p\\\" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0"), "{text}");
}

#[test]
fn a_log_that_is_followed_grows_and_ends_with_its_container() {
    let mut cluster = Cluster::new();
    let annotations = json!({"carrick.dev/ready-after": "30s"});
    cluster.create(&known::PODS, pod("p", &annotations));
    cluster.run(10);
    let Reply::Log { mut following, .. } = cluster.log("p", "follow=true") else {
        panic!("no stream")
    };
    let mut read = |cluster: &mut Cluster| {
        let poll = cluster.world.api.follow(&mut following, cluster.now);
        let text: Vec<u8> = poll.frames.iter().flat_map(|f| f.to_vec()).collect();
        (String::from_utf8(text).unwrap().lines().count(), poll.ended)
    };
    assert_eq!(read(&mut cluster), (1, false));
    assert_eq!(read(&mut cluster), (0, false));
    cluster.run(30);
    assert_eq!(read(&mut cluster), (1, false));
    cluster.delete(&known::PODS, "p", &DeleteOptions::default());
    assert_eq!(read(&mut cluster), (1, false));
    cluster.run(5);
    assert_eq!(read(&mut cluster), (0, true));
}
