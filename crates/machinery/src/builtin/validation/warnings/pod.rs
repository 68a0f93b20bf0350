//! Warnings of pods and of their templates (`kubernetes/pkg/api/pod/warnings.go`).

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::{APP_ARMOR, strategy};
use super::super::read::At;
use super::addresses::address;
use super::{claim, fractional, paths};

/// Characters that are sent of all warnings together: so many texts are enough.
const MOST_SENT: usize = 4 * 1024;

const LABELS: &[(&str, &str)] = &[
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "node-role.kubernetes.io/master",
        "use \"node-role.kubernetes.io/control-plane\" instead",
    ),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
];

const ANNOTATIONS: &[(&str, &str)] = &[
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

const VOLUMES: &[(&str, &str)] = &[
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    (
        "gitRepo",
        "deprecated in v1.11, and disabled by default in v1.33+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// What is said of a label that has a successor.
pub(super) fn deprecated(label: &str) -> Option<&'static str> {
    let found = LABELS.iter().find(|(key, _)| *key == label);
    found.map(|(_, message)| *message)
}

/// Warnings of a pod, or of a template with the path it has.
pub(super) fn warnings(pod: &At<'_>, is_template: bool, warnings: &mut Vec<String>) {
    let spec = pod.child("spec");
    let annotations = pod.child("metadata").child("annotations");
    placement(&spec, warnings);
    for (key, message) in ANNOTATIONS {
        let annotation = annotations.key(key);
        if annotation.is_set() {
            warnings.push(format!("{}: {message}", annotation.path()));
        }
    }
    volumes(&spec, warnings);
    paths::warnings(&spec, warnings);
    repeated(&spec, warnings);
    for name in ["memory", "ephemeral-storage"] {
        fractional(&spec.child("overhead").key(name), warnings);
    }
    let seccomp = annotations.key(SECCOMP);
    if seccomp.is_set()
        && !spec
            .child("securityContext")
            .child("seccompProfile")
            .is_set()
    {
        warnings.push(format!(
            "{}: non-functional in v1.27+; use the \"seccompProfile\" field instead",
            seccomp.path()
        ));
    }
    let containers = containers(&spec);
    let profile = spec.child("securityContext").child("appArmorProfile");
    for container in &containers {
        profiles(
            container,
            &annotations,
            is_template.then_some(&profile),
            warnings,
        );
        for which in ["memory", "ephemeral-storage"] {
            for side in ["limits", "requests"] {
                fractional(
                    &container.child("resources").child(side).key(which),
                    warnings,
                );
            }
        }
        variables(container, warnings);
    }
    ports(&containers, warnings);
    port_names(&containers, warnings);
    let grace = spec.child("terminationGracePeriodSeconds");
    if grace.int() < 0 {
        warnings.push(format!(
            "{}: must be >= 0; negative values are invalid and will be treated as 1",
            grace.path()
        ));
    }
    affinity(&spec.child("affinity"), warnings);
    for server in spec.child("dnsConfig").child("nameservers").items() {
        address(&server, warnings);
    }
    for alias in spec.child("hostAliases").items() {
        address(&alias.child("ip"), warnings);
    }
}

fn containers<'a>(spec: &At<'a>) -> Vec<At<'a>> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists
        .iter()
        .flat_map(|list| spec.child(list).items())
        .collect()
}

fn placement(spec: &At<'_>, warnings: &mut Vec<String>) {
    for (label, at) in spec.child("nodeSelector").entries() {
        if let Some(message) = deprecated(label) {
            warnings.push(format!("{}: {message}", at.path()));
        }
    }
    let node = spec.child("affinity").child("nodeAffinity");
    let required = node
        .child("requiredDuringSchedulingIgnoredDuringExecution")
        .child("nodeSelectorTerms");
    let preferred = node.child("preferredDuringSchedulingIgnoredDuringExecution");
    let preferences = preferred
        .items()
        .into_iter()
        .map(|term| term.child("preference"));
    for term in required.items().into_iter().chain(preferences) {
        for expression in term.child("matchExpressions").items() {
            label_key(&expression.child("key"), warnings);
        }
    }
    for constraint in spec.child("topologySpreadConstraints").items() {
        label_key(&constraint.child("topologyKey"), warnings);
        selector(&constraint.child("labelSelector"), warnings);
    }
}

/// Warns of a key that has a successor.
pub(super) fn label_key(key: &At<'_>, warnings: &mut Vec<String>) {
    if let Some(message) = deprecated(key.text()) {
        warnings.push(format!("{}: {} is {message}", key.path(), key.text()));
    }
}

