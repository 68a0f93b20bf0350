//! Acting as somebody else: `Impersonate-User` and its companions
//! (`apiserver/pkg/endpoints/filters/impersonation/{constrained_impersonation,mode}.go`).

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};

use super::ApiServer;
use super::authorize::forbidden;
use super::rbac::rule::{Asked, Attributes, ResourceAsked, go_strings};
use crate::request::User;
use crate::status_error::ApiError;

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA: &str = "impersonate-extra-";
const NODE: &str = "system:node:";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// Who the headers ask to be; `None` without such headers, 400 for some without a user.
pub(crate) fn asked(headers: &HeaderMap) -> Result<Option<User>, ApiError> {
    let text = |name: &HeaderName| -> String {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let groups = headers.get_all(GROUP).iter();
    let groups = groups.filter_map(|value| value.to_str().ok().map(str::to_owned));
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let (Some(key), Ok(value)) = (name.as_str().strip_prefix(EXTRA), value.to_str()) {
            let values = extra.entry(crate::wire::percent_decode(key, false));
            values.or_default().push(value.to_owned());
        }
    }
    let user = User {
        name: text(&USER),
        uid: text(&UID),
        groups: groups.collect(),
        extra,
    };
    if !user.name.is_empty() {
        return Ok(Some(user));
    }
    if user.uid.is_empty() && user.groups.is_empty() && user.extra.is_empty() {
        return Ok(None);
    }
    Err(ApiError::bad_request(format!(
        "requested {} without impersonating a user name",
        printed(&user)
    )))
}

/// A user as Go's `%#v` prints it.
fn printed(user: &User) -> String {
    let list = |texts: &[String]| {
        let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
        format!("[]string{{{}}}", quoted.join(", "))
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        list(&user.groups)
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let fields = user.extra.iter();
        let fields: Vec<String> = fields
            .map(|(key, values)| format!("{key:?}:{}", list(values)))
            .collect();
        format!("map[string][]string{{{}}}", fields.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{groups}, Extra:{extra}}}",
        user.name, user.uid
    )
}

/// How somebody may be impersonated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// By verbs that name what may be done as whom: `impersonate-on:MODE:VERB` and `impersonate:MODE`.
    Constrained(&'static str),
    /// By `impersonate` alone.
    Legacy,
}

impl ApiServer {
    /// The user a request acts as, if `user` may act so; 403 with what the first way lacks.
    pub(crate) fn impersonate(
        &self,
        user: &User,
        asked: &User,
        wanted: &Attributes<'_>,
    ) -> Result<User, ApiError> {
        let first = self.impersonate_in(constrained(asked), user, asked, wanted);
        let Err(error) = first else {
            return first;
        };
        self.impersonate_in(Mode::Legacy, user, asked, wanted)
            .map_err(|_| error)
    }

    fn impersonate_in(
        &self,
        mode: Mode,
        user: &User,
        asked: &User,
        wanted: &Attributes<'_>,
    ) -> Result<User, ApiError> {
        let (verb, group) = match mode {
            Mode::Legacy => ("impersonate".to_owned(), ""),
            Mode::Constrained(name) => {
                let verb = format!("impersonate-on:{name}:{}", wanted.verb);
                let on = Attributes {
                    verb: &verb,
                    object: wanted.object,
                };
                self.authorize(user, &on)?;
                (format!("impersonate:{name}"), AUTHENTICATION)
            }
        };
        let may = |object: ResourceAsked<'_>| {
            let object = Asked::Resource(object);
            self.authorize(
                user,
                &Attributes {
                    verb: &verb,
                    object,
                },
            )
        };
        let mut acting = asked.clone();
        let mut name = ResourceAsked {
            group,
            resource: "users",
            name: &asked.name,
            ..ResourceAsked::default()
        };
        if let (Mode::Constrained(_), Some(node)) = (mode, node(&asked.name)) {
            (name.resource, name.name) = ("nodes", node);
            acting.groups = vec!["system:nodes".to_owned()];
        }
        if let Some((namespace, account)) = service_account(&asked.name) {
            (name.resource, name.namespace, name.name) = ("serviceaccounts", namespace, account);
            if asked.groups.is_empty() {
                acting.groups = User::service_account(namespace, account).groups;
            }
            if mode != Mode::Legacy && !asked.groups.is_empty() {
                let text = format!(
                    "when impersonating a service account, cannot impersonate groups {}",
                    go_strings(&asked.groups)
                );
                let object = Asked::Resource(name);
                return Err(forbidden(
                    user,
                    &Attributes {
                        verb: &verb,
                        object,
                    },
                    &text,
                ));
            }
        }
        may(name)?;
        self.check_companions(user, asked, &verb, group)?;
        let open = if acting.name == "system:anonymous" {
            Some("system:unauthenticated")
        } else if acting
            .groups
            .iter()
            .any(|own| own == "system:unauthenticated")
        {
            None
        } else {
            Some("system:authenticated")
        };
        if let Some(open) = open.filter(|open| !acting.groups.iter().any(|own| own == open)) {
            acting.groups.push(open.to_owned());
        }
        Ok(acting)
    }

    /// The uid, the groups and the rest that are asked for beside the name.
    fn check_companions(
        &self,
        user: &User,
        asked: &User,
        verb: &str,
        group: &str,
    ) -> Result<(), ApiError> {
        let may = |object: ResourceAsked<'_>, refusal: Option<&str>| {
            let object = Asked::Resource(object);
            let wanted = Attributes { verb, object };
            match refusal {
                Some(text) => Err(forbidden(user, &wanted, text)),
                None => self.authorize(user, &wanted),
            }
        };
        if !asked.uid.is_empty() {
            let object = ResourceAsked {
                group: AUTHENTICATION,
                resource: "uids",
                name: &asked.uid,
                ..ResourceAsked::default()
            };
            may(object, None)?;
        }
        for name in &asked.groups {
            let masters = verb != "impersonate" && name == "system:masters";
            let text = "impersonating the system:masters group is not allowed";
            let object = ResourceAsked {
                group,
                resource: "groups",
                name,
                ..ResourceAsked::default()
            };
            may(object, masters.then_some(text))?;
        }
        for (key, values) in &asked.extra {
            for value in values {
                let object = ResourceAsked {
                    group: AUTHENTICATION,
                    resource: "userextras",
                    subresource: key,
                    name: value,
                    ..ResourceAsked::default()
                };
                may(object, None)?;
            }
        }
        Ok(())
    }
}

/// The constrained way in which somebody can be impersonated.
fn constrained(asked: &User) -> Mode {
    let alone = asked.uid.is_empty() && asked.groups.is_empty() && asked.extra.is_empty();
    if node(&asked.name).is_some() {
        // With companions only the old way is left.
        return if alone {
            Mode::Constrained("arbitrary-node")
        } else {
            Mode::Legacy
        };
    }
    if service_account(&asked.name).is_some() {
        return if alone {
            Mode::Constrained("serviceaccount")
        } else {
            Mode::Legacy
        };
    }
    Mode::Constrained("user-info")
}

fn node(name: &str) -> Option<&str> {
    name.strip_prefix(NODE).filter(|name| !name.is_empty())
}

/// Namespace and name of a `ServiceAccount`'s user name.
pub(crate) fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}
