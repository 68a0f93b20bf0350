//! Deployments, ReplicaSets, Jobs, Services and disruption budgets.

use super::*;

#[test]
fn nodes_become_ready_and_lose_their_taints() {
    let mut cluster = Cluster::new();
    let nodes = cluster.list(&known::NODES);
    assert_eq!(
        nodes.iter().map(|n| object::name(n)).collect::<Vec<_>>(),
        ["node-1", "node-2", "node-3"]
    );
    assert!(
        nodes
            .iter()
            .all(|n| object::is_true(n, "Ready") && object::items(n, "/spec/taints").is_empty())
    );
}

#[test]
fn a_deployment_of_five_pods_is_ready_within_two_seconds_and_then_rests() {
    let mut cluster = Cluster::new();
    cluster.deployment(5, "web:1");
    let took = cluster.wait(5, |c| c.is_rolled_out("web"));
    assert!(took <= 2, "{took} s");
    let deployment = cluster.get(&known::DEPLOYMENTS, "web").unwrap();
    assert_eq!(
        conditions(&deployment),
        [
            "Available=True MinimumReplicasAvailable",
            "Progressing=True NewReplicaSetAvailable"
        ]
    );
    assert_eq!(
        object::annotation(&deployment, "deployment.kubernetes.io/revision"),
        Some("1")
    );
    let addresses: std::collections::BTreeSet<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| text(p, "/status/podIP").to_owned())
        .collect();
    assert_eq!(addresses.len(), 5);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_new_image_rolls_out_and_the_old_one_can_be_rolled_back_to() {
    let mut cluster = Cluster::new();
    cluster.deployment(4, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let body = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}});
    cluster
        .patch(&known::DEPLOYMENTS, "web", &body("web:2"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| c.is_rolled_out("web"));
    cluster
        .patch(&known::DEPLOYMENTS, "web", &body("web:1"))
        .unwrap();
    cluster.run(1);
    cluster.wait(20, |c| c.is_rolled_out("web"));
    let mut sets: Vec<(String, i64, Option<String>)> = cluster
        .list(&known::REPLICA_SETS)
        .iter()
        .map(|s| {
            let note = |key: &str| object::annotation(s, key).map(str::to_owned);
            let revision = note("deployment.kubernetes.io/revision").unwrap_or_default();
            (
                revision,
                object::count(s, "/spec/replicas"),
                note("deployment.kubernetes.io/revision-history"),
            )
        })
        .collect();
    sets.sort();
    assert_eq!(
        sets,
        [
            ("2".to_owned(), 0, None),
            ("3".to_owned(), 4, Some("1".to_owned()))
        ]
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn an_image_that_cannot_be_pulled_stops_the_rollout_until_the_deadline() {
    let mut cluster = Cluster::new();
    let mut object = deployment(4, "web:1");
    object["spec"]["progressDeadlineSeconds"] = json!(30);
    cluster.create(&known::DEPLOYMENTS, object);
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:bad"}]}}}});
    cluster.patch(&known::DEPLOYMENTS, "web", &body).unwrap();
    cluster.run(60);
    let deployment = cluster.get(&known::DEPLOYMENTS, "web").unwrap();
    assert_eq!(
        conditions(&deployment),
        [
            "Available=True MinimumReplicasAvailable",
            "Progressing=False ProgressDeadlineExceeded"
        ]
    );
    let reasons: std::collections::BTreeSet<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| text(p, "/status/containerStatuses/0/state/waiting/reason").to_owned())
        .collect();
    assert_eq!(
        reasons.into_iter().collect::<Vec<_>>(),
        ["", "ImagePullBackOff"]
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn recreate_waits_for_the_old_pods_to_go() {
    let mut cluster = Cluster::new();
    let mut object = deployment(3, "web:1");
    object["spec"]["strategy"] = json!({"type": "Recreate"});
    cluster.create(&known::DEPLOYMENTS, object);
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let body =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}});
    cluster.patch(&known::DEPLOYMENTS, "web", &body).unwrap();
    cluster.run(5);
    assert!(cluster.is_rolled_out("web"));
    let images: std::collections::BTreeSet<String> = cluster
        .list(&known::PODS)
        .iter()
        .map(|p| text(p, "/spec/containers/0/image").to_owned())
        .collect();
    assert_eq!(images.into_iter().collect::<Vec<_>>(), ["web:2"]);
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut cluster = Cluster::new();
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let body = json!({"spec": {"paused": true, "replicas": 3, "template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}});
    cluster.patch(&known::DEPLOYMENTS, "web", &body).unwrap();
    cluster.run(5);
    let sets = cluster.list(&known::REPLICA_SETS);
    assert_eq!(
        sets.iter()
            .map(|s| object::count(s, "/status/readyReplicas"))
            .collect::<Vec<_>>(),
        [3]
    );
    let deployment = cluster.get(&known::DEPLOYMENTS, "web").unwrap();
    assert_eq!(
        conditions(&deployment),
        [
            "Available=True MinimumReplicasAvailable",
            "Progressing=Unknown DeploymentPaused"
        ]
    );
    cluster
        .patch(
            &known::DEPLOYMENTS,
            "web",
            &json!({"spec": {"paused": null}}),
        )
        .unwrap();
    cluster.run(10);
    assert!(cluster.is_rolled_out("web"));
    assert_eq!(cluster.list(&known::REPLICA_SETS).len(), 2);
}

#[test]
fn min_ready_seconds_delay_availability() {
    let mut cluster = Cluster::new();
    let mut object = deployment(1, "web:1");
    object["spec"]["minReadySeconds"] = json!(10);
    cluster.create(&known::DEPLOYMENTS, object);
    cluster.run(5);
    let set = &cluster.list(&known::REPLICA_SETS)[0];
    assert_eq!(
        (
            object::count(set, "/status/readyReplicas"),
            object::count(set, "/status/availableReplicas")
        ),
        (1, 0)
    );
    cluster.run(8);
    assert!(cluster.is_rolled_out("web"));
}

#[test]
fn a_released_pod_is_replaced_and_an_orphan_adopted() {
    let mut cluster = Cluster::new();
    cluster.deployment(2, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let name = object::name(&cluster.list(&known::PODS)[0]).to_owned();
    let labels = object::labels(&cluster.list(&known::PODS)[0]);
    cluster
        .patch(
            &known::PODS,
            &name,
            &json!({"metadata": {"labels": {"app": "other"}}}),
        )
        .unwrap();
    cluster.run(3);
    assert_eq!(cluster.list(&known::PODS).len(), 3);
    assert_eq!(
        object::controller_of(&cluster.get(&known::PODS, &name).unwrap()),
        None
    );
    cluster
        .patch(
            &known::PODS,
            &name,
            &json!({"metadata": {"labels": labels}}),
        )
        .unwrap();
    cluster.run(3);
    let pods = cluster.list(&known::PODS);
    assert_eq!(pods.len(), 2);
    assert!(pods.iter().all(|p| object::controller_of(p).is_some()));
}

#[test]
fn a_job_completes_and_goes_after_its_time_to_live() {
    let mut cluster = Cluster::new();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"},
        "spec": {"completions": 2, "parallelism": 2, "ttlSecondsAfterFinished": 30,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "job:1"}]}}},
    });
    cluster.create(&known::JOBS, job);
    cluster.run(5);
    let job = cluster.get(&known::JOBS, "j").unwrap();
    assert_eq!(
        conditions(&job),
        [
            "Complete=True CompletionsReached",
            "SuccessCriteriaMet=True CompletionsReached"
        ]
    );
    assert_eq!(cluster.list(&known::PODS).len(), 2);
    cluster.run(40);
    assert_eq!(
        (cluster.get(&known::JOBS, "j"), cluster.list(&known::PODS)),
        (None, vec![])
    );
}

