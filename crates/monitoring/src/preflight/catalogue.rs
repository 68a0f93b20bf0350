//! Service discoveries of catalogues and of containers (`discovery/*` of Prometheus): what each must have.

use machinery::yaml::Ordered;

use super::Reader;
use super::client::{CLIENT, check_client, refuse};
use super::discovery::check_server_url;
use super::fault::Fault;
use super::shape::{self, Field, Node, Shape, Struct, between, field, nothing, since};
use super::texts::parse_url;

const TEXTS: Shape = Shape::List(&Shape::Text);

pub(super) static CONSUL: Struct = Struct {
    fields: &[
        &[
            field("server", Shape::Text),
            since("path_prefix", Shape::Text, (2, 45, 0)),
            field("token", Shape::Text),
            field("datacenter", Shape::Text),
            since("namespace", Shape::Text, (2, 28, 0)),
            since("partition", Shape::Text, (2, 40, 0)),
            field("tag_separator", Shape::Text),
            field("scheme", Shape::Text),
            field("username", Shape::Text),
            field("password", Shape::Text),
            field("allow_stale", Shape::Flag),
            field("refresh_interval", Shape::Duration),
            field("services", TEXTS),
            field("tags", TEXTS),
            field("node_meta", Shape::Map(&Shape::Text)),
            since("filter", Shape::Text, (3, 0, 0)),
            since("health_filter", Shape::Text, (3, 11, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        // It has a default.
        if of.has("server") && of.text("server").trim().is_empty() {
            return refuse("consul SD configuration requires a server address");
        }
        if of.count(&["username", "password"]) > 0 && of.has("basic_auth") {
            return refuse(
                "at most one of consul SD configuration username and password and basic auth can be configured",
            );
        }
        if of.filled("token") && (of.has("authorization") || of.has("oauth2")) {
            return refuse(
                "at most one of consul SD token, authorization, or oauth2 can be configured",
            );
        }
        check_client(of, reader)
    },
};

/// A filter of instances or containers.
pub(super) static FILTER: Struct = Struct {
    fields: &[&[field("name", Shape::Text), field("values", TEXTS)]],
    check: nothing,
};

static DOCKER_FIELDS: &[Field] = &[
    field("host", Shape::Text),
    field("port", Shape::Integer),
    field("filters", Shape::List(&Shape::Struct(&FILTER))),
    field("refresh_interval", Shape::Duration),
];

pub(super) static DOCKER: Struct = Struct {
    fields: &[
        DOCKER_FIELDS,
        &[
            since("host_networking_host", Shape::Text, (2, 27, 0)),
            since("match_first_network", Shape::Flag, (2, 54, 0)),
        ],
        CLIENT,
    ],
    check: check_docker,
};

fn check_docker(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !of.filled("host") {
        return refuse("host missing");
    }
    parse_url(&of.text("host")).map_err(|why| Fault::here(why).within("host"))?;
    check_client(of, reader)
}

pub(super) static SWARM: Struct = Struct {
    fields: &[DOCKER_FIELDS, &[field("role", Shape::Text)], CLIENT],
    check: |of, reader| {
        check_docker(of, reader)?;
        match of.text("role").as_ref() {
            "services" | "nodes" | "tasks" => Ok(()),
            "" => refuse("role missing (one of: tasks, services, nodes)"),
            other => refuse(&format!(
                "invalid role {other}, expected tasks, services, or nodes"
            )),
        }
    },
};

pub(super) static EUREKA: Struct = Struct {
    fields: &[
        &[
            field("server", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        CLIENT,
    ],
    check: check_server,
};

pub(super) static KUMA: Struct = Struct {
    fields: &[
        &[
            field("server", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("fetch_timeout", Shape::Duration),
            since("client_id", Shape::Text, (2, 50, 0)),
        ],
        CLIENT,
    ],
    check: check_server,
};

fn check_server(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let within = |why: String| Fault::here(why).within("server");
    let server = of.text("server");
    let url = parse_url(&server).map_err(within)?;
    if url.scheme.is_empty() || url.host.is_empty() {
        let why = "must have a scheme and a host".to_owned();
        return Err(within(why));
    }
    check_client(of, reader)
}

pub(super) static NOMAD: Struct = Struct {
    fields: &[
        &[
            field("allow_stale", Shape::Flag),
            field("namespace", Shape::Text),
            field("refresh_interval", Shape::Duration),
            field("region", Shape::Text),
            field("server", Shape::Text),
            field("tag_separator", Shape::Text),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        if of.has("server") && of.text("server").trim().is_empty() {
            return refuse("nomad SD configuration requires a server address");
        }
        check_client(of, reader)
    },
};

pub(super) static PUPPETDB: Struct = Struct {
    fields: &[
        &[
            field("url", Shape::Text),
            field("query", Shape::Text),
            field("include_parameters", Shape::Flag),
            field("port", Shape::Integer),
            field("refresh_interval", Shape::Duration),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        check_server_url(of, "url")?;
        if !of.filled("query") {
            return refuse("query missing");
        }
        check_client(of, reader)
    },
};

pub(super) static MARATHON: Struct = Struct {
    fields: &[
        &[
            field("servers", TEXTS),
            field("refresh_interval", Shape::Duration),
            field("auth_token", Shape::Text),
            field("auth_token_file", Shape::Text),
            between("timeout", Shape::Duration, (0, 0, 0), (2, 3, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        if of.list("servers").is_empty() {
            return refuse("marathon_sd: must contain at least one Marathon server");
        }
        let tokens = of.count(&["auth_token", "auth_token_file"]);
        let other = of.has("basic_auth")
            || of.has("authorization")
            || of.count(&["bearer_token", "bearer_token_file"]) > 0;
        if tokens > 1 || (tokens == 1 && other) {
            return refuse("marathon_sd: at most one way to authenticate must be configured");
        }
        check_client(of, reader)
    },
};

pub(super) static ZOOKEEPER: Struct = Struct {
    fields: &[&[
        field("servers", TEXTS),
        field("paths", TEXTS),
        field("timeout", Shape::Duration),
    ]],
    check: |of, _| {
        if of.list("servers").is_empty() {
            return refuse("must contain at least one Zookeeper server");
        }
        let paths = of.list("paths");
        if paths.is_empty() {
            return refuse("must contain at least one path");
        }
        let relative =
            |path: &Ordered| !shape::text(path).is_some_and(|path| path.starts_with('/'));
        match paths.iter().find(|path| relative(path)) {
            Some(_) => refuse("paths must begin with '/'"),
            None => Ok(()),
        }
    },
};

pub(super) static UYUNI: Struct = Struct {
    fields: &[
        &[
            field("server", Shape::Text),
            field("username", Shape::Text),
            field("password", Shape::Text),
            field("entitlement", Shape::Text),
            field("separator", Shape::Text),
            field("refresh_interval", Shape::Duration),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        for name in ["server", "username", "password"] {
            if !of.filled(name) {
                return refuse(&format!("Uyuni SD configuration requires a {name}"));
            }
        }
        parse_url(&of.text("server")).map_err(|why| Fault::here(why).within("server"))?;
        check_client(of, reader)
    },
};
