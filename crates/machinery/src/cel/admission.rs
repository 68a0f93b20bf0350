//! What expressions of admission see: the variables and the authorizer of policies and match conditions
//! (`apiserver/pkg/admission/plugin/cel/compile.go`, `apiserver/pkg/cel/library/authz.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::parse::parse;
use super::{Env, Object, Program, Type};

/// Name of the type of `authorizer`.
pub const AUTHORIZER: &str = "kubernetes.authorization.Authorizer";
/// Name of the type of a check of a path.
pub const PATH_CHECK: &str = "kubernetes.authorization.PathCheck";
/// Name of the type of a group of resources.
pub const GROUP_CHECK: &str = "kubernetes.authorization.GroupCheck";
/// Name of the type of a check of a resource, which `authorizer.requestResource` is.
pub const RESOURCE_CHECK: &str = "kubernetes.authorization.ResourceCheck";
/// Name of the type of what came of a check.
pub const DECISION: &str = "kubernetes.authorization.Decision";
/// The variable that is a check of the request's own resource.
pub const REQUEST_RESOURCE: &str = "authorizer.requestResource";
/// What a check costs.
pub const CHECK_COST: u64 = 350_000;

/// What is there beside the request and its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// `params`.
    pub params: bool,
    /// `authorizer` and `authorizer.requestResource`.
    pub authorizer: bool,
}

fn object(name: &str, fields: &[(&str, Type)]) -> Type {
    let fields: BTreeMap<String, Type> = fields
        .iter()
        .map(|(name, of)| ((*name).to_owned(), of.clone()))
        .collect();
    Type::Object(Object::new(name, fields))
}

fn opaque(name: &str) -> Type {
    Type::Opaque(Arc::from(name))
}

fn request() -> Type {
    let text = || Type::String;
    let kind = object(
        "kubernetes.GroupVersionKind",
        &[("group", text()), ("version", text()), ("kind", text())],
    );
    let resource = object(
        "kubernetes.GroupVersionResource",
        &[("group", text()), ("version", text()), ("resource", text())],
    );
    let user = object(
        "kubernetes.UserInfo",
        &[
            ("username", text()),
            ("uid", text()),
            ("groups", Type::list(text())),
            ("extra", Type::map_of(Type::list(text()))),
        ],
    );
    object(
        "kubernetes.AdmissionRequest",
        &[
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", text()),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", text()),
            ("name", text()),
            ("namespace", text()),
            ("operation", text()),
            ("userInfo", user),
            ("dryRun", Type::Bool),
            ("options", Type::Dyn),
        ],
    )
}

fn namespace() -> Type {
    let text = || Type::String;
    let texts = || Type::map_of(Type::String);
    let metadata = object(
        "kubernetes.NamespaceMetadata",
        &[
            ("name", text()),
            ("generateName", text()),
            ("namespace", text()),
            ("labels", texts()),
            ("annotations", texts()),
            ("UID", text()),
            ("creationTimestamp", Type::Timestamp),
            ("deletionGracePeriodSeconds", Type::Int),
            ("deletionTimestamp", Type::Timestamp),
            ("generation", Type::Int),
            ("resourceVersion", text()),
            ("finalizers", Type::list(text())),
        ],
    );
    let spec = object(
        "kubernetes.NamespaceSpec",
        &[("finalizers", Type::list(text()))],
    );
    let status = object("kubernetes.NamespaceStatus", &[("phase", text())]);
    object(
        "kubernetes.Namespace",
        &[("metadata", metadata), ("spec", spec), ("status", status)],
    )
}

/// Declarations for an expression of admission.
#[must_use]
pub fn environment(seen: Seen) -> Env {
    let mut env = Env::new()
        .variable("object", Type::Dyn)
        .variable("oldObject", Type::Dyn)
        .variable("request", request())
        .variable("namespaceObject", namespace());
    if seen.params {
        env = env.variable("params", Type::Dyn);
    }
    if seen.authorizer {
        env = env
            .variable("authorizer", opaque(AUTHORIZER))
            .variable(REQUEST_RESOURCE, opaque(RESOURCE_CHECK));
    }
    env
}

/// Declarations for checking an expression of a policy against the type of the resource it is about, and of its
/// parameters, if it has some (`apiserver/pkg/admission/plugin/policy/validating/typechecking.go`).
#[must_use]
pub fn checking_environment(object: &Type, params: Option<&Type>) -> Env {
    let mut env = Env::new()
        .variable("object", object.clone())
        .variable("oldObject", object.clone())
        .variable("request", request())
        .variable("namespaceObject", namespace())
        .variable("authorizer", opaque(AUTHORIZER));
    if let Some(params) = params {
        env = env.variable("params", params.clone());
    }
    env
}