#[test]
fn a_failing_job_is_tried_again_until_its_limit() {
    let mut cluster = Cluster::new();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"},
        "spec": {"backoffLimit": 1, "template": {"metadata": {"annotations": {"carrick.dev/stage": "fail"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "job:1"}]}}},
    });
    cluster.create(&known::JOBS, job);
    cluster.run(30);
    let job = cluster.get(&known::JOBS, "j").unwrap();
    assert_eq!(
        conditions(&job),
        [
            "Failed=True BackoffLimitExceeded",
            "FailureTarget=True BackoffLimitExceeded"
        ]
    );
    assert_eq!(object::count(&job, "/status/failed"), 2);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_service_has_its_ready_pods_as_endpoints() {
    let mut cluster = Cluster::new();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    cluster.create(&known::SERVICES, service);
    cluster.deployment(3, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    cluster.run(1);
    let slices = cluster.list(&known::ENDPOINT_SLICES);
    let slice = slices
        .iter()
        .find(|s| text(s, "/metadata/generateName") == "web-")
        .unwrap();
    let ready = object::items(slice, "/endpoints")
        .iter()
        .filter(|e| object::flag(e, "/conditions/ready"))
        .count();
    assert_eq!(
        (ready, slice["ports"].clone()),
        (3, json!([{"name": "", "port": 8080, "protocol": "TCP"}]))
    );
    let endpoints = cluster.get(&known::ENDPOINTS, "web").unwrap();
    assert_eq!(object::items(&endpoints, "/subsets/0/addresses").len(), 3);
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_disruption_budget_follows_the_pods() {
    let mut cluster = Cluster::new();
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    cluster.create(&known::POD_DISRUPTION_BUDGETS, budget);
    cluster.deployment(3, "web:1");
    cluster.wait(5, |c| c.is_rolled_out("web"));
    let budget = cluster.get(&known::POD_DISRUPTION_BUDGETS, "web").unwrap();
    let counts = [
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
        "disruptionsAllowed",
    ];
    assert_eq!(
        counts.map(|key| object::count(&budget, &format!("/status/{key}"))),
        [3, 2, 3, 1]
    );
    assert_eq!(
        conditions(&budget),
        ["DisruptionAllowed=True SufficientPods"]
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

/// Reason and message of the events about objects of a kind, those from several moments once.
fn told(cluster: &mut Cluster, kind: &str) -> std::collections::BTreeSet<(String, String)> {
    let events = cluster.list(&known::EVENTS);
    events
        .iter()
        .filter(|event| text(event, "/involvedObject/kind") == kind)
        .map(|event| {
            let [reason, message] = ["/reason", "/message"].map(|at| text(event, at).to_owned());
            (reason, message)
        })
        .collect()
}

#[test]
fn budgets_say_what_is_wrong_with_their_pods() {
    let mut cluster = Cluster::new();
    for (name, spec) in [
        (
            "first",
            json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}),
        ),
        (
            "second",
            json!({"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}),
        ),
    ] {
        let budget = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
        cluster.create(&known::POD_DISRUPTION_BUDGETS, budget);
    }
    cluster.run(1);
    let pod = json!({"metadata": {"name": "p", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(&known::PODS, pod);
    cluster.run(5);
    let several = (
        "MultiplePodDisruptionBudgets".to_owned(),
        "Pod \"default\"/\"p\" matches multiple PodDisruptionBudgets.  Chose \"first\" arbitrarily."
            .to_owned(),
    );
    assert!(told(&mut cluster, "Pod").contains(&several));
    let told: Vec<(String, String)> = told(&mut cluster, "PodDisruptionBudget")
        .into_iter()
        .collect();
    assert_eq!(
        told,
        [
            ("NoPods".to_owned(), "No matching pods found".to_owned()),
            (
                "UnmanagedPods".to_owned(),
                "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: web,},\
                 MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the PDB cannot \
                 be calculated correctly, which may result in undefined behavior. To account for these pods please set \
                 \".spec.minAvailable\" field of the PDB to an integer value."
                    .to_owned()
            ),
        ]
    );
    assert_eq!(cluster.writes_while_resting(), Vec::<String>::new());
}

#[test]
fn a_job_with_many_pods_is_suspended_and_goes_on() {
    let mut cluster = Cluster::new();
    let template = json!({"metadata": {"annotations": {"carrick.dev/runs-for": "1h"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(
        &known::JOBS,
        json!({"metadata": {"name": "many", "namespace": "default"}, "spec": {"parallelism": 8, "template": template}}),
    );
    cluster.run(5);
    let state = |cluster: &mut Cluster| {
        let job = cluster.get(&known::JOBS, "many").unwrap();
        let counts = ["active", "failed", "terminating"];
        let counts = counts.map(|key| object::count(&job, &format!("/status/{key}")));
        (counts, conditions(&job), cluster.list(&known::PODS).len())
    };
    assert_eq!(state(&mut cluster), ([8, 0, 0], Vec::new(), 8));
    let suspend = |yes: bool| json!({"spec": {"suspend": yes}});
    cluster.patch(&known::JOBS, "many", &suspend(true)).unwrap();
    cluster.run(5);
    let suspended = vec!["Suspended=True JobSuspended".to_owned()];
    assert_eq!(state(&mut cluster), ([0, 0, 0], suspended, 0));
    cluster
        .patch(&known::JOBS, "many", &suspend(false))
        .unwrap();
    cluster.run(5);
    let resumed = vec!["Suspended=False JobResumed".to_owned()];
    assert_eq!(state(&mut cluster), ([8, 0, 0], resumed, 8));
}

#[test]
fn a_pod_of_a_job_that_somebody_deletes_is_replaced_after_a_while() {
    let mut cluster = Cluster::new();
    let template = json!({"metadata": {"annotations": {"carrick.dev/runs-for": "1h"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(
        &known::JOBS,
        json!({"metadata": {"name": "one", "namespace": "default"}, "spec": {"template": template}}),
    );
    cluster.run(5);
    let pod = object::name(&cluster.list(&known::PODS)[0]).to_owned();
    cluster.delete(&known::PODS, &pod, &DeleteOptions::default());
    cluster.run(2);
    assert_eq!(cluster.list(&known::PODS).len(), 0);
    let took = cluster.wait(30, |c| !c.list(&known::PODS).is_empty());
    assert!((6..=10).contains(&took), "{took} s");
}

#[test]
fn pods_of_a_job_that_end_together_count_together() {
    let mut cluster = Cluster::new();
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "web:1"}]}});
    let spec = json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed", "template": template,
        "successPolicy": {"rules": [{"succeededIndexes": "0-1", "succeededCount": 1}]}});
    cluster.create(
        &known::JOBS,
        json!({"metadata": {"name": "all", "namespace": "default"}, "spec": spec}),
    );
    let is_over = |cluster: &mut Cluster| {
        let job = cluster.get(&known::JOBS, "all").unwrap();
        conditions(&job).contains(&"Complete=True SuccessPolicy".to_owned())
    };
    let took = cluster.wait(10, is_over);
    assert!(took <= 4, "{took} s");
    let job = cluster.get(&known::JOBS, "all").unwrap();
    assert_eq!(
        (
            &job["status"]["completedIndexes"],
            &job["status"]["succeeded"]
        ),
        (&json!("0-2"), &json!(3))
    );
}

#[test]
fn a_job_that_may_not_have_pods_says_so_in_its_status() {
    let mut cluster = Cluster::new();
    let template = json!({"spec": {"restartPolicy": "Never", "serviceAccountName": "none", "containers": [{"name": "c", "image": "web:1"}]}});
    cluster.create(
        &known::JOBS,
        json!({"metadata": {"name": "none", "namespace": "default"}, "spec": {"parallelism": 3, "template": template}}),
    );
    cluster.run(1);
    let job = cluster.get(&known::JOBS, "none").unwrap();
    assert_eq!(
        job["status"],
        json!({"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}, "startTime": job["metadata"]["creationTimestamp"]})
    );
}
