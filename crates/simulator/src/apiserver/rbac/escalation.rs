//! Nobody hands on rights they don't have (`pkg/registry/rbac/{role,clusterrole,rolebinding,…}/policybased/storage.go`).

use serde_json::Value;

use super::cover;
use super::rule::{Asked, Attributes, ResourceAsked, Rule, go_strings};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::Served;
use crate::request::User;
use crate::status_error::ApiError;

/// What a write of a role or binding is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Granted<'a> {
    served: &'a Served,
    namespace: &'a str,
    new: &'a Value,
    old: Option<&'a Value>,
    /// The name in the request's path; a create is about the collection, whose path has none.
    requested: &'a str,
}

impl<'a> Granted<'a> {
    /// A new object in place of the stored one, if there is one. The namespace is empty for cluster-scoped ones.
    pub fn new(
        served: &'a Served,
        namespace: &'a str,
        new: &'a Value,
        old: Option<&'a Value>,
    ) -> Self {
        Self {
            served,
            namespace,
            new,
            old,
            requested: old.map(machinery::meta::name).unwrap_or_default(),
        }
    }

    /// The same for a request whose path has that name although the object is new.
    pub fn requested_as(self, name: Option<&'a str>) -> Self {
        Self {
            requested: name.unwrap_or(self.requested),
            ..self
        }
    }
}

impl ApiServer {
    /// 403 if a role or binding would give rights that its writer doesn't hold and may not hand on.
    pub(crate) fn check_escalation(
        &self,
        user: Option<&User>,
        granted: Granted<'_>,
    ) -> Result<(), ApiError> {
        let Some(user) = user.filter(|user| !user.is_admin()) else {
            return Ok(());
        };
        if granted.served.resource.group != super::GROUP
            || granted
                .old
                .is_some_and(|old| only_bookkeeping(granted.new, old))
        {
            return Ok(());
        }
        match granted.served.resource.kind.as_ref() {
            "Role" | "ClusterRole" => self.check_role(user, granted),
            "RoleBinding" | "ClusterRoleBinding" => self.check_binding(user, granted),
            _ => Ok(()),
        }
    }

    fn check_role(&self, user: &User, granted: Granted<'_>) -> Result<(), ApiError> {
        let resource = &granted.served.resource;
        let name = machinery::meta::name(granted.new);
        let escalate = Attributes {
            verb: "escalate",
            object: Asked::Resource(ResourceAsked {
                group: super::GROUP,
                resource: &resource.plural,
                namespace: granted.namespace,
                name: granted.requested,
                ..ResourceAsked::default()
            }),
        };
        if self.rbac.decide(user, &escalate).allowed {
            return Ok(());
        }
        self.check_rules(user, granted, name, &Rule::all(granted.new))?;
        let aggregates = std::iter::once(granted.new)
            .chain(granted.old)
            .filter_map(|role| role.pointer("/aggregationRule/clusterRoleSelectors"))
            .any(|selectors| selectors.as_array().is_some_and(|all| !all.is_empty()));
        if aggregates
            && self
                .check_rules(user, granted, name, &everything())
                .is_err()
        {
            let text = "must have cluster-admin privileges to use the aggregationRule";
            return Err(ApiError::forbidden(resource, name, text));
        }
        Ok(())
    }

    fn check_binding(&self, user: &User, granted: Granted<'_>) -> Result<(), ApiError> {
        let text = |pointer: &str| {
            let found = granted.new.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default()
        };
        let (kind, role) = (text("/roleRef/kind"), text("/roleRef/name"));
        let bind = Attributes {
            verb: "bind",
            object: Asked::Resource(ResourceAsked {
                group: text("/roleRef/apiGroup"),
                resource: if kind == "Role" {
                    "roles"
                } else {
                    "clusterroles"
                },
                namespace: granted.namespace,
                name: role,
                ..ResourceAsked::default()
            }),
        };
        let known = matches!(kind, "Role" | "ClusterRole");
        if known && self.rbac.decide(user, &bind).allowed {
            return Ok(());
        }
        let resource = &granted.served.resource;
        match kind {
            "Role" if granted.namespace.is_empty() => {
                return Err(ApiError::bad_request("Namespace parameter required."));
            }
            "Role" | "ClusterRole" if role.is_empty() => {
                return Err(ApiError::bad_request("Name parameter required."));
            }
            "Role" | "ClusterRole" => {}
            other => {
                let text = format!("unsupported role reference kind: {other:?}");
                return Err(ApiError::internal(text));
            }
        }
        let Ok(rules) = self.rbac.role(kind, granted.namespace, role) else {
            return Err(ApiError::not_found(resource, role));
        };
        self.check_rules(user, granted, machinery::meta::name(granted.new), rules)
    }

    fn check_rules(
        &self,
        user: &User,
        granted: Granted<'_>,
        name: &str,
        rules: &[Rule],
    ) -> Result<(), ApiError> {
        let held = self.rbac.rules_of(user, granted.namespace);
        let missing = cover::missing(&held.rules, rules);
        if missing.is_empty() {
            return Ok(());
        }
        let mut text = format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            go_strings(&user.groups),
            missing.join("\n")
        );
        let resource = &granted.served.resource;
        let absent = held.absent.iter();
        let errors: Vec<_> = absent
            .map(|absent| absent.among(&resource.plural))
            .collect();
        if !errors.is_empty() {
            let errors = super::index::together(&errors);
            text = format!("{text}; resolution errors: [{errors}]");
        }
        Err(ApiError::forbidden(resource, name, &text))
    }
}

fn everything() -> [Rule; 2] {
    let any = || vec!["*".to_owned()];
    let resources = Rule {
        verbs: any(),
        api_groups: any(),
        resources: any(),
        ..Rule::default()
    };
    let paths = Rule {
        verbs: any(),
        paths: any(),
        ..Rule::default()
    };
    [resources, paths]
}

/// Whether an update changes nothing but what garbage collectors write: owners and finalizers.
fn only_bookkeeping(new: &Value, old: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        let metadata = machinery::meta::metadata_mut(&mut object);
        for field in ["ownerReferences", "finalizers", "managedFields"] {
            metadata.remove(field);
        }
        object
    };
    without(new) == without(old)
}
