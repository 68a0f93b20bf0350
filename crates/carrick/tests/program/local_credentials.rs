//! What upstream's end-to-end suite asks of a running Prometheus about certificates, tokens and logins
//! (`test/e2e/prometheus_test.go`), by the names of its tests. Here somebody listens who wants to see them.

use serde_json::{Value, json};
use serving::Clients;

use super::api::Api;
use super::local_monitoring::{on_a_platform, until};
use super::local_upstream::{secret, target};
use super::place::{Place, allow_looking, failing, monitor, pools};
use super::site::{Authority, Identity, Site};

/// Sites that want to know who asks, and what they want to see.
struct Sites {
    plain: Site,
    secure: Site,
    authority: Authority,
    client: Identity,
    /// Of another authority, which nobody here knows.
    stranger: Identity,
}

impl Sites {
    async fn open() -> Self {
        let authority = Authority::new("authority");
        let server = authority.identity("server", "127.0.0.1");
        let known = Clients::Known {
            authorities: authority.certificate.clone(),
            mandatory: true,
        };
        Self {
            plain: Site::plain().await,
            secure: Site::secure(&server, known).await,
            client: authority.identity("client", "client"),
            stranger: Authority::new("another").identity("client", "client"),
            authority,
        }
    }

    /// A Secret and a ConfigMap with everything that they want to see.
    async fn material(&self, place: &Place<'_>) {
        let mut all = secret("material", "user", "user");
        all["stringData"] = json!({
            "user": "user", "password": "pass", "token": "abc", "ca": self.authority.certificate,
            "cert": self.client.certificate, "key": self.client.key,
            "other-ca": self.stranger.certificate, "other-cert": self.stranger.certificate, "other-key": self.stranger.key,
        });
        place.create(&all).await;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "material"},
            "data": {"ca": self.authority.certificate, "cert": self.client.certificate},
        });
        place.create(&map).await;
    }
}

fn of(key: &str) -> Value {
    json!({"name": "material", "key": key})
}

/// TLS whose files are keys of the Secret.
fn by_secret(ca: &str, cert: &str, key: &str) -> Value {
    json!({"ca": {"secret": of(ca)}, "cert": {"secret": of(cert)}, "keySecret": of(key)})
}

/// testPromSecurePodMonitor and testPromTLSConfigViaSecret: what monitors show to pods and Services; and with a certificate of
/// somebody else a target stays down.
async fn monitors_show_who_asks(place: &Place<'_>, web: &str, sites: &Sites) {
    let map = json!({"ca": {"configMap": of("ca")}, "cert": {"configMap": of("cert")}, "keySecret": of("key")});
    let login = json!({"username": of("user"), "password": of("password")});
    let tls = |config: &Value| json!({"port": "mtls", "scheme": "https", "tlsConfig": config});
    let known = by_secret("ca", "cert", "key");
    let good = [
        (
            "basic-auth",
            json!({"port": "web", "path": "/basic", "basicAuth": login}),
        ),
        (
            "bearer",
            json!({"port": "web", "path": "/bearer", "bearerTokenSecret": of("token")}),
        ),
        ("tls-secret", tls(&known)),
        ("tls-map", tls(&map)),
    ];
    let bad = [
        (
            "no-client",
            json!({"ca": {"secret": of("ca")}}),
            "certificate required",
        ),
        (
            "other-client",
            by_secret("ca", "other-cert", "other-key"),
            "tls: ",
        ),
        (
            "other-server",
            by_secret("other-ca", "cert", "key"),
            "certificate signed by unknown authority",
        ),
    ];
    // All before the first is waited for: Prometheus looks for new targets every five seconds.
    let service = monitor("ServiceMonitor", "tls", "site", &tls(&known));
    place.create(&service).await;
    for (name, endpoint) in &good {
        let monitor = monitor("PodMonitor", name, "site", endpoint);
        place.create(&monitor).await;
    }
    for (name, config, _) in &bad {
        let monitor = monitor("PodMonitor", name, "site", &tls(config));
        place.create(&monitor).await;
    }
    target(web, "serviceMonitor/secure/tls/0").await;
    for (name, _) in good {
        target(web, &format!("podMonitor/secure/{name}/0")).await;
    }
    assert!(sites.secure.asked().iter().all(|asked| asked.certified));
    for (name, _, why) in bad {
        let error = failing(web, &format!("podMonitor/secure/{name}/0")).await;
        assert!(error.contains(why), "{name}: {error}");
    }
}

/// A Secret that changes is one that is shown: the target of a certificate that is exchanged goes down, and comes up again.
async fn a_certificate_is_followed(place: &Place<'_>, web: &str, sites: &Sites) {
    let pool = "serviceMonitor/secure/tls/0";
    let shown = |identity: &Identity| json!({"stringData": {"cert": identity.certificate, "key": identity.key}});
    place
        .change("Secret", "material", &shown(&sites.stranger))
        .await;
    failing(web, pool).await;
    place
        .change("Secret", "material", &shown(&sites.client))
        .await;
    target(web, pool).await;
}

