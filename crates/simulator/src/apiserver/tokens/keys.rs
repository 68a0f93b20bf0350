//! The key pair behind tokens, and how it is published: `/openid/v1/jwks`, `/.well-known/openid-configuration`
//! (`pkg/serviceaccount/openidmetadata.go`, `pkg/routes/openidmetadata.go`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method, header};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::{ApiServer, negotiate, reply};
use super::ISSUER;
use crate::request::{Request, Response};
use crate::status_error::ApiError;

/// Media type of a set of keys.
const KEY_SET: &str = "application/jwk-set+json";
const JSON: &str = "application/json";
/// What comes before the point in a public key on that curve (RFC 5480), so that ids are those other programs know.
const PUBLIC_KEY: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key on the curve P-256.
pub(crate) struct KeyPair(SigningKey);

impl KeyPair {
    /// The pair that follows from these bytes. Nearly all bytes are a key; others are hashed until they are one.
    pub fn of(bytes: &[u8; 32]) -> Self {
        let mut bytes = *bytes;
        loop {
            if let Ok(key) = SigningKey::from_bytes(&bytes.into()) {
                return Self(key);
            }
            bytes = Sha256::digest(bytes).into();
        }
    }

    /// The signature (RFC 7518, section 3.4). The same text always gets the same one (RFC 6979).
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(text);
        signature.to_bytes().to_vec()
    }

    /// Whether this pair made a signature.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verifying_key().verify(text, &signature).is_ok())
    }

    /// The coordinates of the public key.
    fn point(&self) -> (Vec<u8>, Vec<u8>) {
        let point = VerifyingKey::from(&self.0).to_encoded_point(false);
        let part =
            |part: Option<&p256::FieldBytes>| part.map_or_else(Vec::new, |part| part.to_vec());
        (part(point.x()), part(point.y()))
    }

    /// `kid`: a hash of the public key.
    pub fn id(&self) -> String {
        let (x, y) = self.point();
        let hash = Sha256::new()
            .chain_update(PUBLIC_KEY)
            .chain_update([4])
            .chain_update(x)
            .chain_update(y);
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }

    /// The set of keys with this one alone, as Go prints it.
    fn published(&self) -> String {
        let (x, y) = self.point();
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        format!(
            "{{\"keys\":[{{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"{}\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"{x}\",\"y\":\"{y}\"}}]}}",
            self.id()
        )
    }
}

/// Answers the paths about keys; `None` if the path is none.
///
/// # Errors
/// 405 for anything but GET, 406 for another media type.
pub(crate) fn respond(api: &ApiServer, request: &Request) -> Option<Result<Response, ApiError>> {
    let path = request.path.strip_suffix('/').unwrap_or(&request.path);
    let (media_type, body) = match path {
        "/openid/v1/jwks" => (KEY_SET, api.token_keys().published()),
        "/.well-known/openid-configuration" => (JSON, configuration(api)),
        _ => return None,
    };
    if request.method != Method::GET {
        return Some(Err(ApiError::method_not_allowed()));
    }
    if let Err(error) = negotiate::one_of(request, &[media_type]) {
        return Some(Err(error));
    }
    let mut response = reply::response(request, 200, body.into(), media_type, &[]);
    let an_hour = HeaderValue::from_static("public, max-age=3600");
    response.headers.insert(header::CACHE_CONTROL, an_hour);
    Some(Ok(response))
}

fn configuration(api: &ApiServer) -> String {
    let address = api
        .options()
        .advertise
        .map_or_else(|| "127.0.0.1:6443".to_owned(), |addr| addr.to_string());
    let quoted = |text: &str| json!(text).to_string();
    format!(
        "{{\"issuer\":{},\"jwks_uri\":{},\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],\"id_token_signing_alg_values_supported\":[\"ES256\"]}}",
        quoted(ISSUER),
        quoted(&format!("https://{address}/openid/v1/jwks")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_its_text_and_key_alone() {
        let (own, other) = (KeyPair::of(&[1; 32]), KeyPair::of(&[2; 32]));
        let signature = own.sign(b"text");
        assert_eq!(signature, own.sign(b"text"));
        assert!(own.verifies(b"text", &signature));
        assert!(!own.verifies(b"texts", &signature));
        assert!(!other.verifies(b"text", &signature));
        assert!(!own.verifies(b"text", b"short"));
        assert_ne!(own.id(), other.id());
        // Zero is no key, and still some bytes have to do.
        let zero = KeyPair::of(&[0; 32]);
        assert!(zero.verifies(b"text", &zero.sign(b"text")));
    }
}
