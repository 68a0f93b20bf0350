//! All scenarios, in one table. Each is run by a test of its own on every ground, under `SUBJECT::NAME`.

pub mod agent;
pub mod agent_on_every_node;
pub mod alertmanager;
pub mod bad_input;
pub mod bad_monitoring;
pub mod bindings;
pub mod blue_green;
pub mod both;
pub mod canary;
pub mod claims;
pub mod definitions;
pub mod deployment;
pub mod disturbed;
pub mod killed;
pub mod killed_monitoring;
pub mod kubelets;
pub mod large_configuration;
pub mod namespaces;
pub mod prometheus;
pub mod repair_by_deletion;
pub mod repair_by_eviction;
pub mod secrets_by_name;
pub mod seed;
pub mod seed_services;
mod seed_take_over;
pub mod seed_targets;
pub mod shards;
pub mod take_over;
pub mod thanos_ruler;
pub mod upkeep;
pub mod upstream_admission;
pub mod upstream_agent;
pub mod upstream_alertmanager;
pub mod upstream_alertmanager_configs;
pub mod upstream_assets;
pub mod upstream_bindings;
pub mod upstream_daemon_set;
pub mod upstream_definitions;
pub mod upstream_finalizers;
pub mod upstream_jobs;
pub mod upstream_namespaces;
pub mod upstream_operators;
pub mod upstream_prometheus;
pub mod upstream_reloaders;
pub mod upstream_routes;
pub mod upstream_rulers;
pub mod upstream_rules;
pub mod upstream_scrape_config_fields;
pub mod upstream_thanos_ruler;
pub mod upstream_upgrade;

use std::fmt;
use std::pin::Pin;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::products::{self, Stage};

// One file with scenarios, or a test of upstream's, in several surroundings: each is a subject of its own.
use self::claims as claims_of_alertmanagers;
use self::claims as claims_unseen;
use self::upstream_namespaces as upstream_namespaces_allowed;
use self::upstream_namespaces as upstream_namespaces_not_found;
use self::upstream_namespaces as upstream_namespaces_of_instances;
use self::upstream_namespaces as upstream_namespaces_denied;
use self::upstream_namespaces as upstream_namespaces_of_denied_instances;

/// A scenario at work.
pub type Play<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// One scenario.
pub struct Scenario {
    /// `SUBJECT/NAME`.
    pub name: &'static str,
    /// Whose controllers run, and in which surroundings.
    pub stage: &'static Stage,
    /// What it does.
    pub run: for<'a> fn(&'a Cluster) -> Play<'a>,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The table, and the macro that makes a test of each entry. The `$` is handed in because macros can't write one.
macro_rules! table {
    ($dollar:tt $([$stage:ident] $($subject:ident: $($name:ident),+ $(,)?;)+)+) => {
        /// All scenarios.
        pub static ALL: &[Scenario] = &[
            $($($(Scenario {
                name: concat!(stringify!($subject), "/", stringify!($name)),
                stage: &products::$stage,
                run: |cluster| Box::pin($subject::$name(cluster)),
            },)+)+)+
        ];

        /// Makes a test of every scenario that calls the given function with its name.
        #[macro_export]
        macro_rules! each_scenario {
            ($dollar run:path) => {
                $($(mod $subject {
                    $(#[test]
                    fn $name() {
                        $dollar run(concat!(stringify!($subject), "/", stringify!($name)));
                    })+
                })+)+
            };
        }
    };
}

