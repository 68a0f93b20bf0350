//! Bearer tokens: static ones, signed ones of `ServiceAccounts`, those of bootstrap Secrets
//! (`pkg/serviceaccount/{claims,legacy,jwt}.go`, `plugin/pkg/auth/authenticator/token/bootstrap`).
//!
//! Tokens of `ServiceAccounts` are JSON web tokens signed with a key of the server's (ES256), so that they hold as long as the
//! key is kept. Nothing about them is stored; [`keys`] publishes what they are checked with.

pub(crate) mod keys;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use machinery::meta;
use serde_json::{Value, json};

use super::ApiServer;
use super::rbac::rule::go_strings;
use super::store::key;
use crate::request::{Request, User};
use keys::KeyPair;

/// Who issues tokens, and whom they are for unless they say otherwise.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
const LEGACY: &str = "kubernetes.io/serviceaccount/";
/// Clocks may differ by that many seconds.
const LEEWAY: i64 = 60;

/// Somebody who has shown a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who that is.
    pub user: User,
    /// Whom the token is for, of those that were asked for.
    pub audiences: Vec<String>,
}

/// What the signed part of a token says, if it is for the authenticator of `ServiceAccounts`: by one of its issuers, and signed in
/// a way that may be used.
fn own_payload(signed: &str) -> Option<Value> {
    let (header, payload) = signed.split_once('.')?;
    let read = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let (header, payload) = (read(header)?, read(payload)?);
    let signed = ["RS256", "ES256", "ES384", "ES512"].contains(&text(&header, "/alg"));
    let issued = [ISSUER, LEGACY_ISSUER].contains(&text(&payload, "/iss"));
    (signed && issued).then_some(payload)
}

/// What a request shows of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// None at all.
    Nothing,
    /// One that is for this server and still valid, and whose it is.
    User(User),
    /// Any other.
    Wrong,
    /// A header that has none in it.
    Unread,
}

/// What the server says of a token that it overlooks.
const SPACED: &str = "the provided Authorization header contains extra space before the bearer token, and is ignored";

/// What a token of a `ServiceAccount` is to say.
pub(crate) struct Claims<'a> {
    /// The `ServiceAccount`.
    pub account: &'a Value,
    /// Whom it is for.
    pub audiences: &'a [String],
    /// Seconds it holds.
    pub seconds: i64,
    /// Objects it ends with: `pod`, `secret`, `node`.
    pub bound: Vec<(&'static str, Value)>,
    /// Its id.
    pub id: String,
}

impl ApiServer {
    /// Makes a token. Returns it with the time it ends.
    pub(crate) fn issue_token(&self, claims: &Claims<'_>, now: Timestamp) -> (String, Timestamp) {
        let expires = now
            .checked_add(SignedDuration::from_secs(claims.seconds))
            .unwrap_or(Timestamp::MAX);
        let (namespace, name) = (meta::namespace(claims.account), meta::name(claims.account));
        let mut own = json!({"namespace": namespace,
            "serviceaccount": {"name": name, "uid": meta::uid(claims.account)}});
        if let Some(own) = own.as_object_mut() {
            for (kind, object) in &claims.bound {
                let mut named = json!({"name": meta::name(object)});
                if !meta::uid(object).is_empty() {
                    named = json!({"name": meta::name(object), "uid": meta::uid(object)});
                }
                own.insert((*kind).to_owned(), named);
            }
        }
        let payload = json!({
            "aud": claims.audiences, "exp": expires.as_second(), "iat": now.as_second(), "iss": ISSUER,
            "jti": claims.id, "kubernetes.io": own, "nbf": now.as_second(),
            "sub": User::service_account(namespace, name).name,
        });
        (self.sign(&payload), expires)
    }

    /// The token in a Secret of type `kubernetes.io/service-account-token`, which holds as long as the Secret has it.
    pub(crate) fn legacy_token(&self, account: &Value, secret: &str) -> String {
        let (namespace, name) = (meta::namespace(account), meta::name(account));
        let mut payload =
            json!({"iss": LEGACY_ISSUER, "sub": User::service_account(namespace, name).name});
        if let Some(fields) = payload.as_object_mut() {
            let claims = [
                ("namespace", namespace),
                ("secret.name", secret),
                ("service-account.name", name),
                ("service-account.uid", meta::uid(account)),
            ];
            for (claim, value) in claims {
                fields.insert(format!("{LEGACY}{claim}"), json!(value));
            }
        }
        self.sign(&payload)
    }

