//! kubectl's connection flags.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use kube::config::{AuthInfo, Cluster, KubeConfigOptions, Kubeconfig};
use runtime::client::{Client, ClientOptions};

use super::message;

/// Where the API server is and who is asking, as kubectl's flags say it.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// Path to the kubeconfig file to use for CLI requests
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use
    #[arg(long, global = true)]
    pub context: Option<String>,
    /// The name of the kubeconfig cluster to use
    #[arg(long, global = true)]
    pub cluster: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, global = true)]
    pub user: Option<String>,
    /// If present, the namespace scope for this CLI request
    #[arg(long, short = 'n', global = true)]
    pub namespace: Option<String>,
    /// The address and port of the Kubernetes API server
    #[arg(long, short = 's', global = true)]
    pub server: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long, global = true)]
    pub token: Option<String>,
    /// Path to a cert file for the certificate authority
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<String>,
    /// Path to a client certificate file for TLS
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<String>,
    /// Path to a client key file for TLS
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<String>,
    /// If true, the server's certificate will not be checked for validity
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub insecure_skip_tls_verify: Option<bool>,
    /// Server name to use for server certificate validation
    #[arg(long, global = true)]
    pub tls_server_name: Option<String>,
    /// Username to impersonate for the operation
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate for the operation, may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,
    /// How long to wait before giving up on a single request; 0 for no limit
    #[arg(long, global = true, value_name = "DURATION", default_value = "0")]
    pub request_timeout: String,
    /// UID to impersonate for the operation
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub impersonate_uid: Option<String>,
    /// Username for basic authentication to the API server
    #[arg(long, global = true)]
    pub username: Option<String>,
    /// Password for basic authentication to the API server
    #[arg(long, global = true)]
    pub password: Option<String>,
    /// Accepted for kubectl's sake: no response is asked to be compressed
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_compression: Option<bool>,
    /// Accepted for kubectl's sake: nothing is cached
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// A client, and the namespace that is meant where none is said.
pub struct Connected {
    /// The client.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Connection {
    /// Connects. Nothing is sent yet.
    ///
    /// # Errors
    /// If there is no usable kubeconfig.
    pub async fn connect(&self, user_agent: &str) -> Result<Connected> {
        let mut config = self.config().await?;
        config.default_retry = false;
        config.read_timeout = None;
        config
            .headers
            .push((http::header::USER_AGENT, user_agent.parse()?));
        let auth = &mut config.auth_info;
        if auth.impersonate.is_none() && auth.impersonate_uid.take().is_some() {
            message("warning: --as-uid has no effect without a user to impersonate: give --as too");
        }
        let namespace = self
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let kube = kube::Client::try_from(config).context("cannot make a client")?;
        let mut options = ClientOptions::default();
        if let Some(timeout) = self.timeout()? {
            options.timeout = timeout;
        }
        Ok(Connected {
            client: Client::new(kube, options),
            namespace,
        })
    }

    async fn config(&self) -> Result<kube::Config> {
        const HINT: &str = "no usable kubeconfig\nhint: set KUBECONFIG or pass --kubeconfig; \
                            `carrick up` starts a Kubernetes on this computer and prints one";
        let named = [&self.context, &self.cluster, &self.user]
            .iter()
            .any(|name| name.is_some());
        let files = std::env::var_os("KUBECONFIG").filter(|files| !files.is_empty());
        let read = match (&self.kubeconfig, files) {
            (Some(path), _) => {
                Some(Kubeconfig::read_from(path).context(
                    "no usable kubeconfig\nhint: name another file with --kubeconfig, or none: then KUBECONFIG counts, \
                     and ~/.kube/config",
                )?)
            }
            (None, Some(files)) => {
                let unreadable = || {
                    format!(
                        "cannot read the kubeconfig {}\nhint: set KUBECONFIG to a file that is there, or unset it; `carrick up` \
                         starts a Kubernetes on this computer and prints one",
                        files.display()
                    )
                };
                Some(Kubeconfig::read().with_context(unreadable)?)
            }
            (None, None) => Kubeconfig::read().ok(),
        };
        let Some(mut file) = read else {
            if self.server.is_some() && !named {
                return self.flags_alone().await;
            }
            return kube::Config::infer().await.context(HINT);
        };
        let options = KubeConfigOptions {
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
        };
        self.override_all(&mut file);
        kube::Config::from_custom_kubeconfig(file, &options)
            .await
            .context(HINT)
    }

    /// A configuration made of flags alone.
    async fn flags_alone(&self) -> Result<kube::Config> {
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: flags\n\
                    clusters: [{name: flags, cluster: {}}]\nusers: [{name: flags, user: {}}]\n\
                    contexts: [{name: flags, context: {cluster: flags, user: flags}}]\n";
        let mut file = Kubeconfig::from_yaml(text)?;
        self.override_all(&mut file);
        Ok(kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
    }

    /// What flags say goes for every cluster and every user of a file, whichever of them are used.
    fn override_all(&self, file: &mut Kubeconfig) {
        let clusters = file.clusters.iter_mut();
        for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
            self.override_cluster(cluster);
        }
        let users = file.auth_infos.iter_mut();
        for user in users.filter_map(|named| named.auth_info.as_mut()) {
            self.override_user(user);
        }
    }

    fn override_cluster(&self, cluster: &mut Cluster) {
        if let Some(server) = &self.server {
            cluster.server = Some(server.clone());
        }
        if let Some(path) = &self.certificate_authority {
            cluster.certificate_authority = Some(path.clone());
            cluster.certificate_authority_data = None;
        }
        if self.insecure_skip_tls_verify.is_some() {
            cluster.insecure_skip_tls_verify = self.insecure_skip_tls_verify;
        }
        if let Some(name) = &self.tls_server_name {
            cluster.tls_server_name = Some(name.clone());
        }
    }

    fn override_user(&self, user: &mut AuthInfo) {
        if let Some(token) = &self.token {
            user.token = Some(token.clone().into());
            user.token_file = None;
        }
        if let Some(path) = &self.client_certificate {
            user.client_certificate = Some(path.clone());
            user.client_certificate_data = None;
        }
        if let Some(path) = &self.client_key {
            user.client_key = Some(path.clone());
            user.client_key_data = None;
        }
        if let Some(name) = &self.impersonate {
            user.impersonate = Some(name.clone());
        }
        if let Some(uid) = &self.impersonate_uid {
            user.impersonate_uid = Some(uid.clone());
        }
        if let Some(name) = &self.username {
            user.username = Some(name.clone());
        }
        if let Some(password) = &self.password {
            user.password = Some(password.clone().into());
        }
        if !self.impersonate_groups.is_empty() {
            user.impersonate_groups = Some(self.impersonate_groups.clone());
        }
    }

    /// `0` is no limit; a bare number is seconds, as with kubectl.
    fn timeout(&self) -> Result<Option<Duration>> {
        let text = &self.request_timeout;
        if let Ok(seconds) = text.parse::<u64>() {
            return Ok((seconds > 0).then(|| Duration::from_secs(seconds)));
        }
        let duration = machinery::duration::GoDuration::parse(text).with_context(|| {
            format!("invalid value for --request-timeout: {text:?}\nhint: write 30s or 2m")
        })?;
        Ok(duration.to_std())
    }
}
