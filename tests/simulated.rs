//! Every scenario on the simulator: without failures, and with two; those below have more.

/// The one that `carrick` has: worlds are made of small values, which it hands out sooner than glibc's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

scenarios::each_scenario!(scenarios::explore::without_and_with_two_failures);

/// Every failure at every write: whole releases with their promotion, and such as are aborted, retried and taken back.
mod faults {
    use scenarios::explore::every_write;
    use scenarios::faults::Action;

    const CANARY: &str = "canary/is_released";
    const ABORTED_CANARY: &str = "canary/is_aborted_retried_and_taken_back";
    const BLUE_GREEN: &str = "blue_green/is_released";
    const ABORTED_BLUE_GREEN: &str = "blue_green/goes_back_by_reapplying_the_stable_image";

    #[test]
    fn crash_after_every_write_of_a_canary() {
        every_write(CANARY, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Crash);
    }

    #[test]
    fn crash_after_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Crash);
    }

    #[test]
    fn lost_reply_to_every_write_of_a_canary() {
        every_write(CANARY, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Lost);
    }

    #[test]
    fn lost_reply_to_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Lost);
    }

    #[test]
    fn conflict_at_every_write_of_a_canary() {
        every_write(CANARY, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_an_aborted_canary() {
        every_write(ABORTED_CANARY, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_a_blue_green() {
        every_write(BLUE_GREEN, Action::Conflict);
    }

    #[test]
    fn conflict_at_every_write_of_an_aborted_blue_green() {
        every_write(ABORTED_BLUE_GREEN, Action::Conflict);
    }
}

/// The same for monitoring, with a stale cache of every watched kind: a share of all plans, `cargo xtask sim explore` for all.
mod monitoring_faults {
    use scenarios::explore::{Share, every_failure, every_write};
    use scenarios::faults::Action;

    const SHARE: Share = Share::Some(5);

    #[test]
    fn of_a_server_that_is_scaled() {
        every_failure("prometheus/is_created_scaled_and_deleted", SHARE);
    }

    #[test]
    fn of_service_monitors() {
        every_failure("prometheus/follows_its_service_monitors", SHARE);
    }

    #[test]
    fn of_a_bad_monitor() {
        every_failure("prometheus/leaves_out_a_bad_monitor", SHARE);
    }

    #[test]
    fn conflict_at_every_write_beside_a_bad_monitor() {
        every_write("prometheus/leaves_out_a_bad_monitor", Action::Conflict);
    }

    #[test]
    fn of_rules() {
        every_failure("prometheus/follows_its_rules", SHARE);
    }

    #[test]
    fn of_other_storage() {
        every_failure("prometheus/is_made_anew_for_other_storage", SHARE);
    }

    #[test]
    fn of_shards() {
        every_failure("prometheus/is_sharded", SHARE);
    }

    #[test]
    fn of_a_retained_shard() {
        every_failure("prometheus/keeps_a_shard_for_a_while", SHARE);
    }

    #[test]
    fn of_a_shard_that_is_retained_again() {
        every_failure("shards/are_retained_anew", SHARE);
    }

    #[test]
    fn stale_sets_at_every_write_of_a_shard_that_is_retained_again() {
        let action = Action::Stale("statefulsets");
        every_write("shards/are_retained_anew", action);
    }

    #[test]
    fn of_zones() {
        every_failure("shards/are_spread_over_zones", SHARE);
    }

    #[test]
    fn of_shared_monitors() {
        every_failure("prometheus/share_their_monitors", SHARE);
    }

    #[test]
    fn of_an_alertmanager_that_is_scaled() {
        every_failure("alertmanager/is_created_scaled_and_deleted", SHARE);
    }

    #[test]
    fn of_routes() {
        every_failure("alertmanager/follows_its_routes", SHARE);
    }

    #[test]
    fn of_tls() {
        every_failure("alertmanager/speaks_tls", SHARE);
    }

    #[test]
    fn of_an_agent() {
        every_failure("agent/is_created_sharded_and_deleted", SHARE);
    }

    #[test]
    fn of_an_agent_on_every_node() {
        let name = "agent_on_every_node/is_created_changes_its_mode_and_is_deleted";
        every_failure(name, SHARE);
    }

    #[test]
    fn of_namespaces_with_rights_in_each_alone() {
        every_failure(
            "namespaces/are_looked_after_with_rights_in_each_alone",
            SHARE,
        );
    }

    #[test]
    fn of_secrets_by_name() {
        every_failure("secrets_by_name/are_followed_and_made_again", SHARE);
    }

    #[test]
    fn of_definitions_that_come_later() {
        every_failure("definitions/are_waited_for", SHARE);
    }

    #[test]
    fn of_workloads_that_went_unseen() {
        every_failure("bindings/go_with_workloads_that_went_unseen", SHARE);
    }

    #[test]
    fn of_workloads_with_upstreams_finalizer() {
        every_failure("bindings/lose_the_finalizer_of_another_operator", SHARE);
    }

    #[test]
    fn of_a_thanos_ruler() {
        every_failure("thanos_ruler/is_created_scaled_and_deleted", SHARE);
    }

    #[test]
    fn of_what_a_ruler_writes_elsewhere() {
        every_failure("thanos_ruler/writes_elsewhere", SHARE);
    }
}

mod repeatable {
    use scenarios::explore::{print_traces, same_traces};
    use scenarios::scenarios::ALL;

    #[test]
    fn the_same_seed_gives_the_same_trace() {
        // Those in upstream's words take the same paths as ours.
        let all = ALL.iter().map(|scenario| scenario.name);
        let names: Vec<&str> = all.filter(|name| !name.starts_with("upstream_")).collect();
        same_traces(&names, "repeatable::traces_asked_for_by_another_process");
    }

    #[test]
    fn traces_asked_for_by_another_process() {
        print_traces();
    }
}

mod rights {
    use scenarios::products::Product;
    use scenarios::rights::each_is_needed;

    #[test]
    fn a_refusal_is_about_the_right_that_its_call_takes() {
        let refused = |call: &str, right: &str| {
            let right = right.parse().unwrap();
            scenarios::simulated::NotGranted(call.to_owned()).is_of(&right)
        };
        let patch = "mgr0 PATCH /apis/apps/v1/namespaces/a/statefulsets/b?fieldManager=m";
        assert!(refused(patch, "patch statefulsets.apps"));
        assert!(!refused(patch, "update statefulsets.apps"));
        assert!(!refused(patch, "patch statefulsets"));
        let blocks = format!("{patch} finalizers");
        assert!(refused(
            &blocks,
            "update prometheuses/finalizers.monitoring.coreos.com"
        ));
        assert!(!refused(&blocks, "patch statefulsets.apps"));
    }

    #[test]
    fn each_is_needed_for_rollouts() {
        each_is_needed(Product::Rollouts).unwrap();
    }

    #[test]
    fn each_is_needed_for_monitoring() {
        each_is_needed(Product::Monitoring).unwrap();
    }
}

mod quiet {
    use scenarios::explore::{a_quiet_day, a_quiet_hour};

    #[test]
    fn a_day_after_a_canary() {
        a_quiet_day("canary/is_released");
    }

    #[test]
    fn a_day_after_a_blue_green() {
        a_quiet_day("blue_green/is_released");
    }

    #[test]
    fn a_day_of_a_whole_monitoring() {
        // A workload of every kind, monitors, rules and routes: all of it stays.
        a_quiet_day("bindings/are_of_every_kind");
    }

    #[test]
    fn a_day_after_a_server_was_scaled_and_deleted() {
        a_quiet_day("prometheus/is_created_scaled_and_deleted");
    }

    #[test]
    fn a_day_beside_a_bad_monitor() {
        a_quiet_day("prometheus/leaves_out_a_bad_monitor");
    }

    #[test]
    fn a_day_after_a_server_of_another_operator() {
        a_quiet_day("prometheus/takes_over_an_older_set");
    }

    #[test]
    fn an_hour_of_a_monitoring_that_was_installed_by_an_old_chart() {
        // Under the chart's role the controllers ask again and again for what they may not watch.
        a_quiet_hour("seed/is_installed");
    }

    #[test]
    fn an_hour_of_the_kubelets_service() {
        // Nodes are looked at every half a minute.
        a_quiet_hour("kubelets/have_a_service");
    }

    #[test]
    fn a_day_of_a_configuration_that_is_kept_back() {
        a_quiet_day("bad_monitoring/keeps_the_last_good_configuration");
    }
}
