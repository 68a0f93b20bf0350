//! Policies of validating admission and what binds them
//! (`apiserver/pkg/admission/plugin/policy/{generic,validating,matching}`).

use std::sync::Arc;

use machinery::labels::Selector;
use machinery::meta;
use serde_json::Value;

use super::expressions::{Extra, Match, Scope};
use super::review::Shown;
use super::rules::selects_object;
use super::{Attributes, warn};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::builtin::object::{items, text};
use crate::status_error::{ApiError, Cause, Details};

/// Table of policies.
pub(super) const POLICIES: &str = "admissionregistration.k8s.io/validatingadmissionpolicies";
/// Table of what binds them.
pub(super) const BINDINGS: &str = "admissionregistration.k8s.io/validatingadmissionpolicybindings";
/// Longest message an expression may make, in bytes.
const MESSAGE_LIMIT: usize = 5 * 1024;
const NO_PARAMS: &str = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction";

/// One failed validation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    reason: String,
    message: String,
    /// It denies whatever the binding says.
    always: bool,
}

impl Failure {
    fn invalid(message: impl Into<String>) -> Self {
        Self {
            reason: "Invalid".to_owned(),
            message: message.into(),
            always: false,
        }
    }

    fn always(message: impl Into<String>) -> Self {
        Self {
            always: true,
            ..Self::invalid(message)
        }
    }
}

fn fails_closed(policy: &Value) -> bool {
    text(policy, "/spec/failurePolicy") != "Ignore"
}

impl ApiServer {
    /// Judges a request by all bound policies. The first denial, by policy and binding, is the failure.
    pub(super) fn policies(
        &self,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        let mut denied = None;
        for policy in self.objects_of(POLICIES) {
            let constraints = policy.pointer("/spec/matchConstraints");
            let constraints = constraints.unwrap_or(&Value::Null);
            let Some(about) = self.matched(constraints, attributes, object)? else {
                continue;
            };
            let name = meta::name(&policy);
            let bindings = self.objects_of(BINDINGS);
            for binding in bindings.filter(|binding| text(binding, "/spec/policyName") == name) {
                if let Some(resources) = binding.pointer("/spec/matchResources")
                    && self.matched(resources, attributes, object)?.is_none()
                {
                    continue;
                }
                if let Err(text) = self.check_param_kind(&policy) {
                    if fails_closed(&policy) {
                        let message =
                            format!("ValidatingAdmissionPolicy '{name}' denied request: {text}");
                        let failure = Failure::invalid(text);
                        denied = denied.or(Some((message, failure)));
                    }
                    break;
                }
                let failures = self.judged(&policy, &binding, attributes, &about, object)?;
                let who = format!(
                    "ValidatingAdmissionPolicy '{name}' with binding '{}'",
                    meta::name(&binding)
                );
                for failure in failures {
                    let actions = items(&binding, "/spec/validationActions");
                    let acts = |wanted: &str| actions.iter().any(|action| action == wanted);
                    if acts("Warn") && !failure.always {
                        let text = format!("Validation failed for {who}: {}", failure.message);
                        warn(warnings, &text);
                    }
                    if (acts("Deny") || failure.always) && denied.is_none() {
                        let message = format!("{who} denied request: {}", failure.message);
                        denied = Some((message, failure.clone()));
                    }
                }
            }
        }
        let denial = denied.map(|(message, failure)| denial(attributes, object, message, &failure));
        denial.map_or(Ok(()), Err)
    }

    /// The version of the resource a match is about; `None` if the request doesn't match.
    fn matched(
        &self,
        resources: &Value,
        attributes: &Attributes<'_>,
        object: Option<&Value>,
    ) -> Result<Option<Arc<Served>>, ApiError> {
        let field = |name: &str| resources.get(name).unwrap_or(&Value::Null);
        let namespace = self.selects_namespace(field("namespaceSelector"), attributes, object);
        if matches!(namespace, Ok(false))
            || !selects_object(field("objectSelector"), object, attributes.old)?
        {
            return Ok(None);
        }
        let equivalents = field("matchPolicy") != "Exact";
        let named = |list: &Value| -> Vec<Value> {
            let rules = list.as_array().into_iter().flatten();
            rules
                .filter(|rule| names_object(rule, attributes.name))
                .cloned()
                .collect()
        };
        let excluded = named(field("excludeResourceRules"));
        if self.covered(&excluded, equivalents, attributes).is_some() {
            return Ok(None);
        }
        let about = if field("resourceRules").as_array().is_none_or(Vec::is_empty) {
            Some(attributes.requested.clone())
        } else {
            let rules = named(field("resourceRules"));
            self.covered(&rules, equivalents, attributes)
        };
        if about.is_some() {
            namespace?;
        }
        Ok(about)
    }

    /// The kind of parameters a policy wants must be served.
    fn check_param_kind(&self, policy: &Value) -> Result<(), String> {
        let Some(kind) = policy.pointer("/spec/paramKind") else {
            return Ok(());
        };
        let (api_version, kind) = (text(kind, "/apiVersion"), text(kind, "/kind"));
        let served = self.registry().of_kind(api_version, kind);
        served.map(drop).ok_or_else(|| {
            format!(
                "failed to configure policy: failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'"
            )
        })
    }