/// testPromArbitraryFSAcc: monitors that name files of the server's pod have targets unless that is denied; those that name
/// Secrets have them anyway.
async fn files_can_be_denied(api: &Api, sites: &Sites) {
    let place = Place::new(api, "files", json!({})).await;
    sites.material(&place).await;
    place
        .stand_in(
            "site",
            &[("web", sites.plain.port), ("mtls", sites.secure.port)],
        )
        .await;
    let file = |name: &str| format!("/etc/ca-certificates/{name}");
    let files = json!({"caFile": file("ca"), "certFile": file("cert"), "keyFile": file("key")});
    let secure = |tls: &Value| json!({"port": "mtls", "scheme": "https", "tlsConfig": tls});
    let bearer =
        |field: &str, value: Value| json!({"port": "web", "path": "/bearer", field: value});
    for (name, endpoint) in [
        (
            "bearer-file",
            bearer("bearerTokenFile", json!(file("token"))),
        ),
        ("tls-file", secure(&files)),
        ("bearer-secret", bearer("bearerTokenSecret", of("token"))),
        ("tls-secret", secure(&by_secret("ca", "cert", "key"))),
    ] {
        place
            .create(&monitor("ServiceMonitor", name, "site", &endpoint))
            .await;
    }
    let mount = json!({"name": "material", "mountPath": "/etc/ca-certificates"});
    let more = |deny: bool| {
        json!({
            "serviceMonitorSelector": {}, "arbitraryFSAccessThroughSMs": {"deny": deny},
            "volumes": [{"name": "material", "secret": {"secretName": "material"}}],
            "containers": [{"name": "prometheus", "startupProbe": {"periodSeconds": 1}, "volumeMounts": [mount]}],
        })
    };
    place
        .begin_server("allowing", &json!({}), &more(false))
        .await;
    place.begin_server("denying", &json!({}), &more(true)).await;
    let pool = |name: &str| format!("serviceMonitor/files/{name}/0");
    let web = place.web("allowing").await;
    for name in ["bearer-file", "tls-file", "bearer-secret", "tls-secret"] {
        target(&web, &pool(name)).await;
    }
    let web = place.web("denying").await;
    for name in ["bearer-secret", "tls-secret"] {
        target(&web, &pool(name)).await;
    }
    let mut found = pools(&web).await.unwrap();
    found.sort();
    assert_eq!(found, [pool("bearer-secret"), pool("tls-secret")]);
}

/// testPromRemoteWriteWithTLS: samples arrive where both sides know each other, and nowhere else.
async fn samples_are_sent(place: &Place<'_>, sites: &Sites) {
    let url = |name: &str| format!("https://127.0.0.1:{}/write/{name}", sites.secure.port);
    let known = by_secret("ca", "cert", "key");
    let map = json!({"ca": {"configMap": of("ca")}, "cert": {"configMap": of("cert")}, "keySecret": of("key")});
    let mut careless = by_secret("other-ca", "cert", "key");
    careless["insecureSkipVerify"] = json!(true);
    let writes: Vec<Value> = [
        ("other-server", by_secret("other-ca", "cert", "key")),
        ("other-client", by_secret("ca", "other-cert", "other-key")),
        ("no-client", json!({"ca": {"secret": of("ca")}})),
        ("secret", known.clone()),
        ("map", map),
        ("careless", careless),
    ]
    .into_iter()
    .map(|(name, tls)| json!({"url": url(name), "name": name, "tlsConfig": tls}))
    .collect();
    let static_target = json!({"targets": [format!("127.0.0.1:{}", sites.plain.port)]});
    let config = json!({
        "apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "ScrapeConfig", "metadata": {"name": "plain"},
        "spec": {"staticConfigs": [static_target]},
    });
    place.create(&config).await;
    let more = json!({"scrapeConfigSelector": {}, "remoteWrite": writes});
    let web = place.server("writing", &more).await;
    for name in ["secret", "map", "careless"] {
        let what = format!("POST /write/{name}");
        let asked = sites.secure.until_asked(&what, |asked| asked.what == what);
        assert!(!asked.await.body.is_empty(), "{name}");
    }
    let others = ["other-server", "other-client", "no-client"];
    let refused = until("samples that can't be sent", || async {
        let request = "GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n";
        let metrics = super::api::exchange(&web, request).await.ok()?;
        let retried = |name: &str| {
            metrics.lines().any(|line| {
                line.starts_with("prometheus_remote_storage_samples_retried_total{")
                    && line.contains(&format!("remote_name=\"{name}\""))
                    && !line.ends_with(" 0")
            })
        };
        others.iter().all(|name| retried(name)).then_some(())
    });
    refused.await;
    let arrived = sites.secure.asked();
    let mut arrived = arrived.iter().map(|asked| asked.what.as_str());
    assert!(!arrived.any(|what| others.iter().any(|name| what.ends_with(name))));
}

#[test]
fn a_prometheus_shows_who_it_is_and_looks_who_answers() {
    on_a_platform("local-credentials", async |_, api| {
        allow_looking(api).await;
        let sites = Sites::open().await;
        let place = Place::new(api, "secure", json!({})).await;
        sites.material(&place).await;
        let ports = [("web", sites.plain.port), ("mtls", sites.secure.port)];
        place.stand_in("site", &ports).await;
        let more = json!({"serviceMonitorSelector": {}, "podMonitorSelector": {}});
        let web = place.server("test", &more).await;
        let monitors = async {
            monitors_show_who_asks(&place, &web, &sites).await;
            a_certificate_is_followed(&place, &web, &sites).await;
        };
        // Mostly waiting, each for a server of its own.
        let files = files_can_be_denied(api, &sites);
        let samples = samples_are_sent(&place, &sites);
        tokio::join!(monitors, files, samples);
    });
}
