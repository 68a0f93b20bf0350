//! Area `discovery`: what a server says of itself, in every form that clients ask for, and how that follows the
//! definitions that come, change and go.
mod lifecycle;

use anyhow::Result;
use simulator::apiserver::registry::Registry;

use super::area::{Area, Chance};
use super::sequence::{Sequence, Step};

/// Media types of the aggregated documents.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const AGGREGATED_BETA: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// What `Accept` says: nothing, Go's client, kubectl, kube-rs, Python's client, people and programs of other sorts.
const ACCEPTED: [&str; 15] = [
    "",
    "application/json, */*",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer,application/json",
    AGGREGATED,
    AGGREGATED_BETA,
    "application/json",
    "*/*",
    "application/*",
    "application/yaml",
    "application/json;q=0.5,application/yaml",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "text/html",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
];

/// Everything but `OpenAPI`; what is compared byte by byte.
const PATHS: [&str; 24] = [
    "/apis",
    "/apis/",
    "/apis/apps",
    "/apis/apps/",
    "/apis/apps/v1",
    "/apis/autoscaling",
    "/apis/autoscaling/v2",
    "/apis/rbac.authorization.k8s.io/v1/",
    "/apis/flowcontrol.apiserver.k8s.io/v1",
    "/apis/apiextensions.k8s.io",
    "/apis/apiextensions.k8s.io/v1",
    "/apis/apiregistration.k8s.io/v1",
    "/apis/policy/v1",
    "/apis/apps/v2",
    "/apis/nothing.example.com",
    "/apis/nothing.example.com/v1",
    "/api/v1",
    "/api/v1/",
    "/api/v2",
    "//api",
    "/nothing",
    "/openapi",
    "/openapi/v4",
    "/openapi/v3/apis/nothing.example.com/v1",
];
const METHODS: [&str; 7] = ["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "DELETE"];
const HEALTH: [&str; 3] = ["livez", "readyz", "healthz"];
const HEALTH_ENDS: [&str; 16] = [
    "",
    "?verbose",
    "?verbose=1",
    "/ping",
    "/log",
    "/etcd",
    "/etcd?verbose",
    "/nothing",
    "/",
    "?exclude=etcd",
    "?verbose&exclude=etcd",
    "?verbose&exclude=nothing&exclude=ping&exclude=b",
    "/informer-sync",
    "/shutdown",
    "/poststarthook/crd-informer-synced",
    "/autoregister-completion",
];

/// Documents about the API.
pub struct Discovery;

impl Area for Discovery {
    fn name(&self) -> &'static str {
        "discovery"
    }

    fn at_once(&self) -> usize {
        // Documents are large.
        4
    }

    fn alone(&self, sequence: &Sequence) -> bool {
        // Every document tells of every definition.
        lifecycle::is_one(sequence)
    }

    fn sequences(&self, seed: u64) -> Result<Vec<Sequence>> {
        let mut sequences: Vec<Sequence> =
            places().into_iter().map(|place| openapi(&place)).collect();
        for number in 0..40 {
            let mut chance = Chance::of(seed, number);
            sequences.push(match number % 4 {
                0 => lifecycle::sequence(&mut chance, number),
                1 => health(&mut chance),
                _ => forms(&mut chance),
            });
        }
        let mut chance = Chance::of(seed, 99);
        for last in (1..sequences.len()).rev() {
            sequences.swap(last, chance.below(last + 1));
        }
        Ok(sequences)
    }
}

/// Where the built-in documents of version 3 are.
fn places() -> Vec<String> {
    let registry = Registry::builtin();
    let mut places: Vec<String> = registry
        .all()
        .flat_map(|served| {
            let (group, version) = (&served.resource.group, &served.resource.version);
            if group.is_empty() {
                vec![format!("api/{version}")]
            } else {
                vec![format!("apis/{group}"), format!("apis/{group}/{version}")]
            }
        })
        .collect();
    let plain = [
        ".well-known/openid-configuration",
        "api",
        "apis",
        "openid/v1/jwks",
        "version",
    ];
    places.extend(plain.map(str::to_owned));
    places.sort_unstable();
    places.dedup();
    places
}

