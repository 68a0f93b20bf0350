//! The monitoring controllers are killed after ten chosen writes; what comes after them goes on from what is there. As with
//! releases they hold a Lease, and nobody gives it back.

use anyhow::Result;

use super::killed::{Story, moment};
use super::prometheus;
use crate::cluster::Cluster;
use crate::moments::{Moment, Write};

fn makes_a_config_map(write: &Write) -> bool {
    write.creates("configmaps")
}

fn makes_a_secret(write: &Write) -> bool {
    write.creates("secrets")
}

fn makes_the_service(write: &Write) -> bool {
    write.creates("services")
}

fn makes_the_set(write: &Write) -> bool {
    write.creates("statefulsets")
}

fn reports(write: &Write) -> bool {
    write.changes("prometheuses/main/status")
}

fn changes_the_configuration(write: &Write) -> bool {
    write.changes("secrets/prometheus-main")
}

fn binds(write: &Write) -> bool {
    write.changes("servicemonitors/web/status")
}

static MOMENTS: [Moment; 10] = [
    moment("the rule files are made", 1, makes_a_config_map),
    moment("the configuration is made", 1, makes_a_secret),
    moment("the TLS material is made", 2, makes_a_secret),
    moment("the Service is made", 1, makes_the_service),
    moment("the StatefulSet is made", 1, makes_the_set),
    moment("the status is written", 1, reports),
    moment("the first job is written", 1, changes_the_configuration),
    moment("the monitor says who uses it", 1, binds),
    moment("a job changes", 2, changes_the_configuration),
    moment("the monitor says so again", 2, binds),
];

/// A server whose monitors come, change and go.
pub async fn after_ten_writes_of_a_server(cluster: &Cluster) -> Result<()> {
    let story = Story {
        play: |cluster| Box::pin(prometheus::follows_its_service_monitors(cluster)),
        pods: None,
    };
    story.survives(cluster, &MOMENTS).await
}