fn selector(at: &At<'_>, warnings: &mut Vec<String>) {
    if !at.is_set() {
        warnings.push(format!("{}: {NULL_SELECTOR}", at.path()));
    }
}

fn volumes(spec: &At<'_>, warnings: &mut Vec<String>) {
    for volume in spec.child("volumes").items() {
        for (name, message) in VOLUMES {
            let source = volume.child(name);
            if source.is_set() {
                let path = if *name == "storageos" {
                    volume.path_of("storageOS")
                } else {
                    source.path().to_owned()
                };
                warnings.push(format!("{path}: {message}"));
            }
        }
        let template = volume.child("ephemeral").child("volumeClaimTemplate");
        if template.is_set() {
            claim(&template.child("spec"), warnings);
        }
    }
}

fn repeated(spec: &At<'_>, warnings: &mut Vec<String>) {
    for (list, key) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
        let mut seen = BTreeSet::new();
        for item in spec.child(list).items() {
            let at = item.child(key);
            if !seen.insert(at.text()) {
                warnings.push(format!("{}: duplicate {key} {:?}", at.path(), at.text()));
            }
        }
    }
    for secret in spec.child("imagePullSecrets").items() {
        let name = secret.child("name");
        if name.is_empty() {
            warnings.push(format!("{}: invalid empty name \"\"", name.path()));
        }
    }
}

/// Warns of annotations in place of fields. Those of `AppArmor` count in templates, where they say something else than the
/// pod's own profile; of pods themselves they are told when they are carried over.
fn profiles(
    container: &At<'_>,
    annotations: &At<'_>,
    armour: Option<&At<'_>>,
    warnings: &mut Vec<String>,
) {
    let (name, context) = (container.child("name"), container.child("securityContext"));
    let own = annotations.key(&format!("{APP_ARMOR}{}", name.text()));
    let armour = armour.is_some_and(|profile| {
        !profile.is_set()
            || strategy::app_armor_profile(own.text()).as_ref() != Some(profile.value())
    });
    let kinds = [
        (
            true,
            SECCOMP_CONTAINER,
            "seccompProfile",
            "non-functional in v1.27+",
        ),
        (
            armour,
            APP_ARMOR,
            "appArmorProfile",
            "deprecated since v1.30",
        ),
    ];
    for (counts, prefix, field, message) in kinds {
        let annotation = annotations.key(&format!("{prefix}{}", name.text()));
        if counts && annotation.is_set() && !context.child(field).is_set() {
            warnings.push(format!(
                "{}: {message}; use the {field:?} field instead",
                annotation.path()
            ));
        }
    }
}

/// Variables that are set twice, unless the second builds on the first.
fn variables(container: &At<'_>, warnings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for variable in container.child("env").items() {
        let name = variable.child("name").text();
        if seen.insert(name) {
            continue;
        }
        let reference = format!("$({name})");
        let value = variable.child("value").text();
        if variable.child("valueFrom").is_set() || value == reference || !value.contains(&reference)
        {
            warnings.push(format!(
                "{}: hides previous definition of {name:?}, which may be dropped when using apply",
                variable.path()
            ));
        }
    }
}

fn ports(containers: &[At<'_>], warnings: &mut Vec<String>) {
    let before = warnings.len();
    let mut seen: BTreeMap<String, Definitions<'_>> = BTreeMap::new();
    for port in containers
        .iter()
        .flat_map(|container| container.child("ports").items())
    {
        let host = |port: &At<'_>| {
            (
                port.child("hostIP").text().to_owned(),
                port.child("hostPort").int(),
            )
        };
        let (ip, number) = host(&port);
        let protocol = port.child("protocol").text();
        if !ip.is_empty() && number == 0 {
            warnings.push(format!(
                "{}: hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{protocol} HostIP:{ip}}}",
                port.path(),
                port.child("name").text(),
                port.child("containerPort").int(),
            ));
        }
        let key = format!("{}/{protocol}", port.child("containerPort").int());
        let others = seen.entry(key).or_default();
        for other in others.near(&ip, number) {
            let (other_ip, other_number) = host(other);
            let what = if ip == other_ip && number == other_number {
                "duplicate"
            } else if number == 0 || other_number == 0 {
                "overlapping"
            } else if number == other_number && ip.is_empty() != other_ip.is_empty() {
                "dangerously ambiguous"
            } else {
                continue;
            };
            warnings.push(format!(
                "{}: {what} port definition with {}",
                port.path(),
                other.path()
            ));
            if warnings.len() - before > MOST_SENT {
                return;
            }
        }
        others.put(port, (number, ip));
    }
}

