//! Where the API server is: kubeconfig or the pod's service account.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::error::Error;

/// How to find the API server.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Path of a kubeconfig; by default `KUBECONFIG`, `~/.kube/config`, then the pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// Context in the kubeconfig; its current context by default.
    pub context: Option<String>,
    /// Whom to act as, if not as whom the configuration says.
    pub impersonate: Option<String>,
    /// `User-Agent` of every request; the server's default field manager is its part before the slash.
    pub user_agent: String,
}

/// A transport whose retries are switched off, and the namespace that the configuration names.
pub async fn connect(options: &ConnectOptions) -> Result<kube::Client, Error> {
    let config = |error: &dyn std::fmt::Display| Error::Config(error.to_string());
    let context = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut found = match &options.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| config(&error))?;
            kube::Config::from_custom_kubeconfig(file, &context)
                .await
                .map_err(|error| config(&error))?
        }
        None if options.context.is_some() => kube::Config::from_kubeconfig(&context)
            .await
            .map_err(|error| config(&error))?,
        None => kube::Config::infer()
            .await
            .map_err(|error| config(&error))?,
    };
    found.auth_info.impersonate = options.impersonate.clone().or(found.auth_info.impersonate);
    found.default_retry = false;
    // A watch may be silent for minutes; `runtime::watch` notices dead ones itself.
    found.read_timeout = None;
    if !options.user_agent.is_empty() {
        let value = options
            .user_agent
            .parse()
            .map_err(|error: http::header::InvalidHeaderValue| config(&error))?;
        found.headers.push((http::header::USER_AGENT, value));
    }
    kube::Client::try_from(found).map_err(|error| config(&error))
}