    /// What a policy has against a request, under one binding.
    fn judged(
        &self,
        policy: &Value,
        binding: &Value,
        attributes: &Attributes<'_>,
        about: &Arc<Served>,
        object: Option<&Value>,
    ) -> Result<Vec<Failure>, ApiError> {
        let params = match self.params(policy, binding, attributes) {
            Ok(params) => params,
            Err(text) if fails_closed(policy) => return Ok(vec![Failure::always(text)]),
            Err(_) => return Ok(Vec::new()),
        };
        let shown = Shown::of(self, attributes, about, object)?;
        let objects = shown.objects();
        let mut failures = Vec::new();
        for params in params {
            let extra = Extra {
                params,
                namespace: Some(self.namespace_object(attributes)),
            };
            let scope = Scope::new(self, attributes, &about.resource, objects, &extra);
            failures.extend(violations(policy, scope));
        }
        Ok(failures)
    }

    /// The parameters to judge with, one after another; `None` in it where the policy has none, null where the binding names
    /// none.
    fn params(
        &self,
        policy: &Value,
        binding: &Value,
        attributes: &Attributes<'_>,
    ) -> Result<Vec<Option<Value>>, String> {
        let Some(kind) = policy.pointer("/spec/paramKind") else {
            return Ok(vec![None]);
        };
        let Some(reference) = binding.pointer("/spec/paramRef") else {
            return Ok(vec![Some(Value::Null)]);
        };
        let served = self
            .registry()
            .of_kind(text(kind, "/apiVersion"), text(kind, "/kind"));
        let Some(served) = served else {
            return Ok(Vec::new());
        };
        let namespace = match text(reference, "/namespace") {
            _ if !served.resource.namespaced => "",
            "" => attributes.namespace,
            given => given,
        };
        if served.resource.namespaced && namespace.is_empty() {
            return Err("failed to configure binding: cannot use namespaced paramRef in policy binding that matches \
                        cluster-scoped resources"
                .to_owned());
        }
        let name = text(reference, "/name");
        let selector = reference.get("selector");
        let selector = selector.and_then(|found| Selector::from_label_selector(found).ok());
        let found = self.objects_of(&served.table).filter(|object| {
            let named = match &selector {
                Some(selector) => selector.matches(&meta::labels(object)),
                None => meta::name(object) == name,
            };
            named && meta::namespace(object) == namespace
        });
        let found: Vec<_> = found.map(|object| Some(Value::clone(&object))).collect();
        if found.is_empty() && text(reference, "/parameterNotFoundAction") == "Deny" {
            return Err(NO_PARAMS.to_owned());
        }
        Ok(found)
    }
}

fn names_object(rule: &Value, name: &str) -> bool {
    let names = items(rule, "/resourceNames");
    names.is_empty() || names.iter().any(|known| known == name)
}

/// What a policy's expressions find wrong.
fn violations(policy: &Value, mut scope: Scope<'_>) -> Vec<Failure> {
    match scope.conditions(items(policy, "/spec/matchConditions")) {
        Match::Holds => {}
        Match::Broken(text) if fails_closed(policy) => return vec![Failure::invalid(text)],
        Match::Fails | Match::Broken(_) => return Vec::new(),
    }
    for variable in items(policy, "/spec/variables") {
        scope.compose(text(variable, "/name"), text(variable, "/expression"));
    }
    let mut failures = Vec::new();
    for validation in items(policy, "/spec/validations") {
        let expression = text(validation, "/expression");
        match scope.value(expression) {
            Ok(value) if value.as_bool() == Some(true) => {}
            Ok(_) => failures.push(Failure {
                reason: match text(validation, "/reason") {
                    "" => "Invalid".to_owned(),
                    reason => reason.to_owned(),
                },
                message: message(validation, &mut scope),
                always: false,
            }),
            Err(text) if fails_closed(policy) => failures.push(Failure::invalid(text)),
            Err(_) => {}
        }
    }
    // What cannot be said to the audit log is a failure, whatever the binding does about others.
    if fails_closed(policy) {
        for annotation in items(policy, "/spec/auditAnnotations") {
            if let Err(text) = scope.value(text(annotation, "/valueExpression").trim()) {
                failures.push(Failure::always(text));
            }
        }
    }
    failures
}

/// What a failed validation says: its expression if that makes a line of text, its message, or itself.
fn message(validation: &Value, scope: &mut Scope<'_>) -> String {
    let expression = text(validation, "/messageExpression").trim();
    let made = if expression.is_empty() {
        None
    } else {
        scope.value(expression).ok()
    };
    let made = made.as_ref().and_then(|value| value.as_str());
    let made = made
        .map(str::trim)
        .filter(|made| !made.is_empty() && made.len() <= MESSAGE_LIMIT && !made.contains('\n'));
    match (made, text(validation, "/message").trim()) {
        (Some(made), _) => made.to_owned(),
        (None, "") => format!(
            "failed expression: {}",
            text(validation, "/expression").trim()
        ),
        (None, message) => message.to_owned(),
    }
}

/// The failure a client sees.
fn denial(
    attributes: &Attributes<'_>,
    object: Option<&Value>,
    message: String,
    failure: &Failure,
) -> ApiError {
    let resource = attributes.resource();
    let named = object.map_or("", |object| match meta::name(object) {
        "" => meta::generate_name(object),
        name => name,
    });
    let name = match (attributes.name, named) {
        ("", "") => "Unknown",
        ("", named) => named,
        (name, _) => name,
    };
    let code = match failure.reason.as_str() {
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    let text = format!(
        "{} {name:?} is forbidden: {message}",
        resource.group_resource()
    );
    let mut details = Details::of(resource, name);
    details.causes.push(Cause {
        message,
        ..Cause::default()
    });
    ApiError::new(code, failure.reason.clone(), text, Some(details))
}
