//! Service discoveries of clouds (`discovery/*` of Prometheus): what each must have.

use super::Reader;
use super::catalogue::FILTER;
use super::client::{CLIENT, TLS, check_client, refuse};
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, field, nothing, since};

fn require(of: Node<'_>, names: &[&str]) -> Result<(), Fault> {
    match names.iter().find(|name| !of.filled(name)) {
        Some(name) => refuse(&format!("{name} can't be empty")),
        None => Ok(()),
    }
}

/// Port and interval of almost all.
static COMMON: &[Field] = &[
    field("refresh_interval", Shape::Duration),
    field("port", Shape::Integer),
];

pub(super) static AZURE: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("environment", Shape::Text),
            field("subscription_id", Shape::Text),
            field("tenant_id", Shape::Text),
            field("client_id", Shape::Text),
            field("client_secret", Shape::Text),
            field("authentication_method", Shape::Text),
            since("resource_group", Shape::Text, (2, 35, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        require(of, &["subscription_id"])?;
        let method = of.text("authentication_method");
        match method.as_ref() {
            "SDK" if reader.supports((2, 52, 0)) => {}
            "WorkloadIdentity" if reader.supports((3, 11, 0)) => {}
            "ManagedIdentity" => {}
            "OAuth" => require(of, &["tenant_id", "client_id", "client_secret"])?,
            "" if !of.has("authentication_method") => {
                require(of, &["tenant_id", "client_id", "client_secret"])?;
            }
            other => return refuse(&format!("unknown authentication_type {other:?}")),
        }
        check_client(of, reader)
    },
};

static AMAZON: &[Field] = &[
    since("endpoint", Shape::Text, (0, 0, 0)),
    field("region", Shape::Text),
    field("access_key", Shape::Text),
    field("secret_key", Shape::Text),
    field("profile", Shape::Text),
    field("role_arn", Shape::Text),
    since("external_id", Shape::Text, (3, 11, 0)),
];

pub(super) static EC2: Struct = Struct {
    fields: &[
        COMMON,
        AMAZON,
        &[field("filters", Shape::List(&Shape::Struct(&FILTER)))],
        CLIENT,
    ],
    check: |of, reader| {
        for (index, filter) in of.list("filters").iter().enumerate() {
            if Node::of(filter).list("values").is_empty() {
                let why = "EC2 SD configuration filter values cannot be empty".to_owned();
                return Err(Fault::here(why).at(index).within("filters"));
            }
        }
        check_client(of, reader)
    },
};

pub(super) static LIGHTSAIL: Struct = Struct {
    fields: &[COMMON, AMAZON, CLIENT],
    check: check_client,
};

pub(super) static GCE: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("project", Shape::Text),
            field("zone", Shape::Text),
            field("filter", Shape::Text),
            field("tag_separator", Shape::Text),
        ],
    ],
    check: |of, _| require(of, &["project", "zone"]),
};

pub(super) static OPENSTACK: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("identity_endpoint", Shape::Text),
            field("username", Shape::Text),
            field("userid", Shape::Text),
            field("password", Shape::Text),
            field("project_name", Shape::Text),
            field("project_id", Shape::Text),
            field("domain_name", Shape::Text),
            field("domain_id", Shape::Text),
            field("application_credential_name", Shape::Text),
            field("application_credential_id", Shape::Text),
            field("application_credential_secret", Shape::Text),
            field(
                "role",
                Shape::OneOf(&["instance", "hypervisor", "loadbalancer"]),
            ),
            field("region", Shape::Text),
            field("all_tenants", Shape::Flag),
            field("tls_config", Shape::Struct(&TLS)),
            field(
                "availability",
                Shape::OneOf(&["public", "internal", "admin"]),
            ),
        ],
    ],
    check: |of, reader| {
        require(of, &["role", "region"])?;
        if of.text("role") == "loadbalancer" && !reader.supports((3, 2, 0)) {
            return refuse("unknown OpenStack SD role \"loadbalancer\"");
        }
        Ok(())
    },
};

pub(super) static DIGITAL_OCEAN: Struct = Struct {
    fields: &[
        COMMON,
        &[since(
            "role",
            Shape::OneOf(&["droplets", "databases"]),
            (3, 12, 0),
        )],
        CLIENT,
    ],
    check: check_client,
};

pub(super) static HETZNER: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("role", Shape::OneOf(&["robot", "hcloud"])),
            since("label_selector", Shape::Text, (3, 5, 0)),
        ],
        CLIENT,
    ],
    check: |of, reader| {
        if !of.filled("role") {
            return refuse("role missing (one of: robot, hcloud)");
        }
        check_client(of, reader)
    },
};

pub(super) static IONOS: Struct = Struct {
    fields: &[COMMON, &[field("datacenter_id", Shape::Text)], CLIENT],
    check: |of, reader| {
        require(of, &["datacenter_id"])?;
        check_client(of, reader)
    },
};

pub(super) static LINODE: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("tag_separator", Shape::Text),
            since("region", Shape::Text, (2, 52, 0)),
        ],
        CLIENT,
    ],
    check: check_client,
};

pub(super) static OVHCLOUD: Struct = Struct {
    fields: &[&[
        field("endpoint", Shape::Text),
        field("application_key", Shape::Text),
        field("application_secret", Shape::Text),
        field("consumer_key", Shape::Text),
        field("refresh_interval", Shape::Duration),
        field("service", Shape::OneOf(&["dedicated_server", "vps"])),
    ]],
    check: |of, _| {
        // The endpoint has a default.
        if of.has("endpoint") {
            require(of, &["endpoint"])?;
        }
        require(
            of,
            &[
                "application_key",
                "application_secret",
                "consumer_key",
                "service",
            ],
        )
    },
};

