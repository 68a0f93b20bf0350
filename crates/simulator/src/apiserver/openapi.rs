//! OpenAPI documents: `/openapi/v2`, `/openapi/v3` and below.

use super::ApiServer;
use crate::request::{Request, Response};

/// Answers an OpenAPI path; `None` if the path is none.
pub fn respond(api: &mut ApiServer, request: &Request) -> Option<Response> {
    let _ = (api, request);
    None
}
