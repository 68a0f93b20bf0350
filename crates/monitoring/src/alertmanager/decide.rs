//! What to write for one Alertmanager, in upstream's order (`pkg/alertmanager/operator.go`): configuration, TLS material,
//! web configuration, cluster TLS, Service, StatefulSet.

use std::collections::BTreeMap;

use runtime::ObjectReference;

use super::acceptable::{Unacceptable, acceptable, version_of};
use crate::api::alertmanager::AlertmanagerSpec;
use crate::api::status::AlertmanagerStatus;
use crate::api::{Alertmanager, AlertmanagerConfig};
use crate::config::alertmanager::{Culprit, Inputs, USER_KEY, Whole, base_name, user_secret};
use crate::config::assets::Assets;
use crate::config::version::Version;
use crate::operator::candidates::Candidate;
use crate::operator::decision::{Decision, Remark, deprecated};
use crate::operator::pass::Pass;
use crate::operator::refusals::{fits, kept};
use crate::operator::workload::{Observed, Workload as _};
use crate::preflight::web::Server;
use crate::selection::check_alertmanager_config;
use crate::workload::{
    ALERTMANAGER_WEB_CONFIG, CLUSTER_TLS, CLUSTER_TLS_KEY, ClusterTls, Data, alertmanager_service,
    alertmanager_stateful_set, compressed,
};

/// Key of the configuration in the Secret that pods mount.
const CONFIG_KEY: &str = "alertmanager.yaml.gz";

/// What becomes of a configuration, and the user's files beside it, that one Secret can't hold.
const FEWER_ROUTES: &str = "select fewer AlertmanagerConfigs, or take files out of the Secret that spec.configSecret names";

/// Decides about an Alertmanager that is to be reconciled.
pub fn decide(alertmanager: &Alertmanager, observed: &Observed<Alertmanager>) -> Decision {
    let mut pass = Pass::new(alertmanager, observed);
    let outcome = write(&mut pass);
    pass.decision(outcome, remark(alertmanager))
}

type ClusterPass<'a> = Pass<'a, AlertmanagerSpec, AlertmanagerStatus>;

fn remark(alertmanager: &Alertmanager) -> Option<Remark> {
    let spec = &alertmanager.spec;
    deprecated(&[
        ("spec.baseImage", "spec.image", spec.base_image.as_deref()),
        ("spec.tag", "spec.image", spec.tag.as_deref()),
        ("spec.sha", "spec.image", spec.sha.as_deref()),
    ])
}

fn write(pass: &mut ClusterPass<'_>) -> Result<(), String> {
    pass.check_selectors()?;
    let mut made = configuration(pass)?;
    pass.note(std::mem::take(&mut made.warnings));
    let generated = generated(pass.object, &pass.observed.assets, &made.text);
    let (name, data) = generated.map_err(|why| kept(&why))?;
    pass.put_secret(&name, &data);
    let tls_secrets = pass.put_tls_assets(&made.tls_files);
    let web = pass.object.spec.web.as_ref();
    pass.put_web_config(
        (Server::Alertmanager, &version_of(&pass.object.spec)?),
        ALERTMANAGER_WEB_CONFIG,
        web.and_then(|web| web.tls_config.as_ref()),
        web.and_then(|web| web.http_config.as_ref()),
    )?;
    cluster_tls(pass)?;
    let named = pass.object.spec.service_name.as_deref();
    pass.put_service(named, alertmanager_service)?;
    let settings = pass.settings();
    let built = alertmanager_stateful_set(pass.object, settings, tls_secrets, "");
    pass.put_set(built)
}

