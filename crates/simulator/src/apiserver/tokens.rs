//! Tokens of `ServiceAccounts`: shaped like JSON web tokens, known to this server until they expire.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use machinery::entropy::Entropy;
use machinery::time;
use serde_json::json;

use super::ApiServer;
use crate::request::User;

impl ApiServer {
    /// Makes a token. Returns it with its expiry.
    pub(crate) fn issue_token(
        &mut self,
        namespace: &str,
        name: &str,
        seconds: i64,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> (String, String) {
        let expires = now
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        let user = User::service_account(namespace, name);
        let claims = json!({"sub": user.name, "exp": expires.as_second(), "iat": now.as_second(),
            "iss": "https://kubernetes.default.svc.cluster.local",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}}});
        let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"JWT\"}");
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let mut secret = Vec::with_capacity(32);
        for _ in 0..4 {
            secret.extend_from_slice(&entropy.next_u64().to_be_bytes());
        }
        let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(secret));
        self.tokens.retain(|_, (_, until)| *until > now);
        self.tokens.insert(token.clone(), (user, expires));
        (token, time::rfc3339(expires))
    }

    /// Whose token that is, if it is one and still valid.
    pub fn token_user(&self, token: &str, now: Timestamp) -> Option<User> {
        self.tokens
            .get(token)
            .filter(|(_, until)| *until > now)
            .map(|(user, _)| user.clone())
    }
}
