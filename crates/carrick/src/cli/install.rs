//! `carrick install`: what puts a product into a Kubernetes, under the names upstream's manifests use.

use anyhow::Result;
use clap::{Args, Subcommand};
use monitoring::access::Grants;
use rollouts::install::{Install, NAME};
use runtime::Clock;

use super::operator::gates;
use super::{certificate, fail, namespace, print};

/// Which product, and how.
#[derive(Args)]
pub struct InstallArgs {
    #[command(subcommand)]
    product: Product,
}

#[derive(Subcommand)]
enum Product {
    /// The Rollouts controller: CRDs, RBAC and a Deployment
    Rollouts(RolloutsArgs),
    /// The monitoring controllers: CRDs, RBAC and a Deployment
    Monitoring(MonitoringArgs),
}

/// Which product's rights, and where.
#[derive(Args)]
pub struct RbacArgs {
    #[command(subcommand)]
    product: RbacProduct,
}

#[derive(Subcommand)]
enum RbacProduct {
    /// The Rollouts controller: a ServiceAccount with the rights it uses, and no others
    Rollouts(RbacRolloutsArgs),
    /// The monitoring controllers: a ServiceAccount with the rights they use, and no others
    Monitoring(RbacMonitoringArgs),
}

/// Where the monitoring controllers run, and what they look after.
#[derive(Args)]
pub struct RbacMonitoringArgs {
    /// The namespace they run in
    #[arg(long, short = 'n', default_value = monitoring::install::NAMESPACE, value_parser = namespace)]
    namespace: String,
    /// Only look after these namespaces, with a Role in each instead of a ClusterRole
    #[arg(long, value_delimiter = ',')]
    namespaces: Vec<String>,
    /// What is switched on and off: Name=true,Name=false,…
    #[arg(long, default_value = "")]
    feature_gates: String,
    /// Let them list and watch the Secrets of the whole cluster, whose changes they see once a minute otherwise
    #[arg(long)]
    watch_secrets: bool,
}

impl RbacMonitoringArgs {
    fn grants(self) -> Result<Grants> {
        let named = self.namespaces.iter().map(|name| name.trim());
        let named = named.filter(|name| !name.is_empty());
        let namespaces: Result<_, String> = named.map(namespace).collect();
        let namespaces = namespaces.or_else(|why| fail(format!("--namespaces: {why}")))?;
        Ok(Grants {
            namespaces,
            namespace: self.namespace,
            daemon_sets: gates(&self.feature_gates)?.daemon_sets,
            watches_secrets: self.watch_secrets,
        })
    }
}

/// Where the Rollouts controller runs.
#[derive(Args)]
pub struct RbacRolloutsArgs {
    /// The namespace it runs in
    #[arg(long, short = 'n', default_value = NAME, value_parser = namespace)]
    namespace: String,
    /// Only look after Rollouts in that namespace
    #[arg(long)]
    namespaced: bool,
}

impl RbacArgs {
    /// Prints the manifests.
    pub fn run(self) -> Result<()> {
        let access: Vec<_> = match self.product {
            RbacProduct::Rollouts(args) => {
                let install = Install {
                    namespace: args.namespace,
                    image: String::new(),
                    namespaced: args.namespaced,
                };
                install.access(&rollouts::access::rights()).into()
            }
            RbacProduct::Monitoring(args) => args.grants()?.objects(),
        };
        let objects: Vec<_> = access.into_iter().map(|(_, object)| object).collect();
        print(&machinery::yaml::documents_to_string(&objects))
    }
}

/// How the Rollouts controller is to be installed.
#[derive(Args)]
pub struct RolloutsArgs {
    /// The namespace it runs in
    #[arg(long, short = 'n', default_value = NAME, value_parser = namespace)]
    namespace: String,
    /// The image it runs
    #[arg(long, default_value_t = format!("carrick:{}", super::VERSION))]
    image: String,
    /// Only look after Rollouts in that namespace
    #[arg(long)]
    namespaced: bool,
}

/// How the monitoring controllers are to be installed.
#[derive(Args)]
pub struct MonitoringArgs {
    #[command(flatten)]
    rbac: RbacMonitoringArgs,
    /// The image they run
    #[arg(long, default_value_t = format!("carrick:{}", super::VERSION))]
    image: String,
    /// An image with Carrick's own config-reloader for the pods they make: configurations that are too large for one Secret are
    /// spread over several then [default: upstream's image]
    #[arg(long)]
    config_reloader: Option<String>,
    /// Install the webhooks of `PrometheusRules` and `AlertmanagerConfigs` too, these in both versions, with a certificate that is
    /// made anew each time
    #[arg(long)]
    webhooks: bool,
}

impl InstallArgs {
    /// Prints the manifests.
    pub fn run(self) -> Result<()> {
        match self.product {
            Product::Rollouts(args) => {
                let install = Install {
                    namespace: args.namespace,
                    image: args.image,
                    namespaced: args.namespaced,
                };
                print(&machinery::yaml::documents_to_string(&install.objects()))
            }
            Product::Monitoring(args) => {
                let grants = args.rbac.grants()?;
                let certified = || certificate::certified(&grants.namespace, Clock::system().now());
                let install = monitoring::install::Install {
                    webhooks: args.webhooks.then(certified).transpose()?,
                    grants,
                    image: args.image,
                    reloader: args.config_reloader,
                };
                print(&machinery::yaml::documents_to_string(&install.objects()))
            }
        }
    }
}

#[test]
fn nothing_is_printed_for_what_can_be_no_namespace() {
    use clap::{CommandFactory as _, Parser};
    #[derive(Parser)]
    struct Rbac {
        #[command(flatten)]
        args: RbacMonitoringArgs,
    }
    #[derive(Parser)]
    struct Rollouts {
        #[command(flatten)]
        args: RolloutsArgs,
    }
    Rbac::command().debug_assert();
    for bad in ["Bad NS", "a.b", "", &"a".repeat(64)] {
        assert!(Rbac::try_parse_from(["", "-n", bad]).is_err(), "{bad}");
        assert!(Rollouts::try_parse_from(["", "-n", bad]).is_err(), "{bad}");
    }
    let grants = |namespaces| {
        let read = Rbac::try_parse_from(["", "-n", "team", "--namespaces", namespaces]);
        read.ok().unwrap().args.grants()
    };
    assert_eq!(grants("a, b,").unwrap().namespaces.len(), 2);
    assert!(grants("a,Bad NS").is_err());
    let read = Rollouts::try_parse_from(["", "-n", "team"]);
    assert_eq!(read.ok().unwrap().args.namespace, "team");
}
