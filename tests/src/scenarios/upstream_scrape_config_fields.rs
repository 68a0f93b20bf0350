//! Upstream's end-to-end tests of what the definition of ScrapeConfigs takes and refuses (`testScrapeConfigCRDValidations`,
//! `testScrapeConfigCreation` in `test/e2e/scrapeconfig_test.go`), under their names.
//!
//! A discovery is a block that is taken, and changes of it: merge patches after which it is taken, or isn't.

use anyhow::{Result, ensure};
use machinery::patch::merge;
use serde_json::{Value, json};

use super::upstream_definitions::{are_told_apart, refused};
use crate::cluster::Cluster;
use crate::objects::SCRAPE_CONFIG;
use crate::workloads::object;

/// A field with blocks of one kind of discovery.
struct Discovery {
    field: &'static str,
    /// A block that is taken.
    base: Value,
    /// Changes after which it is, and after which it isn't.
    changes: Vec<(bool, Value)>,
}

fn discovery(field: &'static str, base: Value) -> Discovery {
    let changes = vec![(true, json!({}))];
    Discovery {
        field,
        base,
        changes,
    }
}

impl Discovery {
    fn with(mut self, valid: bool, changes: &[Value]) -> Self {
        let changes = changes.iter().map(|change| (valid, change.clone()));
        self.changes.extend(changes);
        self
    }

    fn good(self, changes: &[Value]) -> Self {
        self.with(true, changes)
    }

    fn bad(self, changes: &[Value]) -> Self {
        self.with(false, changes)
    }

    /// Fields that may be absent, and hold any text but the empty one.
    fn texts(self, fields: &[&str]) -> Self {
        let each = |text: &str| fields.iter().map(|field| json!({*field: text})).collect();
        let (good, bad): (Vec<Value>, Vec<Value>) = (each("https://valid"), each(""));
        self.good(&good).bad(&bad)
    }

    /// Fields that must be there, and not be empty.
    fn required(self, fields: &[&str]) -> Self {
        let each = fields
            .iter()
            .flat_map(|field| [json!({*field: ""}), json!({*field: null})]);
        let bad: Vec<Value> = each.collect();
        self.bad(&bad)
    }

    /// Lists of texts, of which none is there twice.
    fn sets(self, fields: &[&str]) -> Self {
        let each = |second: &str| {
            let each = fields.iter();
            each.map(|field| json!({*field: ["foo", second]})).collect()
        };
        let (good, bad): (Vec<Value>, Vec<Value>) = (each("bar"), each("foo"));
        self.good(&good).bad(&bad)
    }

    /// Filters, each with a name and at least one value.
    fn filters(self) -> Self {
        let filter = |values: Value| json!({"filters": [{"name": "health", "values": values}]});
        self.good(&[filter(json!(["healthy", "starting"]))]).bad(&[
            filter(json!([])),
            filter(json!([""])),
            filter(json!(["healthy", "healthy"])),
        ])
    }

    fn port(self) -> Self {
        self.good(&[json!({"port": 8080}), json!({"port": 65534})])
            .bad(&[json!({"port": -1}), json!({"port": 65536})])
    }

    fn durations(self, fields: &[&str]) -> Self {
        let each = |text: &str| fields.iter().map(|field| json!({*field: text})).collect();
        let (good, bad): (Vec<Value>, Vec<Value>) = (each("60s"), each("60g"));
        self.good(&good).bad(&bad)
    }

    fn refresh(self) -> Self {
        self.durations(&["refreshInterval"])
    }

    fn switches(self, fields: &[&str]) -> Self {
        let each = fields
            .iter()
            .flat_map(|field| [json!({*field: true}), json!({*field: false})]);
        let good: Vec<Value> = each.collect();
        self.good(&good)
    }

    /// Switches of all that ask over HTTP.
    fn http(self) -> Self {
        self.switches(&["followRedirects", "enableHTTP2"])
    }

    fn cases(&self) -> impl Iterator<Item = (String, bool, Value)> {
        self.changes.iter().map(|(valid, change)| {
            let block = merge::apply(&self.base, change);
            let case = format!("{} with {change}", self.field);
            (case, *valid, json!({self.field: [block]}))
        })
    }
}

