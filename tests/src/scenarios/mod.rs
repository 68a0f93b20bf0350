//! All scenarios, in one table. Each is run by a test of its own on every ground, under `SUBJECT::NAME`.

pub mod bad_input;
pub mod blue_green;
pub mod canary;
pub mod deployment;
pub mod disturbed;
pub mod killed;
pub mod take_over;
pub mod upkeep;

use std::fmt;
use std::pin::Pin;

use anyhow::Result;

use crate::cluster::Cluster;

/// A scenario at work.
pub type Play<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// One scenario.
pub struct Scenario {
    /// `SUBJECT/NAME`.
    pub name: &'static str,
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
    ($dollar:tt $($subject:ident: $($name:ident),+ $(,)?;)+) => {
        /// All scenarios.
        pub static ALL: &[Scenario] = &[
            $($(Scenario {
                name: concat!(stringify!($subject), "/", stringify!($name)),
                run: |cluster| Box::pin($subject::$name(cluster)),
            },)+)+
        ];

        /// Makes a test of every scenario that calls the given function with its name.
        #[macro_export]
        macro_rules! each_scenario {
            ($dollar run:path) => {
                $(mod $subject {
                    $(#[test]
                    fn $name() {
                        $dollar run(concat!(stringify!($subject), "/", stringify!($name)));
                    })+
                })+
            };
        }
    };
}

table! { $
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
}

/// A scenario by name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}