    /// The pair that tokens are signed and checked with; making it takes as long as a signature.
    fn token_keys(&self) -> &KeyPair {
        let make = || KeyPair::of(&self.options.token_key);
        self.token_keys.get_or_init(make)
    }

    fn sign(&self, payload: &Value) -> String {
        let pair = self.token_keys();
        let header = json!({"alg": "ES256", "kid": pair.id()}).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload.to_string()));
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Whom the token of a request makes.
    pub(crate) fn shown_token(&self, request: &Request, now: Timestamp) -> Shown {
        let header = request.header(AUTHORIZATION).unwrap_or_default().trim();
        if header.is_empty() {
            return Shown::Nothing;
        }
        let Some(token) = bearer(header) else {
            return Shown::Unread;
        };
        self.token_user(token, now)
            .map_or(Shown::Wrong, Shown::User)
    }

    /// Whose token that is, if it is one for this server and still valid.
    pub(crate) fn token_user(&self, token: &str, now: Timestamp) -> Option<User> {
        let bearer = self.authenticate(token, &[ISSUER.to_owned()], now).ok()?;
        Some(bearer.user)
    }

    /// Whose token that is, for one of the audiences. The error is what a `TokenReview` says.
    pub(crate) fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Bearer, String> {
        let invalid = "invalid bearer token";
        let mut known = self.options.static_tokens.iter();
        if let Some((_, user)) = known.find(|(own, _)| same(own.as_bytes(), token.as_bytes())) {
            return Ok(Bearer {
                user: user.clone(),
                audiences: audiences.to_vec(),
            });
        }
        if let Some(user) = self.bootstrap(token, now) {
            return Ok(Bearer {
                user,
                audiences: audiences.to_vec(),
            });
        }
        let Some((signed, signature)) = token.rsplit_once('.') else {
            return Err(invalid.to_owned());
        };
        let Some(payload) = own_payload(signed) else {
            return Err(invalid.to_owned());
        };
        let pair = self.token_keys();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let checked = if !pair.verifies(signed.as_bytes(), &signature) {
            Err("go-jose/go-jose: error in cryptographic primitive".to_owned())
        } else if text(&payload, "/iss") == LEGACY_ISSUER {
            self.legacy_user(&payload, token).map(|user| Bearer {
                user,
                audiences: audiences.to_vec(),
            })
        } else {
            self.account_user(&payload, audiences, now)
        };
        checked.map_err(|error| format!("[{invalid}, {error}]"))
    }

    fn account_user(
        &self,
        payload: &Value,
        wanted: &[String],
        now: Timestamp,
    ) -> Result<Bearer, String> {
        let own = payload.get("aud").and_then(Value::as_array);
        let own = own.into_iter().flatten().filter_map(Value::as_str);
        let own: Vec<String> = own.map(str::to_owned).collect();
        let audiences: Vec<String> = own.iter().filter(|a| wanted.contains(a)).cloned().collect();
        if audiences.is_empty() {
            return Err(format!(
                "token audiences {} is invalid for the target audiences {}",
                go_strings(&own),
                go_strings(wanted)
            ));
        }
        let expires = payload.get("exp").and_then(Value::as_i64);
        if expires.unwrap_or_default() + LEEWAY < now.as_second() {
            return Err("service account token has expired".to_owned());
        }
        let claim = |name: &str| text(payload, &format!("/kubernetes.io/{name}"));
        let namespace = claim("namespace");
        let mut user = self.account(
            namespace,
            claim("serviceaccount/name"),
            claim("serviceaccount/uid"),
        )?;
        let mut note = |name: &str, value: String| {
            let name = format!("authentication.kubernetes.io/{name}");
            user.extra.insert(name, vec![value]);
        };
        note("credential-id", format!("JTI={}", text(payload, "/jti")));
        for (kind, table) in [("secret", "/secrets"), ("pod", "/pods"), ("node", "/nodes")] {
            let (name, uid) = (
                claim(&format!("{kind}/name")),
                claim(&format!("{kind}/uid")),
            );
            if name.is_empty() {
                continue;
            }
            let home = if kind == "node" { "" } else { namespace };
            let found = self.store.get(table, &key(home, name));
            // The node of a pod is told, but the token ends with the pod.
            let decides = kind != "node" || claim("pod/name").is_empty();
            if decides && found.is_none_or(|found| meta::uid(&found.value) != uid) {
                return Err("service account token has been invalidated".to_owned());
            }
            if kind != "secret" {
                note(&format!("{kind}-name"), name.to_owned());
                if !uid.is_empty() {
                    note(&format!("{kind}-uid"), uid.to_owned());
                }
            }
        }
        Ok(Bearer { user, audiences })
    }

    fn legacy_user(&self, payload: &Value, token: &str) -> Result<User, String> {
        let claim = |name: &str| {
            let found = payload
                .get(format!("{LEGACY}{name}"))
                .and_then(Value::as_str);
            found.unwrap_or_default()
        };
        let (namespace, secret) = (claim("namespace"), claim("secret.name"));
        let held = self.store.get("/secrets", &key(namespace, secret));
        let held = held.and_then(|secret| secret_text(&secret.value, "token"));
        if held.is_none_or(|held| !same(held.as_bytes(), token.as_bytes())) {
            return Err("service account token has been invalidated".to_owned());
        }
        self.account(
            namespace,
            claim("service-account.name"),
            claim("service-account.uid"),
        )
    }

    fn account(&self, namespace: &str, name: &str, uid: &str) -> Result<User, String> {
        let Some(account) = self.store.get("/serviceaccounts", &key(namespace, name)) else {
            return Err(format!("serviceaccounts {name:?} not found"));
        };
        let own = meta::uid(&account.value);
        if own != uid {
            return Err(format!(
                "service account UID ({own}) does not match claim ({uid})"
            ));
        }
        Ok(User {
            uid: uid.to_owned(),
            ..User::service_account(namespace, name)
        })
    }

    /// The user of a bootstrap token `ID.SECRET`, which a Secret in `kube-system` has.
    fn bootstrap(&self, token: &str, now: Timestamp) -> Option<User> {
        let plain = |text: &str, length: usize| {
            text.len() == length
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let (id, secret) = token.split_once('.')?;
        if !plain(id, 6) || !plain(secret, 16) {
            return None;
        }
        let name = format!("bootstrap-token-{id}");
        let stored = &self
            .store
            .get("/secrets", &key("kube-system", &name))?
            .value;
        let field = |name: &str| secret_text(stored, name).unwrap_or_default();
        let expires = field("expiration");
        let over = !expires.is_empty()
            && expires
                .parse::<Timestamp>()
                .is_ok_and(|expires| expires < now);
        let valid = text(stored, "/type") == "bootstrap.kubernetes.io/token"
            && meta::deletion_timestamp(stored).is_none()
            && same(field("token-secret").as_bytes(), secret.as_bytes())
            && field("token-id") == id
            && field("usage-bootstrap-authentication") == "true"
            && !over;
        let mut groups = vec!["system:bootstrappers".to_owned()];
        let extra = field("auth-extra-groups");
        let extra = extra.split(',').filter(|group| !group.is_empty());
        groups.extend(extra.map(str::to_owned));
        groups.push("system:authenticated".to_owned());
        valid.then(|| User {
            name: format!("system:bootstrap:{id}"),
            groups,
            uid: String::new(),
            extra: BTreeMap::new(),
        })
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// A field of a Secret.
fn secret_text(secret: &Value, name: &str) -> Option<String> {
    let encoded = secret.get("data")?.get(name)?.as_str()?;
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}

/// What somebody is told whose token was overlooked; who was known without one isn't.
pub(crate) fn warnings(request: &Request) -> Vec<String> {
    let known = request.user.as_ref();
    let known = known.is_some_and(|user| *user != User::anonymous());
    let header = request.header(AUTHORIZATION).unwrap_or_default().trim();
    let mut parts = header.splitn(3, ' ');
    let spaced = parts
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
        && parts.next() == Some("")
        && parts.next().is_some();
    if spaced && !known {
        vec![SPACED.to_owned()]
    } else {
        Vec::new()
    }
}

/// The token of a header, if it is one of that scheme (`authentication/request/bearertoken/bearertoken.go`).
fn bearer(header: &str) -> Option<&str> {
    let mut parts = header.trim().splitn(3, ' ');
    let scheme = parts.next()?;
    let token = parts.next().filter(|token| !token.is_empty())?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[test]
fn a_token_is_what_follows_the_word_bearer_in_any_case() {
    for (header, token) in [
        ("Bearer a.b", Some("a.b")),
        ("bearer a", Some("a")),
        ("BEARER a rest", Some("a")),
        ("Bearer  a", None),
        ("Bearer", None),
        ("Basic a", None),
    ] {
        assert_eq!(bearer(header), token, "{header}");
    }
}

/// Compares without telling where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