fn local() -> Vec<Discovery> {
    let targets = ["1.1.1.1:9090", "0.0.0.0:9090"];
    let selector = json!({"role": "Pod"});
    let selecting = |change: Value| json!({"selectors": [merge::apply(&selector, &change)]});
    let both = json!({
        "role": "Pod", "label": "node.kubernetes.io/instance-type=master", "field": "metadata.name=foobar",
    });
    let names = json!(["default", "kube-system"]);
    vec![
        discovery("staticConfigs", json!({"targets": targets}))
            .good(&[json!({"labels": {"owned-by": "prometheus"}})])
            .bad(&[
                json!({"targets": null}),
                json!({"targets": []}),
                json!({"targets": ["1.1.1.1:9090", "1.1.1.1:9090"]}),
            ]),
        discovery(
            "fileSDConfigs",
            json!({"files": ["config.yml", "config.yaml"]}),
        )
        .bad(&[
            json!({"files": null}),
            json!({"files": []}),
            json!({"files": ["config.yml", "config.yml"]}),
            json!({"files": ["/etc/prometheus/sd/file.invalid"]}),
        ]),
        discovery("httpSDConfigs", json!({"url": "http://valid.test"}))
            .required(&["url"])
            .good(&[json!({"url": "https://valid-url"})])
            .bad(&[json!({"url": "valid-server"})]),
        discovery("dnsSDConfigs", json!({"names": ["test1", "test2"]}))
            .good(&["A", "AAAA", "MX", "NS", "SRV"].map(|kind| json!({"type": kind})))
            .bad(&[
                json!({"names": null}),
                json!({"names": []}),
                json!({"names": [""]}),
                json!({"type": "WRONG"}),
            ])
            .port()
            .refresh(),
        discovery("kubernetesSDConfigs", json!({"role": "Pod"}))
            .required(&["role"])
            .good(&[
                json!({"role": "Node"}),
                json!({"namespaces": {}}),
                json!({"namespaces": {"names": names}}),
                json!({"namespaces": {"ownNamespace": true}}),
                json!({"namespaces": {"ownNamespace": false}}),
                json!({"namespaces": {"ownNamespace": true, "names": names}}),
                json!({"attachMetadata": {"node": true}}),
                selecting(json!({})),
                selecting(json!({"label": "node.kubernetes.io/instance-type=master"})),
                selecting(json!({"field": "metadata.name=foobar"})),
            ])
            .bad(&[
                json!({"role": "Wrong"}),
                json!({"apiServer": "", "role": "EndpointSlice"}),
                json!({"namespaces": {"ownNamespace": true, "names": ["default", "default"]}}),
                selecting(json!({"role": ""})),
                selecting(json!({"role": "Invalid"})),
                selecting(json!({"label": ""})),
                selecting(json!({"field": ""})),
                json!({"selectors": [both, both]}),
            ]),
    ]
}

fn registries() -> Vec<Discovery> {
    vec![
        discovery("consulSDConfigs", json!({"server": "valid-server"}))
            .required(&["server"])
            .texts(&[
                "pathPrefix",
                "datacenter",
                "namespace",
                "partition",
                "tagSeparator",
            ])
            .sets(&["services", "tags"])
            .good(&[json!({"scheme": "HTTP"}), json!({"scheme": "HTTPS"})])
            .bad(&[json!({"scheme": ""})]),
        discovery(
            "nomadSDConfigs",
            json!({"server": "http://localhost:4646"}),
        )
        .required(&["server"])
        .bad(&[json!({"server": "localhost"})])
        .texts(&["namespace", "region", "tagSeparator"])
        .switches(&["allowStale"])
        .refresh()
        .http(),
        discovery(
            "eurekaSDConfigs",
            json!({"server": "http://localhost:8761/eureka"}),
        )
        .required(&["server"])
        .bad(&[json!({"server": "localhost:8761"})])
        .refresh()
        .http(),
        discovery("kumaSDConfigs", json!({"server": "http://example.com"}))
            .required(&["server"])
            .bad(&[json!({"server": "ftp://example.com"})])
            .texts(&["clientID"])
            .durations(&["fetchTimeout"])
            .refresh()
            .http(),
        discovery(
            "puppetDBSDConfigs",
            json!({"url": "https://puppetdb.example.com", "query": "nodes { certname = \"a.local\" }"}),
        )
        .required(&["url", "query"])
        .switches(&["includeParameters"])
        .port()
        .refresh()
        .http(),
        discovery(
            "dockerSDConfigs",
            json!({"host": "unix:///var/run/docker.sock"}),
        )
        .required(&["host"])
        .bad(&[json!({"host": "127.0.0.1"})])
        .texts(&["hostNetworkingHost"])
        .switches(&["matchFirstNetwork"])
        .filters()
        .port()
        .refresh()
        .http(),
        discovery(
            "dockerSwarmSDConfigs",
            json!({"host": "tcp://localhost", "role": "Services"}),
        )
        .required(&["role"])
        .filters()
        .port()
        .refresh()
        .http(),
    ]
}

