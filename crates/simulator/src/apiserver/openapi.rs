//! OpenAPI documents: `/openapi/v2`, `/openapi/v3` and below.

use super::ApiServer;
use crate::request::{Request, Response};

/// Upper-case hexadecimal SHA-512, as in ETags and hashed URLs.
pub fn hash(document: &[u8]) -> String {
    use sha2::{Digest, Sha512};
    Sha512::digest(document)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// Answers an OpenAPI path; `None` if the path is none.
pub fn respond(api: &mut ApiServer, request: &Request) -> Option<Response> {
    let _ = (api, request);
    None
}
