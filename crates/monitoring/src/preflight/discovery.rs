//! Service discoveries (`discovery/*` of Prometheus): what each must have.

use machinery::{fields, labels};

use super::Reader;
use super::client::{CLIENT, check_client, is_custom, refuse};
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, field, nothing, since};
use super::texts::check_http_url;
use super::{catalogue, cloud, shape};

const TEXTS: Shape = Shape::List(&Shape::Text);

/// Kinds of discoveries, as the keys by which a job or an Alertmanager names them.
pub(super) static KINDS: &[Field] = &[
    field("static_configs", Shape::List(&Shape::Struct(&STATIC))),
    field("file_sd_configs", Shape::List(&Shape::Struct(&FILE))),
    field("dns_sd_configs", Shape::List(&Shape::Struct(&DNS))),
    since(
        "http_sd_configs",
        Shape::List(&Shape::Struct(&HTTP)),
        (2, 28, 0),
    ),
    field(
        "kubernetes_sd_configs",
        Shape::List(&Shape::Struct(&KUBERNETES)),
    ),
    field(
        "consul_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::CONSUL)),
    ),
    since(
        "docker_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::DOCKER)),
        (2, 26, 0),
    ),
    since(
        "dockerswarm_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::SWARM)),
        (2, 20, 0),
    ),
    since(
        "eureka_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::EUREKA)),
        (2, 21, 0),
    ),
    since(
        "kuma_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::KUMA)),
        (2, 26, 0),
    ),
    since(
        "nomad_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::NOMAD)),
        (2, 37, 0),
    ),
    since(
        "puppetdb_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::PUPPETDB)),
        (2, 31, 0),
    ),
    field(
        "marathon_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::MARATHON)),
    ),
    field(
        "serverset_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::ZOOKEEPER)),
    ),
    field(
        "nerve_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::ZOOKEEPER)),
    ),
    since(
        "uyuni_sd_configs",
        Shape::List(&Shape::Struct(&catalogue::UYUNI)),
        (2, 28, 0),
    ),
    field(
        "azure_sd_configs",
        Shape::List(&Shape::Struct(&cloud::AZURE)),
    ),
    field("ec2_sd_configs", Shape::List(&Shape::Struct(&cloud::EC2))),
    since(
        "lightsail_sd_configs",
        Shape::List(&Shape::Struct(&cloud::LIGHTSAIL)),
        (2, 27, 0),
    ),
    field("gce_sd_configs", Shape::List(&Shape::Struct(&cloud::GCE))),
    field(
        "openstack_sd_configs",
        Shape::List(&Shape::Struct(&cloud::OPENSTACK)),
    ),
    since(
        "digitalocean_sd_configs",
        Shape::List(&Shape::Struct(&cloud::DIGITAL_OCEAN)),
        (2, 20, 0),
    ),
    since(
        "hetzner_sd_configs",
        Shape::List(&Shape::Struct(&cloud::HETZNER)),
        (2, 21, 0),
    ),
    since(
        "ionos_sd_configs",
        Shape::List(&Shape::Struct(&cloud::IONOS)),
        (2, 36, 0),
    ),
    since(
        "linode_sd_configs",
        Shape::List(&Shape::Struct(&cloud::LINODE)),
        (2, 28, 0),
    ),
    since(
        "ovhcloud_sd_configs",
        Shape::List(&Shape::Struct(&cloud::OVHCLOUD)),
        (2, 40, 0),
    ),
    since(
        "scaleway_sd_configs",
        Shape::List(&Shape::Struct(&cloud::SCALEWAY)),
        (2, 26, 0),
    ),
    since(
        "vultr_sd_configs",
        Shape::List(&Shape::Struct(&cloud::VULTR)),
        (2, 37, 0),
    ),
    field(
        "triton_sd_configs",
        Shape::List(&Shape::Struct(&cloud::TRITON)),
    ),
    // Nobody here writes these; what they hold isn't looked at.
    since("aws_sd_configs", Shape::List(&Shape::Any), (3, 8, 0)),
    since("stackit_sd_configs", Shape::List(&Shape::Any), (3, 5, 0)),
    since("outscale_sd_configs", Shape::List(&Shape::Any), (3, 12, 0)),
    since("oci_sd_configs", Shape::List(&Shape::Any), (3, 14, 0)),
];

static STATIC: Struct = Struct {
    fields: &[&[field("targets", TEXTS), field("labels", Shape::Labels)]],
    check: nothing,
};

static FILE: Struct = Struct {
    fields: &[&[
        field("files", TEXTS),
        field("refresh_interval", Shape::Duration),
    ]],
    check: |of, _| {
        let files = of.list("files");
        if files.is_empty() {
            return refuse("file service discovery config must contain at least one path name");
        }
        for file in files.iter().filter_map(shape::text) {
            let ending = file
                .rsplit_once('.')
                .map(|(before, ending)| (before, ending.to_lowercase()));
            let valid = ending.is_some_and(|(before, ending)| {
                ["json", "yml", "yaml"].contains(&ending.as_str()) && is_glob(before)
            });
            if !valid {
                return refuse(&format!(
                    "path name {file:?} is not valid for file discovery"
                ));
            }
        }
        Ok(())
    },
};