fn clouds() -> Vec<Discovery> {
    let id = "11111111-1111-1111-1111-111111111111";
    let scaleway = json!({
        "accessKey": "AccessKey", "secretKey": {"name": "secret", "key": "key.pem"}, "projectID": "1",
        "role": "Instance",
    });
    let ovh = json!({
        "applicationKey": "valid-app-key", "applicationSecret": {"key": "valid-secret-key"},
        "consumerKey": {"key": "valid-consumer-key"}, "service": "VPS",
    });
    vec![
        discovery("ec2SDConfigs", json!({}))
            .texts(&["region", "roleARN"])
            .filters()
            .port(),
        discovery("lightSailSDConfigs", json!({}))
            .texts(&["region", "roleARN", "endpoint"])
            .port(),
        discovery("digitalOceanSDConfigs", json!({}))
            .port()
            .refresh(),
        discovery("linodeSDConfigs", json!({}))
            .texts(&["region"])
            .good(&[json!({"tagSeparator": ","})])
            .port()
            .refresh()
            .http(),
        discovery(
            "ionosSDConfigs",
            json!({"datacenterID": id, "authorization": {}}),
        )
        .required(&["datacenterID"])
        .port(),
        discovery("hetznerSDConfigs", json!({"role": "Hcloud"}))
            .required(&["role"])
            .texts(&["labelSelector"])
            .port()
            .refresh()
            .http(),
        discovery(
            "gceSDConfigs",
            json!({"project": "devops-dev", "zone": "us-west-1"}),
        )
        .required(&["project", "zone"])
        .texts(&["filter", "tagSeparator"])
        .port()
        .refresh(),
        discovery("ovhcloudSDConfigs", ovh)
            .required(&["applicationKey", "service"])
            .texts(&["endpoint"])
            .good(&[
                json!({"service": "DedicatedServer"}),
                json!({"refreshInterval": ""}),
            ])
            .bad(&[json!({"service": "InvalidService"})])
            .refresh(),
        discovery("scalewaySDConfigs", scaleway)
            .required(&["projectID", "accessKey", "role"])
            .texts(&["nameFilter", "zone"])
            .sets(&["tagsFilter"])
            .good(&[
                json!({"role": "Baremetal"}),
                json!({"apiURL": "https://api.scaleway.com"}),
            ])
            .bad(&[
                json!({"role": "Invalid Role"}),
                json!({"apiURL": "ftp://example.com"}),
                json!({"tagsFilter": []}),
                json!({"tagsFilter": [""]}),
            ])
            .port()
            .refresh(),
    ]
}

