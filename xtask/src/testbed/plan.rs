//! What one testbed consists of: ports, keys, tokens, kubeconfigs and the flags
//! of every program, written as files into its folder.
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::build::Binaries;

/// The users that a testbed knows, each with a kubeconfig of its own. The
/// `peer`s are programs under measurement: their requests are in `audit.log`.
pub const USERS: [&str; 8] = [
    "admin",
    "carrick",
    "peer-a",
    "peer-b",
    "loader",
    "kwok",
    "controller-manager",
    "scheduler",
];
const MEASURED: &str = "[carrick, peer-a, peer-b]";
/// What monitoring controllers write: of these requests the bodies are in `audit.log` too.
const CONFIGURATION: &str = "[{group: '', resources: [configmaps, secrets, services]}, \
                             {group: monitoring.coreos.com, resources: ['*']}]";

/// One program of the testbed, as `testbed/supervise.go` reads it.
#[derive(Serialize)]
pub struct Component {
    name: &'static str,
    path: PathBuf,
    args: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<Probe>,
}

#[derive(Serialize)]
struct Probe {
    url: String,
    token: String,
    ca: PathBuf,
}

/// Loopback ports of one testbed.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    etcd: u16,
    etcd_peer: u16,
    /// The API server's.
    pub api: u16,
    controllers: u16,
    scheduler: u16,
    kwok: u16,
}

impl Ports {
    /// Six ports that were free a moment ago.
    pub fn free() -> Result<Self> {
        let [etcd, etcd_peer, api, controllers, scheduler, kwok] = free_ports()?;
        Ok(Self {
            etcd,
            etcd_peer,
            api,
            controllers,
            scheduler,
            kwok,
        })
    }
}

/// Ports of this machine that were free a moment ago.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let (mut held, mut ports) = (Vec::new(), [0; N]);
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        // All are held at once, so that no two are the same.
        held.push(listener);
    }
    Ok(ports)
}

/// Writes everything that `supervise` needs into `folder`. A `bare` testbed is an API server and its etcd.
pub fn write(
    folder: &Path,
    ports: Ports,
    binaries: &Binaries,
    stages: &Path,
    bare: bool,
) -> Result<()> {
    for name in ["log", "certs"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    // Signs service-account tokens; nobody but this testbed ever trusts it.
    let key = rcgen::KeyPair::generate()?;
    std::fs::write(folder.join("service-account.key"), key.serialize_pem())?;
    std::fs::write(folder.join("service-account.pub"), key.public_key_pem())?;
    std::fs::write(folder.join("tokens.csv"), tokens()?)?;
    std::fs::write(folder.join("audit.yaml"), audit_policy())?;
    for user in USERS {
        std::fs::write(
            folder.join(format!("{user}.kubeconfig")),
            kubeconfig(folder, ports, user),
        )?;
    }
    let mut components = components(folder, ports, binaries, stages);
    if bare {
        components.truncate(2);
    }
    Ok(std::fs::write(
        folder.join("components.json"),
        serde_json::to_vec_pretty(&components)?,
    )?)
}

fn tokens() -> Result<String> {
    let mut text = String::new();
    for user in USERS {
        writeln!(text, "{user}-token,{user},{user},\"system:masters\"")?;
    }
    Ok(text)
}

fn audit_policy() -> String {
    format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
         - {{level: Request, users: {MEASURED}, verbs: [create, update, patch], resources: {CONFIGURATION}}}\n\
         - {{level: Metadata, users: {MEASURED}}}\n- {{level: None}}\n"
    )
}

fn kubeconfig(folder: &Path, ports: Ports, user: &str) -> String {
    let ca = folder.join("certs/apiserver.crt");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: testbed\n\
         clusters:\n- name: testbed\n  cluster:\n    server: https://127.0.0.1:{}\n    certificate-authority: {}\n\
         users:\n- name: {user}\n  user:\n    token: {user}-token\n\
         contexts:\n- name: testbed\n  context:\n    cluster: testbed\n    user: {user}\n",
        ports.api,
        ca.display()
    )
}

