//! The in-process form: a tower service that `kube::Client::new` takes, on the world's own clock.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use http_body::Body;
use http_body_util::BodyExt as _;
use machinery::go_url::query_pairs;

use crate::apiserver::Shown;
use crate::faults::{Call, Failure, Verdict};
use crate::instrument::Count;
use crate::request::{Reply, Request, Response, User};
use crate::sim_body::{SimBody, Turns};
use crate::world::WorldHandle;

/// Error of a call that got no reply, and of a broken watch.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One simulated process talking to one API server. `Client::new(Wire::new(…), "default")`.
#[derive(Clone)]
pub struct Wire {
    world: WorldHandle,
    actor: Arc<str>,
    user: Arc<User>,
}

impl Wire {
    /// A process named `actor` (faults and counters know it by that), acting as an administrator.
    pub fn new(world: &WorldHandle, actor: impl Into<String>) -> Self {
        let actor = actor.into();
        Self {
            world: world.clone(),
            actor: actor.as_str().into(),
            user: Arc::new(User::admin(actor)),
        }
    }

    /// The same process, acting as somebody else.
    #[must_use]
    pub fn acting_as(self, user: User) -> Self {
        Self {
            user: Arc::new(user),
            ..self
        }
    }

    /// Who shows a token is whom it makes, as over TLS.
    fn identify(&self, request: &mut Request) {
        let now = self.world.now();
        match self.world.lock().api.shown_token(request, now) {
            Shown::Nothing => {}
            Shown::User(user) => request.user = Some(user),
            // Nobody is anonymous here.
            Shown::Wrong | Shown::Unread => request.user = None,
        }
    }

    async fn run(
        self,
        request: Request,
        query: String,
    ) -> Result<http::Response<SimBody>, BoxError> {
        let path = if query.is_empty() {
            request.path.clone()
        } else {
            format!("{}?{query}", request.path)
        };
        let verdict = self.judge(&request, &path);
        match verdict {
            Verdict::Fail(failure) => fail(failure).await,
            Verdict::Pass => {
                let (response, trace) = answer(&self.world, &request, Lists::Whole).await;
                self.record(&request, &path, trace.0, &trace.1);
                Ok(response)
            }
            Verdict::CommitThenFail(failure) => {
                let (_, trace) = answer(&self.world, &request, Lists::Whole).await;
                self.record(&request, &path, trace.0, &trace.1);
                fail(failure).await
            }
        }
    }

    fn judge(&self, request: &Request, path: &str) -> Verdict {
        let mut world = self.world.lock();
        let write = !request.only_reads();
        let counts = world.recorder.count(&self.actor, write);
        let Some(faults) = &mut world.faults else {
            return Verdict::Pass;
        };
        faults.before(&Call {
            actor: &self.actor,
            call: counts.calls,
            write: write.then_some(counts.writes),
            method: request.method.as_str(),
            path,
            body: &request.body,
        })
    }

    fn record(&self, request: &Request, path: &str, status: u16, reply: &[u8]) {
        let mut world = self.world.lock();
        world.recorder.record(
            &self.actor,
            request.method.as_str(),
            path,
            &request.body,
            status,
            reply,
        );
    }
}

async fn fail(failure: Failure) -> Result<http::Response<SimBody>, BoxError> {
    match failure {
        Failure::Status(error) => {
            let body = machinery::go_json::to_vec(&error.to_status(), None);
            let mut response = http::Response::new(SimBody::whole(body.into()));
            *response.status_mut() = http::StatusCode::from_u16(error.code)?;
            Ok(response)
        }
        Failure::Reset => Err(Box::new(std::io::Error::from(
            std::io::ErrorKind::ConnectionReset,
        ))),
        Failure::Silence => std::future::pending().await,
    }
}

/// How long lists are answered.
#[derive(Debug, Clone)]
pub(crate) enum Lists {
    /// At once: what is traced is whole.
    Whole,
    /// As the client takes them, in these turns.
    AsTaken(Turns),
}