fn large_clouds() -> Vec<Discovery> {
    let id = "11111111-1111-1111-1111-111111111111";
    let tenant = json!({
        "authenticationMethod": "OAuth", "tenantID": id, "clientID": id,
        "clientSecret": {"name": "azure", "key": "secret"},
    });
    vec![
        discovery("azureSDConfigs", json!({"subscriptionID": id}))
            .required(&["subscriptionID"])
            .texts(&["environment", "resourceGroup"])
            .good(&[
                json!({"authenticationMethod": "ManagedIdentity"}),
                json!({"authenticationMethod": "SDK"}),
                tenant.clone(),
            ])
            .bad(&[
                merge::apply(&tenant, &json!({"tenantID": ""})),
                merge::apply(&tenant, &json!({"clientID": ""})),
            ])
            .port()
            .refresh(),
        discovery(
            "openstackSDConfigs",
            json!({"role": "Hypervisor", "region": "default"}),
        )
        .required(&["role", "region"])
        .texts(&[
            "identityEndpoint",
            "username",
            "userid",
            "domainID",
            "domainName",
            "projectName",
            "projectID",
            "applicationCredentialName",
            "applicationCredentialId",
        ])
        .good(&["Instance", "LoadBalancer"].map(|role| json!({"role": role})))
        .good(&["public", "admin", "internal"].map(|side| json!({"availability": side})))
        .bad(&[
            json!({"role": "default"}),
            json!({"identityEndpoint": "ftp://example.com"}),
            json!({"availability": "private"}),
            json!({"availability": ""}),
        ])
        .switches(&["allTenants"])
        .port()
        .refresh(),
    ]
}

/// Fields beside the discoveries.
fn whole_specs() -> Vec<(String, bool, Value)> {
    let protocols = |protocols: &[&str]| json!({"scrapeProtocols": protocols});
    let all = [
        "PrometheusProto",
        "OpenMetricsText0.0.1",
        "OpenMetricsText1.0.0",
        "PrometheusText0.0.4",
    ];
    let specs = [
        (true, json!({})),
        (true, json!({"jobName": "validJob"})),
        (false, json!({"jobName": ""})),
        (true, json!({"scheme": "HTTP"})),
        (true, json!({"scheme": "HTTPS"})),
        (false, json!({"scheme": "FTP"})),
        (true, json!({"scrapeClass": "default"})),
        (false, json!({"scrapeClass": ""})),
        (true, protocols(&all)),
        (true, protocols(&["PrometheusProto"])),
        (false, protocols(&["InvalidProtocol"])),
        (
            false,
            protocols(&["PrometheusText0.0.4", "InvalidProtocol"]),
        ),
        (
            false,
            protocols(&["OpenMetricsText0.0.1", "OpenMetricsText0.0.1"]),
        ),
        (
            true,
            json!({"fallbackScrapeProtocol": "OpenMetricsText0.0.1"}),
        ),
        (false, json!({"fallbackScrapeProtocol": "InvalidProtocol"})),
    ];
    let named = |(valid, spec): (bool, Value)| (spec.to_string(), valid, spec);
    specs.into_iter().map(named).collect()
}

/// testScrapeConfigCRDValidations, testScrapeConfigCreation
pub async fn scrape_config_crd_validations(cluster: &Cluster) -> Result<()> {
    let discoveries = [local(), registries(), clouds(), large_clouds()];
    let cases = discoveries.iter().flatten().flat_map(Discovery::cases);
    let cases = cases.chain(whole_specs());
    let cases =
        cases.map(|(case, valid, spec)| (case, valid, object(&SCRAPE_CONFIG, "test", &spec)));
    are_told_apart(cluster, cases.collect()).await
}

/// AuthMutualExclusion of testScrapeConfigCRDValidations: one way to authenticate at most.
pub async fn auth_mutual_exclusion(cluster: &Cluster) -> Result<()> {
    let key = |key: &str| json!({"name": "secret", "key": key});
    let ways = [
        (
            "basicAuth",
            json!({"username": key("user"), "password": key("password")}),
        ),
        ("authorization", json!({})),
        (
            "oauth2",
            json!({
                "clientId": {"secret": key("client-id")}, "clientSecret": key("client-secret"),
                "tokenUrl": "https://example.com/token",
            }),
        ),
    ];
    let wanted = "at most one of basicAuth, authorization, or oauth2 can be configured";
    for chosen in [0b001, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111_u8] {
        let ways = ways.iter().enumerate();
        let ways = ways.filter(|(place, _)| chosen & (1 << place) != 0);
        let spec: Value = ways
            .map(|(_, (field, block))| ((*field).to_owned(), block.clone()))
            .collect();
        let answer = refused(cluster, &object(&SCRAPE_CONFIG, "test", &spec)).await?;
        let said = answer.as_ref().is_some_and(|text| text.contains(wanted));
        ensure!(
            said == (chosen.count_ones() > 1) && said == answer.is_some(),
            "{spec}: {answer:?}"
        );
    }
    Ok(())
}
