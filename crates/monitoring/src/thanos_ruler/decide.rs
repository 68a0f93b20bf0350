//! What to write for one ThanosRuler, in upstream's order (`pkg/thanos/operator.go`): rules, where it writes to, TLS
//! material, web configuration, Service, StatefulSet.

use crate::api::ThanosRuler;
use crate::api::common_prometheus::CommonPrometheusFields;
use crate::api::status::ThanosRulerStatus;
use crate::api::thanos_ruler::ThanosRulerSpec;
use crate::config::prometheus::{DEFAULT_VERSION, ruler_remote_write};
use crate::config::version::Version;
use crate::operator::decision::{Decision, Remark, deprecated};
use crate::operator::pass::Pass;
use crate::operator::refusals::kept;
use crate::operator::rule_files::Enforced;
use crate::operator::workload::Observed;
use crate::preflight::{self, web::Server};
use crate::promql;
use crate::rules::{Format, Reader};
use crate::selection::{Check, check_remote_write};
use crate::workload::{
    Data, THANOS_RULER_WEB_CONFIG, THANOS_VERSION, ThanosRulerInput, thanos_ruler_service,
    thanos_ruler_stateful_set,
};

/// Key of the Secret that says where it writes to.
const REMOTE_WRITE_KEY: &str = "remote-write.yaml";
const NOTHING: &str = "No PrometheusRule have been selected.";

/// Decides about a ruler that is to be reconciled.
pub fn decide(ruler: &ThanosRuler, observed: &Observed<ThanosRuler>) -> Decision {
    let mut pass = Pass::new(ruler, observed);
    let outcome = write(&mut pass);
    pass.decision(outcome, remark(ruler, observed))
}

type RulerPass<'a> = Pass<'a, ThanosRulerSpec, ThanosRulerStatus>;

fn remark(ruler: &ThanosRuler, observed: &Observed<ThanosRuler>) -> Option<Remark> {
    if observed.candidates.is_empty() {
        return Some(("NoSelectedResources", NOTHING.to_owned()));
    }
    let excluded = &ruler.spec.prometheus_rules_excluded_from_enforce;
    deprecated(&[(
        "spec.prometheusRulesExcludedFromEnforce",
        "spec.excludedFromEnforcement",
        (!excluded.is_empty()).then_some("set"),
    )])
}

fn write(pass: &mut RulerPass<'_>) -> Result<(), String> {
    let ruler = pass.object;
    let given = ruler.spec.version.as_deref();
    let given = given.filter(|version| !version.is_empty());
    let given = given.unwrap_or(THANOS_VERSION);
    let version = Version::parse(given)
        .map_err(|error| format!("failed to parse Thanos Ruler version {given:?}: {error}"))?;
    pass.check_selectors()?;
    let config_maps = rules(pass, &version);
    let assets = &pass.observed.assets;
    let common = CommonPrometheusFields::default();
    let check = Check {
        common: &common,
        version: &Version::parse(DEFAULT_VERSION).map_err(|error| error.to_string())?,
        scope: assets.within(&ruler.metadata.namespace),
    };
    check_remote_write(&ruler.spec.remote_write, check)?;
    let made = ruler_remote_write(ruler, &version, assets).map_err(|error| error.to_string())?;
    preflight::ruler::check(&made.text, &version).map_err(|why| kept(&why))?;
    pass.note(made.warnings);
    let data = Data::from([(REMOTE_WRITE_KEY.to_owned(), made.text.into_bytes())]);
    pass.put_secret(&format!("{}-config", pass.prefixed()), &data);
    let tls_secrets = pass.put_tls_assets(&Data::new());
    let web = ruler.spec.web.as_ref();
    pass.put_web_config(
        (Server::ThanosRuler, &version),
        THANOS_RULER_WEB_CONFIG,
        web.and_then(|web| web.tls_config.as_ref()),
        web.and_then(|web| web.http_config.as_ref()),
    )?;
    pass.put_service(ruler.spec.service_name.as_deref(), thanos_ruler_service)?;
    pass.put_set(thanos_ruler_stateful_set(ThanosRulerInput {
        ruler,
        settings: pass.settings(),
        rule_config_maps: &config_maps,
        tls_secrets,
        input_hash: "",
    }))
}

fn rules(pass: &mut RulerPass<'_>, version: &Version) -> Vec<String> {
    let spec = &pass.object.spec;
    let reader = Reader {
        format: Format::Thanos,
        version,
        options: promql::Options::default(),
    };
    let enforced = Enforced {
        label: spec.enforced_namespace_label.as_deref(),
        excluded: &spec.excluded_from_enforcement,
        excluded_rules: &spec.prometheus_rules_excluded_from_enforce,
    };
    let files = pass.select_rules(&pass.observed.candidates, reader, enforced);
    pass.put_rules(files, "thanos-ruler-name", 0)
}