/// Whether a path has no more than one star, in its last part.
pub(super) fn is_glob(path: &str) -> bool {
    match path.split_once('*') {
        Some((_, after)) => !after.contains('/'),
        None => true,
    }
}

static DNS: Struct = Struct {
    fields: &[&[
        field("names", TEXTS),
        field("refresh_interval", Shape::Duration),
        field("type", Shape::Text),
        field("port", Shape::Integer),
    ]],
    check: |of, reader| {
        if of.list("names").is_empty() {
            return refuse("DNS-SD config must contain at least one SRV record name");
        }
        let kind = of.text("type").to_uppercase();
        match kind.as_str() {
            "" if !of.has("type") => Ok(()),
            "MX" if !reader.supports((2, 38, 0)) => refuse("invalid DNS-SD records type MX"),
            "NS" if !reader.supports((2, 49, 0)) => refuse("invalid DNS-SD records type NS"),
            "A" | "AAAA" | "MX" | "NS" if of.number("port").unwrap_or_default() == 0.0 => {
                refuse("a port is required in DNS-SD configs for all record types except SRV")
            }
            "A" | "AAAA" | "MX" | "NS" | "SRV" => Ok(()),
            other => refuse(&format!("invalid DNS-SD records type {other}")),
        }
    },
};

static HTTP: Struct = Struct {
    fields: &[
        &[
            field("url", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        check_server_url(of, "url")?;
        check_client(of, reader)
    },
};

/// A URL that must be there.
pub(super) fn check_server_url(of: Node<'_>, name: &str) -> Result<(), Fault> {
    if !of.filled(name) {
        return refuse("URL is missing");
    }
    check_http_url(&of.text(name)).map_err(|why| Fault::here(why).within(name))
}

const ROLES: Shape = Shape::OneOf(&[
    "node",
    "pod",
    "service",
    "endpoints",
    "endpointslice",
    "ingress",
]);

static NAMESPACES: Struct = Struct {
    fields: &[&[
        since("own_namespace", Shape::Flag, (2, 33, 0)),
        field("names", TEXTS),
    ]],
    check: nothing,
};

static SELECTOR: Struct = Struct {
    fields: &[&[
        field("role", ROLES),
        field("label", Shape::Text),
        field("field", Shape::Text),
    ]],
    check: nothing,
};

static ATTACH: Struct = Struct {
    fields: &[&[
        field("node", Shape::Flag),
        since("namespace", Shape::Flag, (3, 6, 0)),
        since("deployment", Shape::Flag, (3, 11, 0)),
        since("job", Shape::Flag, (3, 11, 0)),
        since("cronjob", Shape::Flag, (3, 11, 0)),
    ]],
    check: nothing,
};

static KUBERNETES: Struct = Struct {
    fields: &[
        &[
            field("api_server", Shape::Url),
            field("role", ROLES),
            since("kubeconfig_file", Shape::Text, (2, 28, 0)),
            field("namespaces", Shape::Struct(&NAMESPACES)),
            since(
                "selectors",
                Shape::List(&Shape::Struct(&SELECTOR)),
                (2, 17, 0),
            ),
            since("attach_metadata", Shape::Struct(&ATTACH), (2, 35, 0)),
        ],
        CLIENT,
    ],
    check: check_kubernetes,
};

fn check_kubernetes(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let role = of.text("role");
    if role.is_empty() {
        return refuse(
            "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)",
        );
    }
    if role == "endpointslice" && !reader.supports((2, 21, 0)) {
        return refuse("unknown Kubernetes SD role \"endpointslice\"");
    }
    check_client(of, reader)?;
    let (server, file) = (of.has("api_server"), of.filled("kubeconfig_file"));
    if server && file {
        return refuse("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
    }
    if file && is_custom(of) {
        return refuse(
            "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
        );
    }
    if !server && is_custom(of) {
        return refuse(
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
        );
    }
    if of.node("namespaces").flag("own_namespace") {
        if server {
            return refuse("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
        }
        if file {
            return refuse(
                "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
            );
        }
    }
    check_selectors(of, &role, reader)
}

fn check_selectors(of: Node<'_>, role: &str, reader: &Reader) -> Result<(), Fault> {
    let allowed: &[&str] = match role {
        // Pods are found by labels of their nodes only lately.
        "pod" if reader.supports((3, 7, 0)) => &["pod", "node"],
        "pod" => &["pod"],
        "service" => &["service"],
        "endpointslice" => &["pod", "service", "endpointslice"],
        "endpoints" => &["pod", "service", "endpoints"],
        "node" => &["node"],
        _ => &["ingress"],
    };
    let mut seen = Vec::new();
    for (index, selector) in of.list("selectors").iter().enumerate() {
        let selector = Node::of(selector);
        let within = |why: String| Fault::here(why).at(index).within("selectors");
        let of_role = selector.text("role").into_owned();
        if seen.contains(&of_role) {
            return Err(within(format!("duplicated selector role: {of_role}")));
        }
        if !allowed.contains(&of_role.as_str()) {
            let allowed = allowed.join(", ");
            return Err(within(format!(
                "{role} role supports only {allowed} selectors"
            )));
        }
        seen.push(of_role);
        fields::Selector::parse(&selector.text("field"))
            .map_err(|error| within(error.to_string()))?;
        labels::Selector::parse(&selector.text("label"))
            .map_err(|error| within(error.to_string()))?;
    }
    Ok(())
}
