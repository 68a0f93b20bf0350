//! Expressions of webhooks and policies: what they see, and what they come to
//! (`apiserver/pkg/admission/plugin/cel`, `…/webhook/matchconditions`).

use std::collections::BTreeMap;

use machinery::cel::admission::{REQUEST_RESOURCE, Seen, composed, environment};
use machinery::cel::{
    Env, EvalError, Object, PER_CALL, PER_OBJECT, Program, Type, Value as Cel, Variables, untyped,
};
use serde_json::Value;

use super::authorizer::Authorizer;
use super::review;
use super::{Attributes, review::Objects};
use crate::apiserver::ApiServer;
use crate::apiserver::resource::Resource;

/// What expressions about one request see, and what they may still cost.
pub(super) struct Scope<'a> {
    authorizer: Authorizer<'a>,
    env: Env,
    variables: Variables,
    composed: (BTreeMap<String, Type>, BTreeMap<String, Cel>),
    budget: u64,
}

/// What match conditions come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    /// All hold.
    Holds,
    /// One doesn't.
    Fails,
    /// None fails, and some could not be computed.
    Broken(String),
}

/// What a policy's expressions see beside the request.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra {
    /// The parameter; `None` if the policy has no kind of parameters.
    pub params: Option<Value>,
    /// The namespace of the object, or null; `None` where it cannot be seen.
    pub namespace: Option<Value>,
}

impl<'a> Scope<'a> {
    /// What is seen of a request about `about`, with the objects in that version.
    pub(super) fn new(
        server: &'a ApiServer,
        attributes: &Attributes<'a>,
        about: &Resource,
        objects: Objects<'_>,
        extra: &Extra,
    ) -> Self {
        let mut request = review::request(attributes, about, objects);
        if let Some(fields) = request.as_object_mut() {
            fields.remove("object");
            fields.remove("oldObject");
        }
        let mut scope = Self {
            authorizer: Authorizer::new(server, attributes),
            env: environment(Seen {
                params: extra.params.is_some(),
                authorizer: true,
            }),
            variables: Variables::new(),
            composed: (BTreeMap::new(), BTreeMap::new()),
            budget: PER_OBJECT,
        };
        let null = Value::Null;
        scope.see("object", objects.new.unwrap_or(&null));
        scope.see("oldObject", objects.old.unwrap_or(&null));
        scope.see("request", &request);
        if let Some(params) = &extra.params {
            scope.see("params", params);
        }
        let namespace = extra.namespace.as_ref();
        scope.see("namespaceObject", namespace.unwrap_or(&null));
        scope.variables.set("authorizer", Authorizer::value());
        let own = Authorizer::request_resource(attributes);
        scope.variables.set(REQUEST_RESOURCE, own);
        scope
    }

    fn see(&mut self, name: &str, value: &Value) {
        self.variables.set(name, untyped(value));
    }

    fn compile(&self, expression: &str) -> Result<Program, String> {
        let compiled = self.env.compile(expression);
        let program = compiled.map_err(|error| format!("compilation failed: {error}"))?;
        let ready = program.instantiate();
        ready.map_err(|text| format!("program instantiation failed: {text}"))?;
        Ok(program)
    }

    /// Adds a variable of a policy, which those after it and the validations see as `variables.NAME`.
    pub(super) fn compose(&mut self, name: &str, expression: &str) {
        let broken = |text: &str| {
            let text = format!("composited variable {name:?} fails to evaluate: {text}");
            Cel::Broken(text.into())
        };
        let (kind, value) = match self.compile(expression) {
            Ok(program) => {
                let run = program.run_with(&self.variables, Some(&self.authorizer), PER_CALL);
                let value = run
                    .result
                    .unwrap_or_else(|error| broken(&error.to_string()));
                (composed(program.output()), value)
            }
            Err(text) => (Type::Dyn, broken(&text)),
        };
        let (types, values) = &mut self.composed;
        types.insert(name.to_owned(), kind);
        values.insert(name.to_owned(), value);
        let all = Object::new("kubernetes.variables", types.clone());
        let values = Cel::map(values.clone());
        let env = std::mem::take(&mut self.env);
        self.env = env.variable("variables", Type::Object(all));
        self.variables.set("variables", values);
    }

    /// The value of an expression; the error is the whole text.
    pub(super) fn value(&mut self, expression: &str) -> Result<Cel, String> {
        let failed = |text: String| format!("expression '{expression}' resulted in error: {text}");
        let program = self.compile(expression).map_err(failed)?;
        let limit = PER_CALL.min(self.budget);
        let run = program.run_with(&self.variables, Some(&self.authorizer), limit);
        self.budget = self.budget.saturating_sub(run.cost);
        run.result.map_err(|error| match error {
            EvalError::TooExpensive if self.budget == 0 => {
                "validation failed due to running out of cost budget, no further validation rules will be run"
                    .to_owned()
            }
            other => failed(other.to_string()),
        })
    }

    /// What match conditions come to.
    pub(super) fn conditions(&mut self, conditions: &[Value]) -> Match {
        let mut errors = Vec::new();
        for condition in conditions {
            let expression = condition.get("expression").and_then(Value::as_str);
            match self.value(expression.unwrap_or_default()) {
                Ok(value) if value.as_bool() == Some(false) => return Match::Fails,
                Ok(_) => {}
                // The same is told once.
                Err(text) if errors.contains(&text) => {}
                Err(text) => errors.push(text),
            }
        }
        match errors.as_slice() {
            [] => Match::Holds,
            [one] => Match::Broken(one.clone()),
            several => Match::Broken(format!("[{}]", several.join(", "))),
        }
    }
}

impl ApiServer {
    /// The namespace of the objects a request is about, for expressions.
    pub(super) fn namespace_object(&self, attributes: &Attributes<'_>) -> Value {
        let inside = attributes.requested.resource.namespaced;
        let found = self.store().get("/namespaces", attributes.namespace);
        found
            .filter(|_| inside)
            .map(|entry| Value::clone(&entry.value))
            .unwrap_or_default()
    }
}
