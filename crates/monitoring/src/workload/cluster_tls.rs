//! Mutual TLS between the members of an Alertmanager cluster (upstream's `pkg/alertmanager/clustertlsconfig`).

use super::WorkloadError;
use super::web::{Mounted, References, check, file, named, server_settings};
use crate::api::alertmanager::ClusterTlsConfig;
use crate::config::yaml::{IntoNode, Mapping};
use crate::selection::check_safe_tls;

/// Folder of the file in Alertmanager's container.
pub const CLUSTER_TLS: &str = "/etc/alertmanager/cluster_tls_config";
/// Key of the Secret with the file, and its name.
pub const CLUSTER_TLS_KEY: &str = "cluster-tls-config.yaml";
const VOLUME: &str = "cluster-tls-config";

/// The file that says how members of a cluster talk to each other, checked.
#[derive(Debug, Clone)]
pub struct ClusterTls<'a> {
    folder: &'a str,
    secret: String,
    tls: Option<&'a ClusterTlsConfig>,
}

impl<'a> ClusterTls<'a> {
    /// A file in that folder, for the Alertmanager of that name.
    pub fn new(
        folder: &'a str,
        alertmanager: &str,
        tls: Option<&'a ClusterTlsConfig>,
    ) -> Result<Self, WorkloadError> {
        if let Some(tls) = tls {
            let within = |what: &str| {
                let what = what.to_owned();
                move |text: String| {
                    WorkloadError(format!("invalid {what} TLS configuration: {text}"))
                }
            };
            check(&tls.server).map_err(within("server"))?;
            check_safe_tls(&tls.client).map_err(within("client"))?;
            if named(tls.client.cert.as_ref()).is_none() {
                return Err(within("client")("certificate is required".to_owned()));
            }
        }
        Ok(Self {
            folder,
            secret: format!("alertmanager-{alertmanager}-cluster-tls-config"),
            tls,
        })
    }

    /// Name of the Secret with the file.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Path of the file, if it says anything.
    pub fn path(&self) -> Option<String> {
        self.tls.map(|_| self.file())
    }

    fn file(&self) -> String {
        format!("{}/{CLUSTER_TLS_KEY}", self.folder)
    }

    fn server(&self, tls: &'a ClusterTlsConfig) -> References<'a> {
        References::of_server(&tls.server, format!("{}/server_tls", self.folder))
    }

    fn client(&self, tls: &'a ClusterTlsConfig) -> References<'a> {
        References {
            folder: format!("{}/client_tls", self.folder),
            key: tls.client.key_secret.as_ref(),
            certificate: tls.client.cert.as_ref(),
            authority: tls.client.ca.as_ref(),
        }
    }

    /// The file and the TLS material, mounted.
    pub fn mounted(&self) -> Result<Mounted, WorkloadError> {
        let mut mounted = file(VOLUME, &self.secret, &self.file(), CLUSTER_TLS_KEY);
        if let Some(tls) = self.tls {
            self.server(tls)
                .mount("cluster-tls-server-config-", &mut mounted)?;
            self.client(tls)
                .mount("cluster-tls-client-config-", &mut mounted)?;
        }
        Ok(mounted)
    }

    /// The text of the file; empty if nothing is set.
    pub fn text(&self) -> String {
        let Some(tls) = self.tls else {
            return String::new();
        };
        let references = self.server(tls);
        let mut server = Mapping::new();
        server.put_some("key_file", references.key_file(&tls.server));
        server.put_some("cert_file", references.certificate_file(&tls.server));
        server_settings(&mut server, &tls.server, &references);
        let references = self.client(tls);
        let mut client = Mapping::new();
        client.put_some("key_file", references.key_path());
        client.put_some("cert_file", references.certificate_path());
        client.put_some("ca_file", references.authority_path());
        client.put_some("server_name", tls.client.server_name.as_deref());
        client.put_some("insecure_skip_verify", tls.client.insecure_skip_verify);
        Mapping::new()
            .with("tls_server_config", server)
            .with("tls_client_config", client)
            .into_node()
            .to_yaml()
    }
}
