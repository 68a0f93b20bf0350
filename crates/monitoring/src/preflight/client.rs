//! HTTP clients: the fields that every client has, and what must hold among them (`prometheus/common`, `config/http_config.go`).

use super::Reader;
use super::fault::Fault;
use super::shape::{Field, Node, Shape, Struct, field, nothing, since};
use crate::config::headers::reserved;

const VERSIONS: Shape = Shape::OneOf(&["TLS10", "TLS11", "TLS12", "TLS13"]);

/// `tls_config`.
pub(super) static TLS: Struct = Struct {
    fields: &[&[
        since("ca", Shape::Text, (2, 45, 0)),
        since("cert", Shape::Text, (2, 45, 0)),
        since("key", Shape::Text, (2, 45, 0)),
        field("ca_file", Shape::Text),
        field("cert_file", Shape::Text),
        field("key_file", Shape::Text),
        since("ca_ref", Shape::Text, (2, 54, 0)),
        since("cert_ref", Shape::Text, (2, 54, 0)),
        since("key_ref", Shape::Text, (2, 54, 0)),
        field("server_name", Shape::Text),
        field("insecure_skip_verify", Shape::Flag),
        since("min_version", VERSIONS, (2, 35, 0)),
        since("max_version", VERSIONS, (2, 41, 0)),
    ]],
    check: check_tls,
};

/// Fields about proxies; those beside the URL came later.
const PROXY_URL: Field = field("proxy_url", Shape::Url);
const NO_PROXY: Field = since("no_proxy", Shape::Text, (2, 43, 0));
const PROXY_FROM_ENVIRONMENT: Field = since("proxy_from_environment", Shape::Flag, (2, 43, 0));
const PROXY_CONNECT_HEADER: Field = since(
    "proxy_connect_header",
    Shape::Map(&Shape::List(&Shape::Text)),
    (2, 42, 0),
);

static PROXY: &[Field] = &[
    PROXY_URL,
    NO_PROXY,
    PROXY_FROM_ENVIRONMENT,
    PROXY_CONNECT_HEADER,
];

static BASIC: Struct = Struct {
    fields: &[&[
        field("username", Shape::Text),
        since("username_file", Shape::Text, (2, 49, 0)),
        since("username_ref", Shape::Text, (2, 54, 0)),
        field("password", Shape::Text),
        field("password_file", Shape::Text),
        since("password_ref", Shape::Text, (2, 54, 0)),
    ]],
    check: |basic, _| {
        most_one(basic, &["username", "username_file", "username_ref"])?;
        most_one(basic, &["password", "password_file", "password_ref"])
    },
};

static AUTHORIZATION: Struct = Struct {
    fields: &[&[
        field("type", Shape::Text),
        field("credentials", Shape::Text),
        field("credentials_file", Shape::Text),
        since("credentials_ref", Shape::Text, (2, 54, 0)),
    ]],
    check: |of, _| {
        most_one(of, &["credentials", "credentials_file", "credentials_ref"])?;
        if of.text("type").trim().eq_ignore_ascii_case("basic") {
            let why = "cannot be set to \"basic\", use \"basic_auth\" instead".to_owned();
            return Err(Fault::here(why).within("type"));
        }
        Ok(())
    },
};

static OAUTH2: Struct = Struct {
    fields: &[
        &[
            field("client_id", Shape::Text),
            field("client_secret", Shape::Text),
            field("client_secret_file", Shape::Text),
            since("client_secret_ref", Shape::Text, (2, 54, 0)),
            since("client_certificate_key_id", Shape::Text, (3, 8, 0)),
            since("client_certificate_key", Shape::Text, (3, 8, 0)),
            since("client_certificate_key_file", Shape::Text, (3, 8, 0)),
            since("client_certificate_key_ref", Shape::Text, (3, 8, 0)),
            since("grant_type", Shape::Text, (3, 8, 0)),
            since("signature_algorithm", Shape::Text, (3, 8, 0)),
            since("iss", Shape::Text, (3, 8, 0)),
            since("audience", Shape::Text, (3, 8, 0)),
            since("claims", Shape::Map(&Shape::Any), (3, 8, 0)),
            field("scopes", Shape::List(&Shape::Text)),
            field("token_url", Shape::Text),
            field("endpoint_params", Shape::Map(&Shape::Text)),
            since("tls_config", Shape::Struct(&TLS), (2, 30, 0)),
        ],
        PROXY,
    ],
    check: check_oauth2,
};

static HEADER: Struct = Struct {
    fields: &[&[
        field("values", Shape::List(&Shape::Text)),
        field("secrets", Shape::List(&Shape::Text)),
        field("files", Shape::List(&Shape::Text)),
    ]],
    check: nothing,
};

/// Headers of requests.
pub(super) const HEADERS: Shape = Shape::Map(&Shape::Struct(&HEADER));

/// The fields of a client, which stand among those of what has one.
pub(super) static CLIENT: &[Field] = &[
    field("basic_auth", Shape::Struct(&BASIC)),
    since("authorization", Shape::Struct(&AUTHORIZATION), (2, 26, 0)),
    since("oauth2", Shape::Struct(&OAUTH2), (2, 27, 0)),
    field("bearer_token", Shape::Text),
    field("bearer_token_file", Shape::Text),
    field("tls_config", Shape::Struct(&TLS)),
    since("follow_redirects", Shape::Flag, (2, 26, 0)),
    since("enable_http2", Shape::Flag, (2, 35, 0)),
    PROXY_URL,
    NO_PROXY,
    PROXY_FROM_ENVIRONMENT,
    PROXY_CONNECT_HEADER,
    since("http_headers", HEADERS, (2, 54, 0)),
];

