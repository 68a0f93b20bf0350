//! The webhooks as pages of a server.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use runtime::web::Pages;

use super::{Admission, Answer};

impl Admission {
    /// Answers requests to the webhooks' paths.
    pub fn pages(self) -> Pages {
        Arc::new(move |request: &Request<Bytes>| {
            let content_type = request.headers().get(header::CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok());
            let answer = self.answer(request.uri().path(), content_type, request.body())?;
            Some(response(answer))
        })
    }
}

fn response(answer: Answer) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let kind = HeaderValue::from_static(answer.content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
