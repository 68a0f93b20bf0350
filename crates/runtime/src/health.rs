//! What is answered at `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use http::StatusCode;

use crate::metrics::Registry;

/// What a server answers; the same on every port.
#[derive(Clone)]
pub struct Health {
    /// Metrics to print.
    pub registry: Registry,
    /// Whether the process is ready.
    pub ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Health {
    /// Answers one path: status and body.
    pub fn answer(&self, path: &str) -> (StatusCode, String) {
        match path {
            "/healthz" | "/livez" => (StatusCode::OK, "ok".to_owned()),
            "/readyz" if (self.ready)() => (StatusCode::OK, "ok".to_owned()),
            "/readyz" => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "caches are not filled yet".to_owned(),
            ),
            "/metrics" => (StatusCode::OK, self.registry.encode()),
            _ => (StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_the_caches_and_liveness_does_not() {
        let health = Health {
            registry: Registry::new(),
            ready: Arc::new(|| false),
        };
        let statuses =
            ["/healthz", "/readyz", "/metrics", "/x"].map(|path| health.answer(path).0.as_u16());
        assert_eq!(statuses, [200, 500, 200, 404]);
    }
}
