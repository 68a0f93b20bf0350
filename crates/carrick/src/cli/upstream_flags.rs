//! Flags of upstream's controller that this one takes, so that its manifests and its Helm chart start it unchanged, but
//! that have no effect: what they are about isn't here. Mirrors upstream's `cmd/rollouts-controller/main.go`.

use anyhow::Result;
use clap::Args;

/// The heading of these flags in the help.
const HEADING: &str = "Accepted for upstream's manifests, without effect";

/// What was given of them. The values must be of upstream's types.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub struct UpstreamFlags {
    /// Run only these controllers; upstream knows `analysis`, which this version doesn't have
    #[arg(long, value_delimiter = ',')]
    controllers: Vec<String>,
    /// Log level of upstream's Kubernetes client
    #[arg(long, allow_negative_numbers = true)]
    kloglevel: Option<i64>,
    /// How many Experiments are worked on at the same time
    #[arg(long)]
    experiment_threads: Option<u32>,
    /// How many AnalysisRuns are worked on at the same time
    #[arg(long)]
    analysis_threads: Option<u32>,
    /// How many Ingresses are worked on at the same time
    #[arg(long)]
    ingress_threads: Option<u32>,
    /// How many pods get their ephemeral metadata at the same time
    #[arg(long)]
    ephemeral_metadata_threads: Option<u32>,
    /// How often a pod's ephemeral metadata are tried to write
    #[arg(long)]
    ephemeral_metadata_update_pod_retries: Option<u32>,
    /// Ingress classes of the AWS load balancer controller
    #[arg(long)]
    alb_ingress_classes: Vec<String>,
    /// Ingress classes of the nginx ingress controller
    #[arg(long)]
    nginx_ingress_classes: Vec<String>,
    /// Version of VirtualServices
    #[arg(long)]
    istio_api_version: Option<String>,
    /// Version of Mappings
    #[arg(long)]
    ambassador_api_version: Option<String>,
    /// Version of TrafficSplits
    #[arg(long)]
    traffic_split_api_version: Option<String>,
    /// Traefik's API group
    #[arg(long)]
    traefik_api_group: Option<String>,
    /// Version of TraefikServices
    #[arg(long)]
    traefik_api_version: Option<String>,
    /// Version of Ingresses
    #[arg(long)]
    ingress_api_version: Option<String>,
    /// Version of App Mesh's kinds
    #[arg(long)]
    appmesh_crd_version: Option<String>,
    /// Version of TargetGroupBindings
    #[arg(long)]
    aws_target_group_binding_api_version: Option<String>,
    /// Tag by which load balancers are found
    #[arg(long)]
    alb_tag_key_resource_id: Option<String>,
    /// Wait until target groups have their weights
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    aws_verify_target_group: Option<bool>,
    /// Old name of --aws-verify-target-group
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    alb_verify_weight: Option<bool>,
    /// Notifications of the namespace of the Rollout
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    self_service_notification_enabled: Option<bool>,
    /// Address where profiles are served
    #[arg(long)]
    enable_pprof_address: Option<String>,
}

impl UpstreamFlags {
    /// Refuses what would make this controller do something else than what is asked.
    ///
    /// # Errors
    /// If only some controllers are to run.
    pub fn check(&self) -> Result<()> {
        match self.controllers.iter().find(|name| !name.is_empty()) {
            None => Ok(()),
            Some(name) if name == "analysis" => super::fail(
                "--controllers=analysis: this version has no analysis controller\nhint: without --controllers, the Rollout controller runs",
            ),
            Some(name) => super::fail(format!("unsupported controller: {name}")),
        }
    }

    /// One sentence that names all that were given, if any.
    pub fn warning(&self) -> Option<String> {
        let given = self.given();
        let verb = if given.len() == 1 { "has" } else { "have" };
        (!given.is_empty()).then(|| format!("{} {verb} no effect in Carrick", given.join(", ")))
    }

    /// The flags that were given.
    fn given(&self) -> Vec<&'static str> {
        let Self {
            controllers: _, // never both given and accepted, see `check`
            kloglevel,
            experiment_threads,
            analysis_threads,
            ingress_threads,
            ephemeral_metadata_threads,
            ephemeral_metadata_update_pod_retries,
            alb_ingress_classes,
            nginx_ingress_classes,
            istio_api_version,
            ambassador_api_version,
            traffic_split_api_version,
            traefik_api_group,
            traefik_api_version,
            ingress_api_version,
            appmesh_crd_version,
            aws_target_group_binding_api_version,
            alb_tag_key_resource_id,
            aws_verify_target_group,
            alb_verify_weight,
            self_service_notification_enabled,
            enable_pprof_address,
        } = self;
        let all = [
            ("--kloglevel", kloglevel.is_some()),
            ("--experiment-threads", experiment_threads.is_some()),
            ("--analysis-threads", analysis_threads.is_some()),
            ("--ingress-threads", ingress_threads.is_some()),
            (
                "--ephemeral-metadata-threads",
                ephemeral_metadata_threads.is_some(),
            ),
            (
                "--ephemeral-metadata-update-pod-retries",
                ephemeral_metadata_update_pod_retries.is_some(),
            ),
            ("--alb-ingress-classes", !alb_ingress_classes.is_empty()),
            ("--nginx-ingress-classes", !nginx_ingress_classes.is_empty()),
            ("--istio-api-version", istio_api_version.is_some()),
            ("--ambassador-api-version", ambassador_api_version.is_some()),
            (
                "--traffic-split-api-version",
                traffic_split_api_version.is_some(),
            ),
            ("--traefik-api-group", traefik_api_group.is_some()),
            ("--traefik-api-version", traefik_api_version.is_some()),
            ("--ingress-api-version", ingress_api_version.is_some()),
            ("--appmesh-crd-version", appmesh_crd_version.is_some()),
            (
                "--aws-target-group-binding-api-version",
                aws_target_group_binding_api_version.is_some(),
            ),
            (
                "--alb-tag-key-resource-id",
                alb_tag_key_resource_id.is_some(),
            ),
            (
                "--aws-verify-target-group",
                aws_verify_target_group.is_some(),
            ),
            ("--alb-verify-weight", alb_verify_weight.is_some()),
            (
                "--self-service-notification-enabled",
                self_service_notification_enabled.is_some(),
            ),
            ("--enable-pprof-address", enable_pprof_address.is_some()),
        ];
        let given = all.into_iter().filter(|(_, given)| *given);
        given.map(|(name, _)| name).collect()
    }
}