pub(super) static SCALEWAY: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("project_id", Shape::Text),
            field("api_url", Shape::Text),
            field("zone", Shape::Text),
            field("access_key", Shape::Text),
            field("secret_key", Shape::Text),
            since("secret_key_file", Shape::Text, (2, 27, 0)),
            field("name_filter", Shape::Text),
            field("tags_filter", Shape::List(&Shape::Text)),
            field("role", Shape::OneOf(&["instance", "baremetal"])),
        ],
        CLIENT,
    ],
    check: check_scaleway,
};

/// Its keys are looked at by Scaleway's own library already when the configuration is read.
fn check_scaleway(of: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !of.filled("role") {
        return refuse("role missing (one of: instance, baremetal)");
    }
    require(of, &["project_id"])?;
    if of.count(&["secret_key", "secret_key_file"]) != 1 {
        return refuse("exactly one of secret_key & secret_key_file must be configured");
    }
    let key = of.text("access_key");
    let rest = key.strip_prefix("SCW").unwrap_or_default();
    let valid = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if rest.len() != 17 || !rest.chars().all(valid) {
        return Err(
            Fault::here("is none of Scaleway's, SCW and 17 letters".to_owned())
                .within("access_key"),
        );
    }
    if of.filled("secret_key") {
        uuid(of, "secret_key")?;
    }
    check_client(of, reader)
}

pub(super) static VULTR: Struct = Struct {
    fields: &[COMMON, CLIENT],
    check: check_client,
};

pub(super) static TRITON: Struct = Struct {
    fields: &[
        COMMON,
        &[
            field("account", Shape::Text),
            field("role", Shape::OneOf(&["container", "cn"])),
            field("dns_suffix", Shape::Text),
            field("endpoint", Shape::Text),
            field("groups", Shape::List(&Shape::Text)),
            field("tls_config", Shape::Struct(&TLS)),
            field("version", Shape::Integer),
        ],
    ],
    check: |of, _| require(of, &["account", "dns_suffix", "endpoint"]),
};

/// `sigv4`.
pub(super) static SIGV4: Struct = Struct {
    fields: &[&[
        field("region", Shape::Text),
        field("access_key", Shape::Text),
        field("secret_key", Shape::Text),
        field("profile", Shape::Text),
        field("role_arn", Shape::Text),
        since("external_id", Shape::Text, (3, 11, 0)),
        since("use_fips_sts_endpoint", Shape::Flag, (2, 54, 0)),
        since("service_name", Shape::Text, (3, 9, 0)),
    ]],
    check: |of, _| {
        if of.filled("access_key") != of.filled("secret_key") {
            return refuse(
                "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config",
            );
        }
        Ok(())
    },
};

/// `azuread`.
pub(super) static AZURE_AD: Struct = Struct {
    fields: &[&[
        field("managed_identity", Shape::Struct(&MANAGED)),
        since("workload_identity", Shape::Struct(&WORKLOAD), (3, 7, 0)),
        since("oauth", Shape::Struct(&OAUTH), (2, 48, 0)),
        since("sdk", Shape::Struct(&SDK), (2, 52, 0)),
        since("certificate", Shape::Map(&Shape::Any), (3, 13, 0)),
        field(
            "cloud",
            Shape::OneOf(&["", "AzureChina", "AzureGovernment", "AzurePublic"]),
        ),
        since("scope", Shape::Text, (3, 9, 0)),
    ]],
    check: |of, _| {
        let ways = [
            "managed_identity",
            "workload_identity",
            "oauth",
            "sdk",
            "certificate",
        ];
        match ways.iter().filter(|way| of.has(way)).count() {
            0 => refuse(
                "must provide one way to authenticate, as managed_identity, in the Azure AD config",
            ),
            1 => Ok(()),
            _ => refuse("cannot provide multiple authentication methods in the Azure AD config"),
        }
    },
};

static MANAGED: Struct = Struct {
    fields: &[&[field("client_id", Shape::Text)]],
    check: |of, reader| {
        if !of.filled("client_id") && reader.supports((3, 5, 0)) {
            return Ok(());
        }
        uuid(of, "client_id")
    },
};

static WORKLOAD: Struct = Struct {
    fields: &[&[
        field("client_id", Shape::Text),
        field("tenant_id", Shape::Text),
        field("token_file_path", Shape::Text),
    ]],
    check: |of, _| {
        uuid(of, "client_id")?;
        uuid(of, "tenant_id")
    },
};

static OAUTH: Struct = Struct {
    fields: &[&[
        field("client_id", Shape::Text),
        field("client_secret", Shape::Text),
        field("tenant_id", Shape::Text),
    ]],
    check: |of, _| {
        require(of, &["client_id", "client_secret", "tenant_id"])?;
        uuid(of, "client_id")
    },
};

static SDK: Struct = Struct {
    fields: &[&[field("tenant_id", Shape::Text)]],
    check: nothing,
};

fn uuid(of: Node<'_>, name: &str) -> Result<(), Fault> {
    if is_uuid(&of.text(name)) {
        Ok(())
    } else {
        Err(Fault::here("is no UUID".to_owned()).within(name))
    }
}

/// As `google/uuid` reads one: 32 hexadecimal digits, in groups, in braces, or after `urn:uuid:`.
pub(crate) fn is_uuid(text: &str) -> bool {
    let bare = text
        .strip_prefix("urn:uuid:")
        .or_else(|| {
            text.strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
        })
        .unwrap_or(text);
    let lengths: Vec<usize> = bare.split('-').map(str::len).collect();
    let grouped = lengths == [8, 4, 4, 4, 12] || (lengths == [32] && bare == text);
    grouped && bare.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}