/// At most one of these may be filled.
pub(super) fn most_one(node: Node<'_>, names: &[&str]) -> Result<(), Fault> {
    if node.count(names) > 1 {
        return refuse(&format!(
            "at most one of {} must be configured",
            names.join(", ")
        ));
    }
    Ok(())
}

/// Refuses.
pub(super) fn refuse<T>(why: &str) -> Result<T, Fault> {
    Err(Fault::here(why.to_owned()))
}

fn check_tls(tls: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    // Before, a certificate without a key was found out only when it was used.
    if !reader.supports((2, 45, 0)) {
        return Ok(());
    }
    let (cert, key) = (
        ["cert", "cert_file", "cert_ref"],
        ["key", "key_file", "key_ref"],
    );
    most_one(tls, &["ca", "ca_file", "ca_ref"])?;
    most_one(tls, &cert)?;
    most_one(tls, &key)?;
    match (tls.count(&cert), tls.count(&key)) {
        (1, 0) => refuse(
            "exactly one of key or key_file must be configured when a client certificate is configured",
        ),
        (0, 1) => refuse(
            "exactly one of cert or cert_file must be configured when a client key is configured",
        ),
        _ => Ok(()),
    }
}

fn check_oauth2(oauth2: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    check_proxy(oauth2, reader)?;
    for name in ["client_id", "token_url"] {
        if !oauth2.filled(name) {
            return refuse(&format!("{name} must be configured"));
        }
    }
    if oauth2.text("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        let algorithm = oauth2.text("signature_algorithm");
        if !["", "RS256", "RS384", "RS512"].contains(&algorithm.as_ref()) {
            return refuse("valid signature algorithms are RS256, RS384 and RS512");
        }
        let keys = [
            "client_certificate_key",
            "client_certificate_key_file",
            "client_certificate_key_ref",
        ];
        return most_one(oauth2, &keys);
    }
    let secrets = ["client_secret", "client_secret_file", "client_secret_ref"];
    // A secret may be left out since common 0.60; before, it had to be there.
    most_one(oauth2, &secrets)?;
    if !reader.supports((2, 54, 0)) && oauth2.count(&secrets) == 0 {
        return refuse("either client_secret or client_secret_file must be configured");
    }
    Ok(())
}

fn check_proxy(node: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    if !reader.supports((2, 43, 0)) {
        return Ok(());
    }
    let (url, environment) = (
        node.filled("proxy_url"),
        node.flag("proxy_from_environment"),
    );
    let headers = matches!(
        node.get("proxy_connect_header"),
        Some(machinery::yaml::Ordered::Map(headers)) if !headers.is_empty()
    );
    if headers && !environment && !url {
        return refuse(
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        );
    }
    if environment && url {
        return refuse("if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if environment && node.filled("no_proxy") {
        return refuse("if proxy_from_environment is configured, no_proxy must not be configured");
    }
    if !node.has("proxy_url") && node.filled("no_proxy") {
        return refuse("if no_proxy is configured, proxy_url must also be configured");
    }
    Ok(())
}

/// What must hold among the fields of a client.
pub(super) fn check_client(client: Node<'_>, reader: &Reader) -> Result<(), Fault> {
    let (basic, oauth2) = (client.has("basic_auth"), client.has("oauth2"));
    let authorization = client.has("authorization");
    let bearer = client.count(&["bearer_token", "bearer_token_file"]);
    if bearer > 1 {
        return refuse("at most one of bearer_token & bearer_token_file must be configured");
    }
    if (basic || oauth2) && bearer > 0 {
        return refuse(
            "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
        );
    }
    if authorization && bearer > 0 {
        return refuse("authorization is not compatible with bearer_token & bearer_token_file");
    }
    if [basic, oauth2, authorization]
        .iter()
        .filter(|set| **set)
        .count()
        > 1
    {
        return refuse("at most one of basic_auth, oauth2 & authorization must be configured");
    }
    check_proxy(client, reader)?;
    let headers = client.node("http_headers");
    for (name, _) in headers.0 {
        if let Some(reserved) = reserved(name) {
            let why = format!("setting header {reserved:?} is not allowed");
            return Err(Fault::here(why).within("http_headers"));
        }
    }
    Ok(())
}

/// Whether anything about a client is set that isn't the default.
pub(super) fn is_custom(client: Node<'_>) -> bool {
    CLIENT.iter().any(|field| {
        let name = field.name();
        match name {
            "follow_redirects" | "enable_http2" => client.present(name) && !client.flag(name),
            "proxy_from_environment" => client.flag(name),
            "bearer_token" | "bearer_token_file" | "no_proxy" => client.filled(name),
            "tls_config" => {
                let tls = client.node(name);
                tls.flag("insecure_skip_verify")
                    || tls
                        .0
                        .iter()
                        .any(|(key, _)| key != "insecure_skip_verify" && tls.filled(key))
            }
            _ => client.has(name),
        }
    })
}

/// Headers of remote write and read that are set by Prometheus.
pub(super) fn check_headers(node: Node<'_>) -> Result<(), Fault> {
    let headers = node.node("headers");
    for (name, _) in headers.0 {
        let lower = name.to_lowercase();
        let why = if lower == "authorization" {
            "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter".to_owned()
        } else if reserved(name).is_some() && lower != "x-prometheus-scrape-timeout-seconds" {
            format!("{name} is a reserved header. It must not be changed")
        } else {
            continue;
        };
        return Err(Fault::here(why).within("headers"));
    }
    Ok(())
}