/// Handles a request, waiting where the server waits. Returns the response, and its status and body for the trace.
pub(crate) async fn answer(
    world: &WorldHandle,
    request: &Request,
    lists: Lists,
) -> (http::Response<SimBody>, (u16, Bytes)) {
    let mut count = Count::begin(world, request.only_reads());
    let mut reply = count.handled(world.handle(request));
    if let Reply::Later { at, .. } = &reply {
        tokio::time::sleep(world.clock().until(*at)).await;
        reply = count.handled(world.handle(request));
    }
    loop {
        reply = match reply {
            Reply::Full(response) | Reply::Later { last: response, .. } => {
                count.answered(response.status);
                let trace = (response.status, response.body.clone());
                return (http_response(response), trace);
            }
            Reply::List(list) => match lists {
                Lists::Whole => Reply::Full(list.whole()),
                Lists::AsTaken(turns) => {
                    count.answered(200);
                    let headers = list.headers().clone();
                    let mut response = http::Response::new(SimBody::list(list.portions(), turns));
                    *response.headers_mut() = headers;
                    return (response, (200, Bytes::new()));
                }
            },
            Reply::Watch { id, headers } => {
                let mut response =
                    http::Response::new(SimBody::watch(world.clone(), id, count.goes_on()));
                *response.headers_mut() = headers;
                return (response, (200, Bytes::new()));
            }
            Reply::Log { headers, following } => {
                let mut response =
                    http::Response::new(SimBody::log(world.clone(), following, count.goes_on()));
                *response.headers_mut() = headers;
                return (response, (200, Bytes::new()));
            }
            Reply::Forward(forward) => {
                count.answered(101);
                let mut response = http::Response::new(SimBody::whole(Bytes::new()));
                *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
                response.headers_mut().clone_from(&forward.headers);
                // Whoever holds the connection does the rest.
                response.extensions_mut().insert(forward);
                return (response, (101, Bytes::new()));
            }
            Reply::Ask {
                questions,
                mut pending,
            } => {
                let asked = world.now();
                world.ask_all(questions, &mut pending).await;
                count.others += world.now().duration_since(asked);
                count.handled(world.resume(request, *pending))
            }
        };
    }
}

/// A whole response on its way.
pub(crate) fn http_response(response: Response) -> http::Response<SimBody> {
    let mut http = http::Response::new(SimBody::whole(response.body));
    *http.status_mut() = http::StatusCode::from_u16(response.status)
        .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *http.headers_mut() = response.headers;
    http
}

/// A request as data. The body is empty until it was read.
pub(crate) fn request_of(parts: http::request::Parts, user: Option<User>) -> Request {
    Request {
        path: percent_decode(parts.uri.path()),
        query: query_pairs(parts.uri.query().unwrap_or_default()).collect(),
        method: parts.method,
        headers: parts.headers,
        body: Bytes::new(),
        user,
    }
}

/// Text without its percent escapes; what is none stays.
pub(crate) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let rest = bytes.clone();
                let digits: Vec<u8> = rest.take(2).collect();
                let decoded = std::str::from_utf8(&digits)
                    .ok()
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                match decoded.filter(|_| digits.len() == 2) {
                    Some(decoded) => {
                        bytes.nth(1);
                        out.push(decoded);
                    }
                    None => out.push(b'%'),
                }
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl<B> tower::Service<http::Request<B>> for Wire
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<SimBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let query = parts.uri.query().unwrap_or_default().to_owned();
            let mut request = request_of(parts, Some(User::clone(&wire.user)));
            request.body = body.collect().await.map_err(Into::into)?.to_bytes();
            wire.identify(&mut request);
            let head = request.method == Method::HEAD;
            let response = wire.run(request, query).await?;
            Ok(if head {
                response.map(|_| SimBody::whole(Bytes::new()))
            } else {
                response
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_are_decoded() {
        let uri = "/api/a%2Fb+c%zz?labelSelector=a%3Db+c&watch&x=%zz&y;z=1&limit=%+5&limit=2";
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.uri = uri.parse().unwrap();
        let request = request_of(parts, None);
        assert_eq!(request.path, "/api/a/b+c%zz");
        let expected = [("labelSelector", "a=b c"), ("watch", ""), ("limit", "2")];
        assert_eq!(
            request.query,
            expected.map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