/// Adds a policy's variables, which come one after another, as `variables`; one that is wrong has any type.
#[must_use]
pub fn with_variables(env: Env, variables: &[(&str, &str)]) -> Env {
    let all = |types: &BTreeMap<String, Type>| {
        Type::Object(Object::new("kubernetes.variables", types.clone()))
    };
    let mut types = BTreeMap::new();
    let mut env = env.variable("variables", all(&types));
    for (name, expression) in variables {
        let program = env.compile(expression);
        let found = program.map_or(Type::Dyn, |program| composed(program.output()));
        types.insert((*name).to_owned(), found);
        env = env.variable("variables", all(&types));
    }
    env
}

/// The type a variable has for what comes after it: of objects nothing is known
/// (`apiserver/pkg/admission/plugin/cel/composition.go`).
#[must_use]
pub fn composed(of: &Type) -> Type {
    match of {
        Type::List(item) => Type::list(composed(item)),
        Type::Map(key, value) => Type::Map(Arc::new(composed(key)), Arc::new(composed(value))),
        Type::Null
        | Type::Bool
        | Type::Int
        | Type::Uint
        | Type::Double
        | Type::String
        | Type::Bytes
        | Type::Timestamp
        | Type::Duration => of.clone(),
        Type::Dyn
        | Type::Error
        | Type::Param(_)
        | Type::Optional(_)
        | Type::Kind(_)
        | Type::Opaque(_)
        | Type::Object(_) => Type::Dyn,
    }
}

/// The functions of the authorizer, which a [`super::Host`] answers.
pub(super) fn with_authorizer(env: Env) -> Env {
    let (authorizer, path, group, resource, decision) = (
        || opaque(AUTHORIZER),
        || opaque(PATH_CHECK),
        || opaque(GROUP_CHECK),
        || opaque(RESOURCE_CHECK),
        || opaque(DECISION),
    );
    let text = || Type::String;
    let mut env = env
        .function("path", true, vec![authorizer(), text()], path())
        .function("group", true, vec![authorizer(), text()], group())
        .function(
            "serviceAccount",
            true,
            vec![authorizer(), text(), text()],
            authorizer(),
        )
        .function("resource", true, vec![group(), text()], resource())
        .function("check", true, vec![path(), text()], decision())
        .function("check", true, vec![resource(), text()], decision());
    for name in [
        "subresource",
        "namespace",
        "name",
        "fieldSelector",
        "labelSelector",
    ] {
        env = env.function(name, true, vec![resource(), text()], resource());
    }
    for (name, result) in [
        ("errored", Type::Bool),
        ("error", text()),
        ("allowed", Type::Bool),
        ("reason", text()),
    ] {
        env = env.function(name, true, vec![decision()], result);
    }
    env
}

/// A type as Go prints it, which is not always how its checker does.
fn go_name(of: &Type) -> String {
    match of {
        Type::List(item) => format!("list({})", go_name(item)),
        Type::Map(key, value) => format!("map({}, {})", go_name(key), go_name(value)),
        Type::Optional(inner) => format!("optional_type({})", go_name(inner)),
        Type::Kind(inner) => format!("type({})", go_name(inner)),
        other => other.runtime_name().to_owned(),
    }
}

/// Why an expression cannot be used, as kube-apiserver says it (`apiserver/pkg/cel/errors.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It is wrong.
    Invalid(String),
    /// It can't be made ready to run, for which the server blames itself.
    Internal(String),
}

/// Whether an expression can be read at all; nothing is said of what it refers to.
///
/// # Errors
/// What is wrong with it.
pub fn parses(expression: &str) -> Result<(), Unusable> {
    let read = parse(expression).map(drop);
    read.map_err(|error| Unusable::Invalid(format!("compilation failed: {error}")))
}

/// What an expression that must come to one of `types` (any if there are none) comes to.
///
/// # Errors
/// What is wrong with it.
pub fn check(env: &Env, expression: &str, types: &[Type]) -> Result<Type, Unusable> {
    let program = env
        .compile(expression)
        .map_err(|error| Unusable::Invalid(format!("compilation failed: {error}")))?;
    let found = program.output();
    if types.is_empty() || types.contains(found) {
        return ready(&program).map(|()| found.clone());
    }
    let names: Vec<String> = types.iter().map(go_name).collect();
    let found = go_name(found);
    Err(Unusable::Invalid(match names.as_slice() {
        [one] => format!("must evaluate to {one} but got {found}"),
        several => format!(
            "must evaluate to one of [{}] but got {found}",
            several.join(" ")
        ),
    }))
}

/// Makes a program ready to run.
///
/// # Errors
/// What its constants lack.
pub fn ready(program: &Program) -> Result<(), Unusable> {
    let told = |text| Unusable::Internal(format!("program instantiation failed: {text}"));
    program.instantiate().map_err(told)
}