fn configuration(pass: &mut ClusterPass<'_>) -> Result<Whole, String> {
    let version = version_of(&pass.object.spec)?;
    let (configs, references) = valid(pass, &version);
    let base = &pass.observed.candidates.base;
    let of_base = base.as_ref().map(Candidate::object).transpose();
    let made = of_base.map(|base| {
        let inputs = Inputs {
            alertmanager: pass.object,
            version: &version,
            base: base.as_ref(),
            configs: &configs,
            assets: &pass.observed.assets,
        };
        acceptable(inputs)
    });
    let made = match (made, base) {
        (Ok(Ok(made)), _) => made,
        (Ok(Err(refused)), _) => return Err(unacceptable(pass, &refused)),
        (Err(why), Some(base)) => {
            pass.refuse(base.reference(), &why);
            return Err(why);
        }
        (Err(why), None) => return Err(why),
    };
    for one in &made.left_out {
        if let Some(reference) = references.get(&one.key) {
            pass.refuse(reference, &one.why);
        }
    }
    Ok(made)
}

/// What an Alertmanager says that gets no configuration. The base of everything says itself what is wrong with it.
fn unacceptable(pass: &mut ClusterPass<'_>, refused: &Unacceptable) -> String {
    let why = |text: &str| {
        if refused.is_made {
            kept(text)
        } else {
            text.to_owned()
        }
    };
    let mut key = None;
    if let (Culprit::Base, Some(base)) = (refused.of, &pass.observed.candidates.base) {
        let reference = base.reference();
        key = Some(format!("{}/{}", reference.namespace, reference.name));
        pass.refuse(reference, &why(&refused.why));
    }
    why(&refused.told(key.as_deref()))
}

/// The selected objects that can be used, and what Events call them. The base of everything isn't among them.
fn valid(
    pass: &mut ClusterPass<'_>,
    version: &Version,
) -> (
    BTreeMap<String, AlertmanagerConfig>,
    BTreeMap<String, ObjectReference>,
) {
    let observed = pass.observed;
    let own = &pass.object.metadata.namespace;
    let base = base_name(pass.object);
    let mut configs = BTreeMap::new();
    let mut references = BTreeMap::new();
    for candidate in &observed.candidates.configs {
        let reference = candidate.reference();
        if reference.namespace == *own && Some(reference.name.as_str()) == base {
            continue;
        }
        let checked = candidate.object().and_then(|config: AlertmanagerConfig| {
            let scope = observed.assets.within(&reference.namespace);
            let checked = check_alertmanager_config(&config, version, scope);
            checked.map_or_else(|unusable| Err(unusable.to_string()), |()| Ok(config))
        });
        match checked {
            Ok(config) => {
                references.insert(config.key(), reference.clone());
                configs.insert(config.key(), config);
            }
            Err(why) => pass.refuse(reference, &why),
        }
    }
    (configs, references)
}

/// The Secret that pods mount, its name and what it holds: the configuration, and what else the user's Secret does; an error
/// if one can't hold that.
pub(crate) fn generated(
    alertmanager: &Alertmanager,
    assets: &Assets,
    text: &str,
) -> Result<(String, Data), String> {
    let own = &alertmanager.metadata.namespace;
    let mut data = Data::new();
    if base_name(alertmanager).is_none() {
        let user = assets.secret_data(own, &user_secret(alertmanager));
        data.extend(user.cloned().unwrap_or_default());
        data.remove(USER_KEY);
    }
    let bytes = compressed(text).map_err(|error| error.to_string())?;
    data.insert(CONFIG_KEY.to_owned(), bytes);
    let name = format!("{}-generated", alertmanager.prefixed());
    let size = data.values().map(Vec::len).sum();
    fits((own, &name), size, FEWER_ROUTES)?;
    Ok((name, data))
}

fn cluster_tls(pass: &mut ClusterPass<'_>) -> Result<(), String> {
    let spec = &pass.object.spec;
    let name = &pass.object.metadata.name;
    let made = ClusterTls::new(CLUSTER_TLS, name, spec.cluster_tls.as_ref());
    let made = made.map_err(|error| error.to_string())?;
    let data = Data::from([(CLUSTER_TLS_KEY.to_owned(), made.text().into_bytes())]);
    pass.put_secret(made.secret(), &data);
    Ok(())
}
