//! Webhook configurations as the dispatcher reads them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use machinery::meta;
use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::outside::{Place, ca_bundle};

/// Kind and table.
pub(crate) const CONFIGURATIONS: [(&str, &str); 2] = [
    (
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/validatingwebhookconfigurations",
    ),
    (
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/mutatingwebhookconfigurations",
    ),
];

/// One webhook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hook<'a> {
    /// Whether it may change objects.
    pub mutating: bool,
    /// Name of its configuration.
    pub configuration: &'a str,
    /// Its position there, as names may repeat in old configurations.
    pub index: usize,
    value: &'a Value,
}

impl ApiServer {
    /// The configurations of one kind of webhooks, by name.
    pub(super) fn configurations(&self, mutating: bool) -> Vec<Arc<Value>> {
        let [(_, validating), (_, changing)] = CONFIGURATIONS;
        let table = if mutating { changing } else { validating };
        self.objects_of(table).collect()
    }
}

/// The webhooks of configurations of one kind, in their order.
pub(super) fn hooks(configurations: &[Arc<Value>], mutating: bool) -> Vec<Hook<'_>> {
    let mut hooks = Vec::new();
    for configuration in configurations {
        let webhooks = configuration.get("webhooks").and_then(Value::as_array);
        for (index, value) in webhooks.into_iter().flatten().enumerate() {
            hooks.push(Hook {
                mutating,
                configuration: meta::name(configuration),
                index,
                value,
            });
        }
    }
    hooks
}

impl<'a> Hook<'a> {
    fn text(&self, pointer: &str) -> &'a str {
        let found = self.value.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// Its name.
    pub(super) fn name(&self) -> &'a str {
        self.text("/name")
    }

    /// A field, or null.
    pub(super) fn field(&self, name: &str) -> &'a Value {
        self.value.get(name).unwrap_or(&Value::Null)
    }

    /// The entries of a list.
    pub(super) fn list(&self, name: &str) -> &'a [Value] {
        self.field(name).as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether a failure to ask it counts as consent.
    pub(super) fn ignores_failure(&self) -> bool {
        self.text("/failurePolicy") == "Ignore"
    }

    /// Whether it may be asked without anything happening.
    pub(super) fn takes_dry_run(&self) -> bool {
        matches!(self.text("/sideEffects"), "None" | "NoneOnDryRun")
    }

    /// Whether it wants to see an object again that was changed after it.
    pub(super) fn wants_again(&self) -> bool {
        self.text("/reinvocationPolicy") == "IfNeeded"
    }

    /// Whether it wants to be asked in its own version about other versions of a resource.
    pub(super) fn takes_equivalents(&self) -> bool {
        self.text("/matchPolicy") == "Equivalent"
    }

    /// The first version of reviews it takes that is known: `v1` or `v1beta1`.
    pub(super) fn review_version(&self) -> Option<&'static str> {
        let versions = self.list("admissionReviewVersions").iter();
        let mut known = versions.filter_map(|version| match version.as_str() {
            Some("v1") => Some("v1"),
            Some("v1beta1") => Some("v1beta1"),
            Some(_) | None => None,
        });
        known.next()
    }

    /// How long to wait for it.
    pub(super) fn timeout(&self) -> Duration {
        let seconds = self.field("timeoutSeconds").as_u64();
        Duration::from_secs(seconds.unwrap_or(10))
    }

    /// Certificates to trust, PEM.
    pub(super) fn ca_bundle(&self) -> Bytes {
        ca_bundle(self.field("clientConfig"))
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        Place::of(self.field("clientConfig"))
    }

    /// What tells its questions from others'.
    pub(super) fn asker(&self) -> String {
        let kind = if self.mutating {
            "mutating"
        } else {
            "validating"
        };
        format!(
            "{kind} {} {} {}",
            self.configuration,
            self.index,
            self.name()
        )
    }
}
