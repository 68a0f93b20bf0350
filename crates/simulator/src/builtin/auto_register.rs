//! An `APIService` for each version that a definition serves.
//!
//! Mirrors `pkg/controlplane/controller/crdregistration` and `kube-aggregator/pkg/controllers/autoregister`.

use jiff::Timestamp;
use serde_json::Value;

use super::control::{Control, Key};
use super::object::{self, flag, items, text};
use super::write::{Target, Work, Write};
use crate::apiserver::own::{MANAGED, api_service};
use crate::apiserver::resource::known::{API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS as DEFINITIONS};
use crate::session::{Change, DeleteOptions, Session};
use crate::status_error::ApiError;

/// Priorities of groups and versions of definitions.
const PRIORITIES: (u32, u32) = (1000, 100);

/// Registers the versions of definitions.
pub(crate) struct AutoRegister;

/// The keys of a definition's versions: an `APIService` is named `VERSION.GROUP`.
fn keys(definition: &Value) -> impl Iterator<Item = Key> {
    let group = text(definition, "/spec/group");
    let served = items(definition, "/spec/versions")
        .iter()
        .filter(|version| flag(version, "/served"));
    served.map(move |version| (String::new(), format!("{}.{group}", text(version, "/name"))))
}

impl Control for AutoRegister {
    const NAME: &'static str = "crd-autoregister";

    fn all(&self, session: &Session<'_>) -> Vec<Key> {
        let definitions = session.list(&DEFINITIONS, None);
        definitions.iter().flat_map(|one| keys(one)).collect()
    }

    fn affected(&self, _: &Session<'_>, change: &Change) -> Vec<Key> {
        if change.resource == API_SERVICES {
            return vec![(String::new(), change.name.clone())];
        }
        if change.resource != DEFINITIONS {
            return Vec::new();
        }
        let both = [&change.before, &change.after].into_iter().flatten();
        both.flat_map(|one| keys(one)).collect()
    }

    fn sync(&mut self, work: &mut Work<'_, '_>, key: &Key) -> Result<Option<Timestamp>, ApiError> {
        let definitions = work.session.list(&DEFINITIONS, None);
        let wanted = definitions
            .iter()
            .flat_map(|one| keys(one))
            .any(|wanted| wanted == *key);
        let found = work.session.get(&API_SERVICES, "", &key.1);
        match (found, key.1.split_once('.')) {
            (None, Some((version, group))) if wanted => {
                let object = api_service((group, version), "true", PRIORITIES);
                let now = work.now();
                work.session.api.keep(&API_SERVICES, object, now);
            }
            (Some(found), _) if !wanted => {
                let labels = object::labels(&found);
                if labels.get(MANAGED).is_some_and(|managed| managed == "true") {
                    let target = Target::of(API_SERVICES, &found);
                    work.perform(vec![Write::Delete(target, DeleteOptions::default())])?;
                }
            }
            (Some(_) | None, _) => {}
        }
        Ok(None)
    }
}