/// A document of version 3 by its hash, with a wrong one, without, and by who has it already.
fn openapi(place: &str) -> Sequence {
    let path = format!("/openapi/v3/{place}");
    let url = format!(
        "${{0:/paths/{}/serverRelativeURL}}",
        place.replace('/', "~1")
    );
    let tag = "${1:etag}";
    let steps = vec![
        Step::get("/openapi/v3").prepare(),
        Step::get(&url).document(),
        Step::get(&url).header("if-none-match", tag),
        Step::get(format!("{path}?hash=0")),
        Step::get(format!("{path}?hash=")).document(),
        Step::get(&path)
            .header("if-none-match", &format!("\"0\", {tag}"))
            .header("accept", "application/json, */*"),
        Step::get(&path).header("accept", "text/html"),
        Step::get(&path)
            .header("accept-encoding", "gzip")
            .document(),
        Step::new("HEAD", &path),
    ];
    Sequence {
        title: format!("the document {place}"),
        steps,
    }
}

fn health(chance: &mut Chance) -> Sequence {
    let mut steps = Vec::new();
    for _ in 0..12 {
        let method = chance.pick(&METHODS);
        let (name, end) = (chance.pick(&HEALTH), chance.pick(&HEALTH_ENDS));
        let step = Step::new(method, format!("/{name}{end}"));
        steps.push(with_accept(step, chance));
    }
    Sequence {
        title: "how it is".to_owned(),
        steps,
    }
}

fn with_accept(step: Step, chance: &mut Chance) -> Step {
    match chance.pick(&ACCEPTED) {
        "" => step,
        accept => step.header("accept", accept),
    }
}

fn forms(chance: &mut Chance) -> Sequence {
    let mut steps = Vec::new();
    for _ in 0..14 {
        let pretty = chance.pick(&["", "", "", "?pretty=true", "?pretty=0"]);
        let path = chance.pick(&PATHS);
        let step = Step::new(chance.pick(&METHODS), format!("{path}{pretty}"));
        let mut step = with_accept(step, chance);
        if chance.once_in(6) {
            let agent = chance.pick(&["curl/8.5.0", "Mozilla/5.0", "kubectl/v1.36.3"]);
            step = step.header("user-agent", agent);
        }
        if chance.once_in(4) {
            step = step.header("accept-encoding", "gzip");
        }
        steps.push(step);
    }
    // The address of the server is its own.
    let versions = "/api";
    steps.push(with_accept(Step::get(versions), chance).show(&["/kind", "/versions"]));
    let aggregated = |path: &str| Step::get(path).header("accept", AGGREGATED);
    for path in ["/api", "/apis"] {
        let tag = format!("${{{}:etag}}", steps.len());
        steps.push(aggregated(path));
        steps.push(aggregated(path).header("if-none-match", &tag));
        steps.push(aggregated(path).header("if-none-match", &format!("\"0\", {tag}")));
        steps.push(Step::new("HEAD", path).header("accept", AGGREGATED));
    }
    steps.push(Step::get("/version").show(&["/major", "/minor", "/gitVersion", "/goVersion"]));
    steps.push(Step::get("/version").header("accept", "application/yaml"));
    steps.push(Step::new("POST", "/version"));
    steps.push(Step::get("/openapi/v2").header("accept", "text/html"));
    let protobuf = "application/vnd.kubernetes.protobuf";
    for accept in [format!("{protobuf},application/json"), protobuf.to_owned()] {
        steps.push(Step::get("/apis/policy/v1?as=protobuf").header("accept", &accept));
    }
    steps.push(Step::get("/openapi/v3/version?a=part").header("range", "bytes=0-9"));
    Sequence {
        title: "forms of documents".to_owned(),
        steps,
    }
}

#[test]
fn a_seed_gives_the_same_sequences_and_another_one_others() {
    let sequences = Discovery.sequences(7).expect("sequences");
    assert_eq!(sequences, Discovery.sequences(7).expect("sequences"));
    assert_ne!(sequences, Discovery.sequences(8).expect("sequences"));
}
