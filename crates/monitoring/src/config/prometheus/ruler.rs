//! Where a Thanos Ruler writes to: `remote_write` as the Prometheus reads it that it is built with.

use super::generator::{ConfigError, Generated, Generator, Options};
use crate::api::ThanosRuler;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::config::assets::Assets;
use crate::config::version::{Since, Version};
use crate::config::yaml::{IntoNode, Mapping, filled};

/// The first version that writes elsewhere.
const FIRST: Since = (0, 24, 0);

/// The first version that finds out by itself as whom it is known to Azure.
const NAMELESS: Since = (0, 40, 0);

/// Versions of Prometheus in versions of Thanos, the newest first. Fields that came to Prometheus after the first of these
/// are known to no Thanos.
const BUILT_WITH: [(Since, &str); 10] = [
    ((0, 40, 0), "3.5.1"),
    ((0, 38, 0), "3.1.0"),
    ((0, 37, 0), "2.55.1"),
    ((0, 36, 0), "2.52.2"),
    ((0, 35, 0), "2.51.1"),
    ((0, 32, 0), "2.48.0"),
    ((0, 31, 0), "2.42.0"),
    ((0, 30, 0), "2.40.7"),
    ((0, 28, 0), "2.38.0"),
    (FIRST, "2.32.0"),
];

/// The version of Prometheus that a version of Thanos is built with; `None` before those that read such a file.
pub(crate) fn built_with(version: &Version) -> Option<&'static str> {
    let mut all = BUILT_WITH.iter();
    let found = all.find(|(since, _)| version.at_least(*since));
    found.map(|(_, prometheus)| *prometheus)
}

/// The file a ruler reads; TLS material is in it, for its pods mount none.
pub fn ruler_remote_write(
    ruler: &ThanosRuler,
    version: &Version,
    assets: &Assets,
) -> Result<Generated, ConfigError> {
    let all = &ruler.spec.remote_write;
    if !all.is_empty() && !version.at_least(FIRST) {
        return Err(ConfigError(format!(
            "thanos remote-write configuration requires at least version \"0.24.0\": current version {:?}",
            version.to_string()
        )));
    }
    let nameless = all.iter().position(|write| {
        let azure = write.azure_ad.as_ref();
        let identity = azure.and_then(|azure| azure.managed_identity.as_ref());
        identity.is_some_and(|identity| filled(&identity.client_id).is_none())
    });
    if let Some(index) = nameless.filter(|_| !version.at_least(NAMELESS)) {
        return Err(ConfigError(format!(
            "remoteWrite[{index}]: azureAD.managedIdentity.clientId is required with Thanos < 0.40.0, current = {version}"
        )));
    }
    let common = CommonPrometheusFields {
        version: built_with(version).map(str::to_owned),
        remote_write: all.clone(),
        ..CommonPrometheusFields::default()
    };
    let options = Options {
        inline_tls: true,
        ..Options::default()
    };
    let generator = Generator::new(&common, &ruler.metadata, assets, options)?;
    let mut out = Mapping::new();
    if all.is_empty() {
        out.put("remote_write", Vec::<Mapping>::new());
    }
    generator.remote_write(&mut out);
    Ok(generator.generated(out.into_node().to_yaml()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::read;
    use serde_json::{Value, json};

    fn made(version: &str, remote_write: &Value) -> Result<String, String> {
        let ruler: ThanosRuler = read(&json!({
            "metadata": {"name": "r", "namespace": "n"},
            "spec": {"remoteWrite": remote_write},
        }))
        .unwrap();
        let version = Version::parse(version).unwrap();
        let made = ruler_remote_write(&ruler, &version, &Assets::default());
        made.map(|made| made.text).map_err(|error| error.0)
    }

    #[test]
    fn a_field_is_written_to_those_whose_prometheus_knows_it() {
        let one = json!([{"url": "http://x", "roundRobinDNS": true, "sendNativeHistograms": true,
            "messageVersion": "V1.0", "noProxy": "y", "proxyUrl": "http://p"}]);
        let keys = |version: &str| {
            let text = made(version, &one).unwrap();
            let known = [
                "round_robin_dns",
                "send_native_histograms",
                "protobuf_message",
                "no_proxy",
            ];
            known.map(|key| text.contains(key))
        };
        assert_eq!(keys("0.29.0"), [false, false, false, false]);
        assert_eq!(keys("0.30.0"), [false, true, false, false]);
        assert_eq!(keys("0.36.1"), [false, true, false, true]);
        assert_eq!(keys("0.37.0"), [false, true, true, true]);
        assert_eq!(keys("v0.42.4"), [true, true, true, true]);
    }

    #[test]
    fn an_old_one_must_be_told_as_whom_azure_knows_it() {
        let with = |identity: Value| {
            let azure = json!({"managedIdentity": identity});
            json!([{"url": "http://x"}, {"url": "http://y", "azureAd": azure}])
        };
        assert_eq!(
            made("0.39.2", &with(json!({}))).unwrap_err(),
            "remoteWrite[1]: azureAD.managedIdentity.clientId is required with Thanos < 0.40.0, current = 0.39.2"
        );
        made("0.39.2", &with(json!({"clientId": "me"}))).unwrap();
        made("0.40.0", &with(json!({}))).unwrap();
    }

    #[test]
    fn what_writes_nowhere_may_be_old() {
        assert_eq!(made("0.20.0", &json!([])).unwrap(), "remote_write: []\n");
        assert_eq!(
            made("0.23.1", &json!([{"url": "http://x"}])).unwrap_err(),
            "thanos remote-write configuration requires at least version \"0.24.0\": current version \"0.23.1\""
        );
    }
}