fn components(folder: &Path, ports: Ports, binaries: &Binaries, stages: &Path) -> Vec<Component> {
    let of = |name: &'static str, args: Vec<String>| {
        let args = std::iter::once(name.to_owned()).chain(args).collect();
        Component {
            name,
            path: binaries.testbed(),
            args,
            ready: None,
        }
    };
    let api = Component {
        ready: Some(Probe {
            url: format!("https://127.0.0.1:{}/readyz", ports.api),
            token: "admin-token".into(),
            ca: folder.join("certs/apiserver.crt"),
        }),
        ..of("kube-apiserver", api_server(folder, ports))
    };
    let kwok = Component {
        name: "kwok",
        path: binaries.kwok(),
        args: kwok(folder, ports, stages),
        ready: None,
    };
    vec![
        of("etcd", etcd(folder, ports)),
        api,
        of("kube-controller-manager", controller_manager(folder, ports)),
        of("kube-scheduler", scheduler(folder, ports)),
        kwok,
    ]
}

fn etcd(folder: &Path, ports: Ports) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", ports.etcd);
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    vec![
        "--name=testbed".into(),
        format!("--data-dir={}", folder.join("etcd").display()),
        // A testbed is thrown away; it need not survive a power cut.
        "--unsafe-no-fsync".into(),
        format!("--quota-backend-bytes={}", 8_u64 << 30),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=testbed={peer}"),
        "--log-level=warn".into(),
    ]
}

fn api_server(folder: &Path, ports: Ports) -> Vec<String> {
    let key = folder.join("service-account.key").display().to_string();
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        format!("--secure-port={}", ports.api),
        format!("--cert-dir={}", folder.join("certs").display()),
        "--authorization-mode=RBAC".into(),
        "--anonymous-auth=false".into(),
        format!("--token-auth-file={}", folder.join("tokens.csv").display()),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
        format!(
            "--service-account-key-file={}",
            folder.join("service-account.pub").display()
        ),
        format!("--service-account-signing-key-file={key}"),
        "--service-cluster-ip-range=10.96.0.0/16".into(),
        "--endpoint-reconciler-type=none".into(),
        "--allow-privileged".into(),
        "--max-requests-inflight=2000".into(),
        "--max-mutating-requests-inflight=1000".into(),
        format!(
            "--audit-policy-file={}",
            folder.join("audit.yaml").display()
        ),
        format!("--audit-log-path={}", folder.join("audit.log").display()),
        "--audit-log-mode=batch".into(),
    ]
}

fn controller_manager(folder: &Path, ports: Ports) -> Vec<String> {
    let mut args = client_flags(folder, "controller-manager", ports.controllers);
    args.push(format!(
        "--service-account-private-key-file={}",
        folder.join("service-account.key").display()
    ));
    args.push(format!(
        "--root-ca-file={}",
        folder.join("certs/apiserver.crt").display()
    ));
    args
}

fn scheduler(folder: &Path, ports: Ports) -> Vec<String> {
    client_flags(folder, "scheduler", ports.scheduler)
}

fn client_flags(folder: &Path, user: &str, port: u16) -> Vec<String> {
    let kubeconfig = folder
        .join(format!("{user}.kubeconfig"))
        .display()
        .to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        "--leader-elect=false".into(),
        "--kube-api-qps=500".into(),
        "--kube-api-burst=1000".into(),
    ]
}

fn kwok(folder: &Path, ports: Ports, stages: &Path) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", folder.join("kwok.kubeconfig").display()),
        "--manage-all-nodes=true".into(),
        format!("--config={}", stages.display()),
        "--node-lease-duration-seconds=40".into(),
        "--node-ip=127.0.0.1".into(),
        format!("--server-address=127.0.0.1:{}", ports.kwok),
    ]
}