table! { $
    [ROLLOUTS]
    deployment: becomes_ready_scales_and_rolls;
    blue_green: is_released, is_promoted_by_hand, is_promoted_in_full, goes_back_by_reapplying_the_stable_image, follows_the_delay_of_scale_down;
    canary: is_released, passes_its_steps, is_promoted_in_full, is_aborted_retried_and_taken_back, follows_a_deployment,
        follows_a_replica_set, scales_down_a_deployment_that_comes_later;
    bad_input: is_refused_by_condition, names_services_that_are_missing_or_taken, is_mended_where_it_is_malformed,
        is_refused_by_the_server;
    disturbed: takes_a_new_image_in_mid_canary, takes_a_new_image_in_mid_blue_green, gives_up_at_the_deadline,
        aborts_at_the_deadline_where_asked, keeps_users_where_they_are_at_the_deadline, is_scaled_during_each_step,
        replaces_a_replica_set_deleted_by_hand, replaces_blue_and_green_deleted_by_hand, replaces_pods_deleted_by_hand,
        is_undone_to_an_older_revision;
    killed: after_ten_writes_of_a_canary, after_ten_writes_of_a_blue_green;
    take_over: of_canaries, of_blue_greens;
    upkeep: restarts_pods, keeps_one_old_revision, labels_pods_by_role, takes_in_its_orphan,
        follows_a_pod_template, blocks_the_deletion_of_its_owner;

    [PROMETHEUS]
    prometheus: is_created_scaled_and_deleted, follows_its_service_monitors, leaves_out_a_bad_monitor, follows_its_rules,
        selects_by_labels_of_namespaces,
        is_made_anew_for_other_storage, is_sharded, share_their_monitors,
        spreads_its_rules, keeps_a_shard_for_a_while, takes_over_an_older_set;
    claims: grow_with_each_shard, stay_where_their_class_forbids_it, never_shrink;
    killed_monitoring: after_ten_writes_of_a_server;
    upstream_prometheus: prom_create_delete_cluster, prom_scale_up_down_cluster, prom_no_service_monitor_selector,
        prom_version_migration, prom_resource_update, prom_storage_labels_annotations, sharding_provisioning, resharding,
        prom_preserve_user_added_metadata, prom_min_ready_seconds, prom_degraded_condition_status,
        prom_unavailable_condition_status, prom_status_condition_last_transition_time, prom_strategic_merge_patch,
        prom_reconcile_status_when_invalid_rule_created, prometheus_status_scale, prometheus_service_name,
        prom_scale_up_without_labels, prometheus_with_statefulset_creation_failure, prometheus_retention_policies;

    [ALERTMANAGER]
    alertmanager: is_created_scaled_and_deleted, follows_its_routes, follows_the_users_secret, takes_back_what_others_do,
        speaks_tls;
    claims_of_alertmanagers: grow_with_their_cluster;

    upstream_alertmanager: am_create_delete_cluster, am_scaling_replicas, am_version_migration,
        am_preserve_user_added_metadata, am_rollback_manual_changes, am_min_ready_seconds, am_status_scale, am_service_name,
        am_scale_up_without_labels, am_storage_update, am_with_statefulset_creation_failure, am_web;

    [AGENT]
    agent: is_created_sharded_and_deleted, runs_nowhere_without_the_gate;

    [ON_EVERY_NODE]
    agent_on_every_node: is_created_changes_its_mode_and_is_deleted;
    upstream_daemon_set: create_prometheus_agent_daemon_set, prom_agent_daemon_set_resource_update,
        prom_agent_reconcile_daemon_set_resource_update, prom_agent_reconcile_daemon_set_resource_delete,
        prometheus_agent_daemon_set_select_pod_monitor;

    [SCRAPING]
    upstream_agent: create_prometheus_agent, prometheus_agent_and_server_name_colision, prometheus_agent_check_storage_class,
        prometheus_agent_status_scale, prometheus_agent_sset_service_name;

    [EVICTING]
    repair_by_eviction: of_a_server;

    [DELETING]
    repair_by_deletion: of_each_workload;

    [THANOS_RULER]
    thanos_ruler: is_created_scaled_and_deleted, writes_elsewhere;
    upstream_thanos_ruler: thanos_ruler_create_delete_cluster, thanos_ruler_with_statefulset_creation_failure,
        thanos_ruler_preserve_user_added_metadata, thanos_ruler_min_ready_seconds, thanos_ruler_check_storage_class,
        thanos_ruler_service_name, thanos_ruler_scale_up_without_labels, thanos_ruler_status_updated_replicas_rollback,
        prometheus_rule_status_subresource_for_thanos_ruler, garbage_collection_of_prom_rule_binding_for_thanos_ruler,
        rm_prome_rule_binding_during_workload_delete_for_thanos_ruler;

    [SPREAD]
    large_configuration: is_spread_over_secrets;

    [SELECTED]
    upstream_assets: prom_arbitrary_fs_acc, prom_tls_config_via_secret, prom_secure_pod_monitor, prom_remote_write_with_tls,
        prom_web_with_thanos_sidecar, prom_rule_with_parser_options, prom_only_updated_on_relevant_changes,
        prom_when_delete_crd_clean_up_via_owner_ref, prometheus_utf8_support;
    upstream_rules: prometheus_rule_apply;
    upstream_bindings: service_monitor_status_subresource, garbage_collection_of_service_monitor_binding,
        rm_service_monitor_binding_during_workload_delete, service_monitor_status_with_multiple_workloads,
        pod_monitor_status_subresource, garbage_collection_of_pod_monitor_binding,
        rm_pod_monitor_binding_during_workload_delete, probe_status_subresource, garbage_collection_of_probe_binding,
        rm_probe_binding_during_workload_delete, scrape_config_status_subresource,
        garbage_collection_of_scrape_config_binding, rm_scrape_config_binding_during_workload_delete,
        prometheus_rule_status_subresource, garbage_collection_of_prometheus_rule_binding,
        rm_prometheus_rule_binding_during_workload_delete;

    [DEFINED]
    upstream_definitions: prometheus_crd_validation, relabel_config_crd_validation,
        prometheus_sharding_strategy_cel_validations, prometheus_agent_daemon_set_cel_validations,
        prometheus_rule_crd_validation;

    [DEFINED_ROUTES]
    upstream_routes: alertmanager_config_crd_validation, alertmanager_crd_validation;

    [DEFINED_JOBS]
    upstream_scrape_config_fields: scrape_config_crd_validations, auth_mutual_exclusion;

    [ADMITTED]
    upstream_admission: prom_rules_must_be_annotated, promtest_invalid_rules_are_rejected,
        invalid_alertmanager_configs_are_rejected;

    [ROUTED]
    upstream_alertmanager_configs: alertmanager_config_matcher_strategy, alertmanager_config_crd,
        alertmanager_config_versions, user_defined_alertmanager_config_from_secret,
        user_defined_alertmanager_config_from_custom_resource, am_template_reload_config, am_exposing_with_kubernetes_api;

    [ELSEWHERE]
    upstream_jobs: scrape_config_lifecycle, scrape_config_lifecycle_in_different_ns, scrape_config_kubernetes_node_role,
        scrape_config_dns_sd_config, prom_static_probe, prom_alertmanager_discovery, prom_exposing_with_kubernetes_api,
        thanos, prom_additional_scrape_config, prometheus_reconciliation_on_secret_changes,
        prom_shared_resources_reconciliation, prom_multiple_prometheus_rules_different_ns;
    upstream_rulers: thanos_ruler_prometheus_rule_in_different_namespace, tr_alertmanager_config, tr_query_config,
        thanos_ruler_stateless;
    bad_monitoring: names_a_regex_that_does_not_compile, names_a_rule_that_does_not_parse, takes_labels_of_a_mebibyte,
        names_a_secret_that_vanishes, keeps_to_secrets_of_its_own_namespace, keeps_the_last_good_configuration;

    [UNSERVED]
    definitions: are_waited_for;

    [KUBELETS]
    kubelets: have_a_service;

    [OPERATORS]
    upstream_operators: multiple_operators_prometheus_server, multiple_operators_prometheus_agent,
        multiple_operators_alert_manager, multiple_operators_thanos_ruler;

    [RELOADERS]
    upstream_reloaders: config_reloader_resources;

    [ROLES]
    namespaces: are_looked_after_with_rights_in_each_alone;

    [WITHOUT_CLAIMS]
    claims_unseen: stay_without_the_right_to_them;

    [ALLOWED]
    upstream_namespaces_allowed: prometheus_instance_namespaces_allow_list;

    [NOT_FOUND]
    upstream_namespaces_not_found: prometheus_instance_namespaces_namespace_not_found, alertmanager_instance_namespaces_allow_list;

    [INSTANCES]
    upstream_namespaces_of_instances: prometheus_instance_namespaces_all_ns, alertmanager_instance_namespaces_all_ns;

    [DENIED]
    upstream_namespaces_denied: deny_prometheus, deny_service_monitor, deny_thanos_ruler;

    [DENIED_INSTANCES]
    upstream_namespaces_of_denied_instances: prometheus_instance_namespaces_deny_list, alertmanager_instance_namespaces_deny_ns;

    [KEPT]
    upstream_finalizers: finalizer_when_status_for_config_resources_enabled,
        finalizer_for_prom_agent_when_status_for_config_res_enabled,
        finalizer_for_thanos_ruler_when_status_for_config_res_enabled;

    [SECRETS_BY_NAME]
    secrets_by_name: are_followed_and_made_again, hold_a_large_configuration;

    [MONITORING]
    shards: are_retained_anew, are_spread_over_zones;
    bindings: are_of_every_kind, go_with_their_workloads, go_with_workloads_that_went_unseen,
        lose_the_finalizer_of_another_operator, do_not_keep_definitions, block_the_deletion_of_their_owner;
    upstream_upgrade: operator_upgrade;

    [SEED]
    seed: is_installed, selects_by_namespace, runs_its_alertmanager, writes_its_rules, takes_over_what_is_there,
        leaves_out_authorization, goes_on_with_new_definitions;
    seed_services: lead_to_the_pods;
    seed_targets: finds_etcd;


    [BOTH]
    both: release_what_is_monitored;
}

/// A scenario by name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
