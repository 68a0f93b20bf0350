//! Acting as somebody else: `Impersonate-User` and its companions
//! (`apiserver/pkg/endpoints/filters/impersonation/{constrained_impersonation,mode}.go`).

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use machinery::names;

use super::ApiServer;
use super::authorize::forbidden;
use super::rbac::rule::{Asked, Attributes, ResourceAsked, go_strings};
use crate::request::User;
use crate::status_error::ApiError;

/// Names the user that a request acts as.
pub(crate) const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA: &str = "impersonate-extra-";
const NODE: &str = "system:node:";
const AUTHENTICATION: &str = "authentication.k8s.io";
/// The way for an account whose token is bound to a pod of that node.
const ASSOCIATED: &str = "associated-node";
/// As many groups or values are first asked for at once.
const MANY: usize = 4;
/// The most users whose last way is remembered.
const REMEMBERED: usize = 10_000;

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
            let values = extra.entry(crate::wire::percent_decode(key));
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
    ))
    .with_no_sniff())
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
pub(crate) enum Mode {
    /// By verbs that name what may be done as whom: `impersonate-on:MODE:VERB` and `impersonate:MODE`.
    Constrained(&'static str),
    /// By `impersonate` alone.
    Legacy,
}

impl ApiServer {
    /// The user a request acts as, if `user` may act so; 403 with what the way lacks that is tried first.
    pub(crate) fn impersonate(
        &self,
        user: &User,
        asked: &User,
        wanted: &Attributes<'_>,
    ) -> Result<User, ApiError> {
        let last = self.impersonations.borrow().get(&user.name).copied();
        let mut modes = modes(user, asked);
        // A stable sort: the others stay in their order.
        modes.sort_by_key(|mode| Some(*mode) != last);
        let mut refusal = None;
        for mode in modes {
            match self.impersonate_in(mode, user, asked, wanted) {
                Ok(acting) => {
                    self.remember(user, mode);
                    return Ok(acting);
                }
                Err(error) => drop(refusal.get_or_insert(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| ApiError::internal("all impersonation modes failed")))
    }

    fn remember(&self, user: &User, mode: Mode) {
        let mut known = self.impersonations.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(user.name.clone(), mode);
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
        if let (Mode::Constrained(way), Some(node)) = (mode, node(&asked.name)) {
            let node = if way == ASSOCIATED { "*" } else { node };
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
        join_everybody(&mut acting);
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
        let named = |name| ResourceAsked {
            group,
            resource: "groups",
            name,
            ..ResourceAsked::default()
        };
        let constrained = verb != "impersonate";
        let has = |name: &str| asked.groups.iter().any(|group| group == name);
        if constrained && has("") {
            let text = "impersonating the empty string group is not allowed";
            may(named(""), Some(text))?;
        }
        if constrained && has("system:masters") {
            let text = "impersonating the system:masters group is not allowed";
            may(named("system:masters"), Some(text))?;
        }
        let all = constrained && asked.groups.len() >= MANY && may(named("*"), None).is_ok();
        if !all {
            for name in &asked.groups {
                may(named(name), None)?;
            }
        }
        let extra = |key, value| ResourceAsked {
            group: AUTHENTICATION,
            resource: "userextras",
            subresource: key,
            name: value,
            ..ResourceAsked::default()
        };
        if let Some(text) = complaint(&asked.extra).filter(|_| constrained) {
            may(extra("", ""), Some(&text))?;
        }
        let count: usize = asked.extra.values().map(Vec::len).sum();
        if constrained && count >= MANY && may(extra("*", "*"), None).is_ok() {
            return Ok(());
        }
        for (key, values) in &asked.extra {
            for value in values {
                may(extra(key, value), None)?;
            }
        }
        Ok(())
    }
}

/// Everybody is in one of two groups, whatever was asked for.
fn join_everybody(acting: &mut User) {
    let has = |name: &str| acting.groups.iter().any(|own| own == name);
    let group = if acting.name == "system:anonymous" {
        "system:unauthenticated"
    } else if has("system:unauthenticated") {
        return;
    } else {
        "system:authenticated"
    };
    if !has(group) {
        acting.groups.push(group.to_owned());
    }
}

/// Why no constrained way leads to somebody with that beside the name.
fn complaint(extra: &BTreeMap<String, Vec<String>>) -> Option<String> {
    extra.iter().find_map(|(key, values)| {
        let text = if key.is_empty() {
            "impersonating the empty string key in extra is not allowed"
        } else if values.is_empty() {
            "impersonating empty values in extra is not allowed"
        } else if values.iter().any(String::is_empty) {
            "impersonating the empty string value in extra is not allowed"
        } else {
            return domain_path(key).map(|(shown, why)| {
                format!(
                    "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {shown:?}: {why}"
                )
            });
        };
        Some(text.to_owned())
    })
}

/// Why a text is no domain, slash and path (`IsDomainPrefixedPath`), after the part of it that is wrong.
fn domain_path(text: &str) -> Option<(&str, String)> {
    let parts = text.split_once('/');
    let Some((domain, _)) = parts.filter(|(domain, path)| !domain.is_empty() && !path.is_empty())
    else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return Some((text, why.to_owned()));
    };
    let why = names::dns1123_subdomain(domain).into_iter().next()?;
    Some((domain, why))
}

/// The ways in which somebody can be impersonated, in the order in which they are tried.
fn modes(user: &User, asked: &User) -> Vec<Mode> {
    let alone = asked.uid.is_empty() && asked.groups.is_empty() && asked.extra.is_empty();
    let mut modes = Vec::new();
    if let Some(node) = node(&asked.name) {
        // With companions only the old way is left.
        let own = user.extra.get("authentication.kubernetes.io/node-name");
        let associated = service_account(&user.name).is_some()
            && own.is_some_and(|names| names.as_slice() == [node]);
        if alone && associated {
            modes.push(Mode::Constrained(ASSOCIATED));
        }
        if alone {
            modes.push(Mode::Constrained("arbitrary-node"));
        }
    } else if service_account(&asked.name).is_some() {
        if alone {
            modes.push(Mode::Constrained("serviceaccount"));
        }
    } else {
        modes.push(Mode::Constrained("user-info"));
    }
    modes.push(Mode::Legacy);
    modes
}

fn node(name: &str) -> Option<&str> {
    name.strip_prefix(NODE)
        .filter(|name| names::dns1123_subdomain(name).is_empty())
}

/// Namespace and name of a `ServiceAccount`'s user name.
pub(crate) fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let valid =
        names::dns1123_label(namespace).is_empty() && names::dns1123_subdomain(name).is_empty();
    valid.then_some((namespace, name))
}
