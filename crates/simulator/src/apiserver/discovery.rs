//! Discovery documents: `/api`, `/apis` and below, `/version`, `/livez` and its siblings.

use super::ApiServer;
use crate::request::{Request, Response};

/// Answers a discovery path; `None` if the path is none.
pub fn respond(api: &ApiServer, request: &Request) -> Option<Response> {
    let _ = (api, request);
    None
}
