//! `carrick install`: what puts a product into a Kubernetes, under the names upstream's manifests use.

use anyhow::Result;
use clap::{Args, Subcommand};
use rollouts::install::{Install, NAME};

use super::print;

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
    /// The monitoring controllers: the same
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
    /// The monitoring controllers: the same
    Monitoring(RbacMonitoringArgs),
}

/// Where the monitoring controllers run.
#[derive(Args)]
pub struct RbacMonitoringArgs {
    /// The namespace they run in
    #[arg(long, short = 'n', default_value = monitoring::install::NAMESPACE)]
    namespace: String,
}

/// Where the Rollouts controller runs.
#[derive(Args)]
pub struct RbacRolloutsArgs {
    /// The namespace it runs in
    #[arg(long, short = 'n', default_value = NAME)]
    namespace: String,
    /// Only look after Rollouts in that namespace
    #[arg(long)]
    namespaced: bool,
}

impl RbacArgs {
    /// Prints the manifests.
    pub fn run(self) -> Result<()> {
        let access = match self.product {
            RbacProduct::Rollouts(args) => {
                let install = Install {
                    namespace: args.namespace,
                    image: String::new(),
                    namespaced: args.namespaced,
                };
                install.access(&rollouts::access::rights())
            }
            RbacProduct::Monitoring(args) => {
                monitoring::access::account(args.namespace).objects(&monitoring::access::rights())
            }
        };
        let objects = access.map(|(_, object)| object);
        print(&machinery::yaml::documents_to_string(&objects))
    }
}

/// How the Rollouts controller is to be installed.
#[derive(Args)]
pub struct RolloutsArgs {
    /// The namespace it runs in
    #[arg(long, short = 'n', default_value = NAME)]
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
    /// The namespace they run in
    #[arg(long, short = 'n', default_value = monitoring::install::NAMESPACE)]
    namespace: String,
    /// The image they run
    #[arg(long, default_value_t = format!("carrick:{}", super::VERSION))]
    image: String,
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
                let install = monitoring::install::Install {
                    namespace: args.namespace,
                    image: args.image,
                };
                print(&machinery::yaml::documents_to_string(&install.objects()))
            }
        }
    }
}