/// Definitions of one port, in order, and those that have a host port with an address by both.
#[derive(Default)]
struct Definitions<'a> {
    all: Vec<At<'a>>,
    by_host: BTreeMap<(i64, String), Vec<usize>>,
}

impl<'a> Definitions<'a> {
    fn put(&mut self, port: At<'a>, host: (i64, String)) {
        self.by_host.entry(host).or_default().push(self.all.len());
        self.all.push(port);
    }

    /// Those that a definition may meet: all on no host port or without one itself, on its port those of its address and of
    /// all addresses, or whatever they have.
    fn near(&self, ip: &str, number: i64) -> Vec<&At<'a>> {
        if number == 0 {
            return self.all.iter().collect();
        }
        let on = |number: i64| {
            let from = self.by_host.range((number, String::new())..);
            let on = from.take_while(move |((other, _), _)| *other == number);
            on.flat_map(|(_, places)| places)
        };
        let mut places: Vec<usize> = on(0).copied().collect();
        if ip.is_empty() {
            places.extend(on(number));
        } else {
            for ip in ["", ip] {
                let same = self.by_host.get(&(number, ip.to_owned()));
                places.extend(same.into_iter().flatten());
            }
        }
        places.sort_unstable();
        places.iter().filter_map(|at| self.all.get(*at)).collect()
    }
}

fn port_names(containers: &[At<'_>], warnings: &mut Vec<String>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for port in containers
        .iter()
        .flat_map(|container| container.child("ports").items())
    {
        let name = port.child("name").text();
        if name.is_empty() {
            continue;
        }
        if let Some(other) = seen.get(name) {
            warnings.push(format!(
                "{}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}",
                port.path()
            ));
        } else {
            seen.insert(name.to_owned(), port.path().to_owned());
        }
    }
}

fn affinity(affinity: &At<'_>, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let kind = affinity.child(kind);
        for term in kind
            .child("requiredDuringSchedulingIgnoredDuringExecution")
            .items()
        {
            selector(&term.child("labelSelector"), warnings);
        }
        for term in kind
            .child("preferredDuringSchedulingIgnoredDuringExecution")
            .items()
        {
            selector(
                &term.child("podAffinityTerm").child("labelSelector"),
                warnings,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(ports: &[Value]) -> Vec<String> {
        let container = json!({"ports": ports});
        let mut warnings = Vec::new();
        super::ports(&[At::new("c", &container)], &mut warnings);
        warnings
    }

    /// What the definitions before it are to one, each of them looked at.
    fn met(index: usize, hosts: &[(&str, i64)]) -> Vec<String> {
        let (ip, number) = hosts[index];
        let before = hosts.iter().take(index).enumerate();
        before
            .filter_map(|(at, (other_ip, other))| {
                let what = if (ip, number) == (*other_ip, *other) {
                    "duplicate"
                } else if number == 0 || *other == 0 {
                    "overlapping"
                } else if number == *other && ip.is_empty() != other_ip.is_empty() {
                    "dangerously ambiguous"
                } else {
                    return None;
                };
                Some(format!(
                    "c.ports[{index}]: {what} port definition with c.ports[{at}]"
                ))
            })
            .collect()
    }

    #[test]
    fn a_port_meets_those_before_it_on_its_host_port() {
        let kinds = ["", "a", "b"].map(|ip| [0, 1, 2].map(|number| (ip, number)));
        let kinds: Vec<(&str, i64)> = kinds.into_iter().flatten().collect();
        for number in 0..kinds.len().pow(3) {
            let digits = [1, 9, 81].map(|power| number / power % 9);
            let hosts = digits.map(|digit| kinds[digit]);
            let ports =
                hosts.map(|(ip, host)| json!({"containerPort": 1, "hostIP": ip, "hostPort": host}));
            let mut warnings = told(&ports);
            warnings.retain(|text| text.contains(" port definition "));
            let expected: Vec<String> = (0..3).flat_map(|index| met(index, &hosts)).collect();
            assert_eq!(warnings, expected, "{hosts:?}");
        }
    }

    #[test]
    fn no_more_is_told_of_ports_than_is_sent() {
        let same = vec![json!({"containerPort": 1}); 70_000];
        assert_eq!(told(&same).len(), MOST_SENT + 1);
        let apart: Vec<Value> = (1..60_000)
            .map(|host| json!({"containerPort": 1, "hostPort": host}))
            .collect();
        assert_eq!(told(&apart), Vec::<String>::new());
    }
}
